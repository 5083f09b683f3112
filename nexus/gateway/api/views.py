"""The page at the front door."""

from django.apps import apps
from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render

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


def root(request: HttpRequest) -> HttpResponse:
    """Links to everything that is here, as a page for people and as JSON for programs."""
    here = {app: links for app, links in ROOMS.items() if app in settings.APPS}
    operations = [*OPERATIONS, ("/admin/", "Staff")] if apps.is_installed("django.contrib.admin") else OPERATIONS
    if request.accepts("text/html"):
        return render(request, "gateway/root.html", {"rooms": here, "operations": operations})
    links = {title: url for app in here.values() for url, title in app} | {title: url for url, title in operations}
    return JsonResponse({"name": "Nexus", "links": links})
