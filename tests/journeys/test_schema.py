"""The OpenAPI document: whole, without warnings, and the docs page works without the internet."""

import re
from io import StringIO
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

PUBLIC_PREFIXES = ("/api/v1/", "/oauth/", "/.well-known/")


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    out = StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    schema: dict[str, Any] = yaml.safe_load(out.getvalue())
    return schema


def routes(resolver: URLResolver, prefix: str = "/") -> list[str]:
    """Every path that the project answers, in the document's spelling."""
    found = []
    for entry in resolver.url_patterns:
        path = prefix + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(entry.pattern))
        found += routes(entry, path) if isinstance(entry, URLResolver) else [path]
        assert isinstance(entry, URLPattern | URLResolver)
    return found


class TestDocument:
    def test_is_generated_without_a_warning(self, document: dict[str, Any]) -> None:
        assert document["openapi"].startswith("3.1")

    def test_lists_every_endpoint_there_is(self, document: dict[str, Any]) -> None:
        real = {path for path in routes(get_resolver()) if path.startswith("/api/v1/")}

        assert real == {path for path in document["paths"] if path.startswith("/api/v1/")}

    def test_says_for_each_operation_how_it_refuses(self, document: dict[str, Any]) -> None:
        silent = [
            f"{method} {path}"
            for path, operations in document["paths"].items()
            for method, operation in operations.items()
            if path.startswith("/api/v1/") and not {"400", "429", "503"} <= operation["responses"].keys()
        ]

        assert silent == []

    def test_gives_every_operation_a_summary_and_a_name_of_its_own(self, document: dict[str, Any]) -> None:
        operations = [
            operation
            for path, each in document["paths"].items()
            for operation in each.values()
            if path.startswith("/api/v1/")
        ]
        names = [operation["operationId"] for operation in operations]

        assert len(names) == len(set(names))
        assert [o["operationId"] for o in operations if not (o.get("summary") or o.get("description"))] == []


@pytest.mark.django_db(databases=["default"])
class TestDocsPage:
    def test_loads_nothing_from_elsewhere(self) -> None:
        page = Client().get("/api/docs").content.decode()

        assert re.findall(r'(?:src|href)="https?://[^"]+', page) == []
        assert "/static/" in page

    def test_has_its_assets(self) -> None:
        page = Client().get("/api/docs").content.decode()

        for asset in re.findall(r'(?:src|href)="(/static/[^"]+)', page):
            assert Client().get(asset).status_code == 200, asset
