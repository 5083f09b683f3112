"""The network allows exactly the arrows of the architecture: those that settings and code have, and no other."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from nexus.eventbus.registry import members
from tests.kubernetes.network import ENGINES, OTHERS, Edge, edges, places
from tests.kubernetes.tools import REPOSITORY, Manifest, overlay, titled

NEXUS = REPOSITORY / "nexus"
APPS = ("accounts", "catalog", "inventory", "orders")
REDIS = re.compile(r"\b(django_redis|nexus\.web\.express\.pipe|nexus\.web\.generations)\b")
OUTSIDE = {place.name for place in OTHERS if place.name != "intruder"}
INSIDE_OUT = {"dns"}
"""Whom of those outside everybody may ask."""


def settings_module(app: str) -> str:
    return (NEXUS / "settings" / f"{app}.py").read_text()


def stores(app: str) -> set[tuple[str, int]]:
    """Where an app has or asks something: Postgres by its settings, MongoDB by its own word, Redis by its imports."""
    found = set()
    if "postgres(" in settings_module(app):
        found.add(("postgres", 5432))
    if "MongoDB" in (NEXUS / app / "__init__.py").read_text():
        found.add(("mongo", 27017))
    if any(REDIS.search(file.read_text()) for file in (NEXUS / app).rglob("*.py")):
        found.add(("valkey", 6379))
    return found


def processes(app: str) -> list[str]:
    """Those that carry events, beside web: an app with a log has a relay, one that hears something has a worker."""
    hears = [f"worker-{app}"] if members[app].handlers else []
    return [f"relay-{app}", *hears, f"prepare-{app}"]


def arrows_of_services() -> set[Edge]:
    verifies = {app for app in APPS if "nexus.settings.staff" not in settings_module(app)}
    found = {("web-gateway", f"web-{app}", 8080) for app in settings.ROUTES.values()}
    found |= {(f"web-{app}", "web-accounts", 8080) for app in verifies}
    found |= {("web-gateway", *where) for where in stores("gateway")}
    for app in APPS:
        carriers = processes(app)
        found |= {(name, *where) for name in (f"web-{app}", *carriers) for where in stores(app)}
        found |= {(name, "rabbitmq", 5672) for name in carriers}
    return found


def arrows_of_the_monolith() -> set[Edge]:
    workers = [f"worker-{name}" for name, member in members.items() if member.handlers]
    carriers = ["staff", "relay", "prepare", *workers]
    everywhere = set().union(*map(stores, APPS))
    found = {(name, *where) for name in ("web", *carriers) for where in everywhere}
    return found | {(name, "rabbitmq", 5672) for name in carriers}


def allowed(manifests: list[Manifest]) -> set[Edge]:
    """What the policies allow, but for the way to the cluster's names, which everybody has."""
    found = edges(manifests, [*places(manifests), *ENGINES, *OTHERS])
    return {edge for edge in found if edge[1:] != ("dns", 53) and not {edge[0], edge[1]} <= OUTSIDE}


def without_engines(found: set[Edge]) -> set[Edge]:
    engines = {place.name for place in ENGINES}
    return {edge for edge in found if edge[0] not in engines}


DOORS = {
    "monolith": {("ingress", "web", 8080)},
    "minikube": {("ingress", "web", 8080)},
    "services": {("ingress", "web-gateway", 8080)},
    "gke": {("google", "web-gateway", 8080)},
}


def arrows(name: str) -> set[Edge]:
    found = arrows_of_the_monolith() if name in ("monolith", "minikube") else arrows_of_services()
    return found | DOORS[name]


def scraped(manifests: list[Manifest]) -> set[Edge]:
    """For Prometheus, where the monitoring component is in: all that tell figures; the Jobs are let in and do not."""
    return {("prometheus", place.name, 9100) for place in places(manifests)} | {("prometheus", "rabbitmq", 15692)}


class TestTheTable:
    def test_is_what_the_architecture_says(self) -> None:
        kinds = {app: {where for where, _ in stores(app)} for app in (*APPS, "gateway")}

        assert kinds == {
            "accounts": {"postgres", "valkey"},
            "catalog": {"mongo", "valkey"},
            "inventory": {"postgres", "valkey"},
            "orders": {"postgres"},
            "gateway": {"valkey"},
        }

    def test_has_no_way_from_one_app_to_another_but_to_the_keys(self) -> None:
        between = {edge for edge in arrows_of_services() if edge[2] == 8080 and edge[0] != "web-gateway"}

        assert between == {(f"web-{app}", "web-accounts", 8080) for app in ("catalog", "inventory", "orders")}


class TestTheNetwork:
    @pytest.mark.parametrize("name", ["monolith", "services", "minikube"])
    def test_allows_exactly_the_arrows(self, name: str) -> None:
        assert without_engines(allowed(overlay(name))) == arrows(name)

    def test_allows_prometheus_too_where_it_is(self) -> None:
        manifests = overlay("gke")

        assert without_engines(allowed(manifests)) == arrows("gke") | scraped(manifests)

    @pytest.mark.parametrize("name", ["monolith", "services", "minikube", "gke"])
    def test_lets_engines_speak_among_themselves_and_with_the_cluster_alone(self, name: str) -> None:
        engines = {place.name for place in ENGINES}
        ways = {edge for edge in allowed(overlay(name)) if edge[0] in engines}

        assert {(target, port) for _, target, port in ways} <= {(place, 443) for place in OUTSIDE}
        assert "valkey" not in {source for source, *_ in ways}

    @pytest.mark.parametrize(
        ("title", "change"),
        [
            ("NetworkPolicy to-dns", {"egress": [{}]}),
            ("NetworkPolicy nothing-by-default", {"policyTypes": ["Egress"]}),
            ("NetworkPolicy to-postgres-orders", {"egress": [{"to": [{"podSelector": {}}]}]}),
            ("NetworkPolicy to-postgres-orders", {"egress": []}),
            ("NetworkPolicy to-keys", {"egress": []}),
            ("NetworkPolicy apps-from-gateway", {"ingress": []}),
            ("NetworkPolicy to-broker-orders", {"podSelector": {}}),
            ("NetworkPolicy from-outside-gateway", {"ingress": [{"ports": [{"port": 8080}]}]}),
            ("NetworkPolicy valkey", {"ingress": [{"from": [{"podSelector": {}}], "ports": [{"port": 5432}]}]}),
        ],
    )
    def test_would_be_caught_with_a_way_too_many_or_too_few(self, title: str, change: dict[str, Any]) -> None:
        wrong = copy.deepcopy(overlay("services"))
        next(each for each in wrong if titled(each) == title)["spec"].update(change)

        assert without_engines(allowed(wrong)) != arrows("services")


class TestAnArrow:
    def test_needs_both_of_its_ends(self) -> None:
        wrong = copy.deepcopy(overlay("services"))
        for each in wrong:
            if titled(each) == "NetworkPolicy to-keys":
                each["spec"]["podSelector"] = {}

        # All may go out to accounts now, and accounts still takes whom it took.
        assert without_engines(allowed(wrong)) == arrows("services")


class TestOrders:
    def test_can_be_reached_by_nobody_but_the_gateway(self) -> None:
        assert {edge[0] for edge in allowed(overlay("services")) if edge[1] == "web-orders"} == {"web-gateway"}


def test_every_app_is_in_the_table() -> None:
    folders = {file.parent.name for file in Path(NEXUS).glob("*/apps.py")} - {"eventbus", "web", "gateway"}

    assert folders == set(APPS)
