"""What every request passes: native to sync and async alike."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from asgiref.sync import iscoroutinefunction
from django.conf import settings
from django.db import OperationalError, connections
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory
from django.utils.module_loading import import_string

from nexus.contracts.correlation import current_cause
from nexus.web import health

DATABASES = [alias for alias, each in settings.DATABASES.items() if "postgresql" in each["ENGINE"]]
OURS = [name for name in settings.MIDDLEWARE if name.startswith("nexus.")]


def answer(request: HttpRequest) -> HttpResponse:
    return HttpResponse(current_cause().correlation_id)


async def answer_async(request: HttpRequest) -> HttpResponse:
    return HttpResponse(current_cause().correlation_id)


def through(name: str, request: HttpRequest) -> list[HttpResponse]:
    """What the middleware makes of the request, in a sync chain and in an async one."""
    build: Callable[[object], Callable[[HttpRequest], HttpResponse | Awaitable[HttpResponse]]] = import_string(name)
    return [build(answer)(request), asyncio.run(build(answer_async)(request))]


class TestEveryMiddlewareOfOurs:
    @pytest.mark.parametrize("name", OURS)
    def test_is_native_to_both_worlds(self, name: str) -> None:
        build = import_string(name)

        assert build.sync_capable
        assert build.async_capable
        assert iscoroutinefunction(build(answer_async))
        assert not iscoroutinefunction(build(answer))

    @pytest.mark.parametrize("name", OURS)
    def test_does_the_same_in_both(self, name: str, settings: object) -> None:
        settings.RATE_LIMIT = (0, 1)
        request = RequestFactory().get("/livez/", headers={"X-Request-ID": "same-in-both"})

        sync, async_ = through(name, request)

        assert (sync.status_code, dict(sync.headers), sync.content) == (
            async_.status_code,
            dict(async_.headers),
            async_.content,
        )


class TestRequestId:
    @pytest.mark.parametrize("given", ["abcdefgh", "a" * 64, "Order-2026-11"])
    def test_is_returned_as_given(self, given: str) -> None:
        assert Client().get("/livez", headers={"X-Request-ID": given})["X-Request-ID"] == given

    @pytest.mark.parametrize("given", ["short", "a" * 65, "with space", "inj\tection", "ünïcödé"])
    def test_is_made_when_it_is_not_well_formed(self, given: str) -> None:
        answered = Client().get("/livez", headers={"X-Request-ID": given})["X-Request-ID"]

        assert answered != given
        assert len(answered) == 32

    def test_is_the_correlation_id_of_whatever_is_told(self) -> None:
        request = RequestFactory().get("/", headers={"X-Request-ID": "one-story-only"})

        sync, async_ = through("nexus.web.middleware.request_id", request)

        assert sync.content == async_.content == b"one-story-only"


class TestPaths:
    @pytest.mark.parametrize("path", ["/livez", "/livez/", "/livez//"])
    def test_mean_the_same_with_and_without_trailing_slash(self, path: str) -> None:
        assert Client().get(path).status_code == 200

    def test_that_lead_nowhere_are_problems(self) -> None:
        answered = Client().get("/nowhere")

        assert (answered.status_code, answered["Content-Type"]) == (404, "application/problem+json")


class TestSecurityHeaders:
    @pytest.mark.parametrize("path", ["/livez", "/nowhere"])
    def test_are_on_every_answer(self, path: str) -> None:
        answered = Client().get(path)

        assert answered["X-Content-Type-Options"] == "nosniff"
        assert answered["X-Frame-Options"] == "DENY"
        assert "default-src 'self'" in answered["Content-Security-Policy"]


class TestProbes:
    def test_liveness_asks_nothing_of_anybody(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(health, "checks", {"gone": lambda: 1 / 0})

        assert Client().get("/livez").json() == {"status": "alive"}

    def test_readiness_names_what_is_missing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(health, "checks", {"gone": lambda: 1 / 0})
        monkeypatch.setattr(health, "_last", (float("-inf"), {}))
        monkeypatch.setattr(health, "_is_real", lambda alias: False)

        answered = Client().get("/readyz")

        assert (answered.status_code, answered.json()["checks"]) == (503, {"gone": "unreachable"})


@pytest.mark.django_db(databases=DATABASES)
class TestTheStartupProbe:
    @pytest.fixture(autouse=True)
    def just_begun(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(health, "_started", False)

    def test_waits_for_every_migration_and_asks_no_more_after_that(self) -> None:
        with connections[DATABASES[-1]].cursor() as cursor:
            cursor.execute("SELECT max(id) FROM django_migrations")
            cursor.execute(
                "DELETE FROM django_migrations WHERE id = %s RETURNING app, name, applied", cursor.fetchone()
            )
            [row] = cursor.fetchall()
            before = Client().get("/startupz")
            cursor.execute("INSERT INTO django_migrations (app, name, applied) VALUES (%s, %s, %s)", row)

            after = Client().get("/startupz")
            cursor.execute("DELETE FROM django_migrations WHERE app = %s AND name = %s", row[:2])

            assert (before.status_code, before.json()["checks"][DATABASES[-1]]) == (503, "migrations missing")
            assert (after.status_code, after.json()) == (200, {"status": "started"})
            assert Client().get("/startupz").status_code == 200

    def test_names_what_does_not_answer(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def fail(_: object) -> None:
            raise OperationalError("connection refused")

        monkeypatch.setattr(health, "MigrationExecutor", fail)

        answered = Client().get("/startupz")

        assert (answered.status_code, set(answered.json()["checks"].values())) == (503, {"unreachable"})


def test_no_page_loads_anything_from_elsewhere() -> None:
    templates = Path(settings.BASE_DIR, "nexus").rglob("templates/**/*.html")

    offenders = [path for path in templates if 'src="http' in path.read_text() or 'href="http' in path.read_text()]

    assert offenders == []
