"""The page at the front door, and the living map behind it."""

from dataclasses import asdict

import msgspec
from django.conf import settings
from django.contrib.admin.views.decorators import staff_member_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from nexus.contracts.errors import NexusError
from nexus.gateway.api.express import STAFF_ARE_HERE
from nexus.gateway.map.plan import FIGURES, plan
from nexus.gateway.map.way import way_of
from nexus.web.problems import respond

ROOMS = {
    "catalog": [("/api/v1/products", "Products"), ("/api/v1/categories", "Categories")],
    "orders": [("/api/v1/orders", "Your orders")],
    "inventory": [("/api/v1/inventory/locations", "Locations")],
    "accounts": [("/api/v1/accounts/me", "Your account"), ("/login", "Log in")],
}
OPERATIONS = [
    ("/api/docs", "API documentation"),
    ("/api/schema", "OpenAPI document"),
    ("/livez", "Alive?"),
    ("/readyz", "Ready?"),
    ("/startupz", "Started?"),
]
FOR_STAFF = [("/admin/map/", "Living map"), ("/admin/", "Staff")]


def root(request: HttpRequest) -> HttpResponse:
    """Links to everything that is here, as a page for people and as JSON for programs."""
    here = {app: links for app, links in ROOMS.items() if app in settings.APPS}
    operations = [*OPERATIONS, *FOR_STAFF] if STAFF_ARE_HERE else OPERATIONS
    if request.accepts("text/html"):
        return render(request, "gateway/root.html", {"rooms": here, "operations": operations})
    links = {title: url for app in here.values() for url, title in app} | {title: url for url, title in operations}
    return JsonResponse({"name": "Nexus", "links": links})


@require_safe
@staff_member_required
def living_map(request: HttpRequest) -> HttpResponse:
    """The diagram; its figures come by the stream (`nexus.gateway.map.stream`)."""
    drawn = plan()
    reading = {
        "figures": {name: asdict(figure) for name, figure in FIGURES.items()},
        "shown": {box.id: list(box.figures) for box in drawn.boxes()}
        | {line.id: list(line.figures) for line in drawn.arrows()},
    }
    response = render(request, "gateway/map.html", {"plan": drawn, "reading": reading})
    response["Cache-Control"] = "no-store"
    return response


@require_safe
@staff_member_required
def order_way(request: HttpRequest, reference: str) -> HttpResponse:
    """The way of one order as JSON, by its id or number, or of the newest (`latest`)."""
    try:
        way = way_of(reference)
    except NexusError as why:
        return respond(why, request)
    return HttpResponse(
        msgspec.json.encode(way), content_type="application/json", headers={"Cache-Control": "no-store"}
    )
