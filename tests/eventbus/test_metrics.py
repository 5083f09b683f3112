"""What Prometheus is told of the bus."""

from collections.abc import Callable, Iterator
from urllib.request import urlopen

import pytest
from django.conf import settings
from django.db import OperationalError
from prometheus_client.parser import text_string_to_metric_families

from nexus.eventbus import bus
from nexus.eventbus.metrics import BusCollector
from nexus.eventbus.registry import Gauge, Member, members
from nexus.eventbus.stores.postgres import PostgresStore
from nexus.telemetry.exposition import serve, serve_if_asked
from tests.eventbus.conftest import DATABASES, Witness, lit, tell
from tests.ports import free_port

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)
ABOUT = ("consumer", "subscriber", "part")
Figures = dict[tuple[str, str], float]
Scrape = Callable[[], Figures]


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def figures(port: int) -> Iterator[Scrape]:
    """Scrapes; figures by name and what they are about."""

    def scrape() -> Figures:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=20) as answer:
            text = answer.read().decode()
        return {
            (sample.name, next((sample.labels[name] for name in ABOUT if name in sample.labels), "")): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    stop = serve(port, [BusCollector()], address="127.0.0.1")
    yield scrape
    stop()


class TestMetrics:
    def test_tell_what_waits_and_for_how_long(
        self, member: Member, witness: Witness, store: PostgresStore, figures: Scrape
    ) -> None:
        bad = lit()
        witness.failure = lambda _: ValueError("no")
        tell(store, bad)
        bus.drain()
        tell(store, lit(), lit())

        found = figures()

        assert found["nexus_outbox_pending", "toys > inprocess toys"] == 2
        assert 0 < found["nexus_outbox_oldest_age_seconds", "toys > inprocess toys"] < 300
        assert found["nexus_dlq_depth", "toys"] == 1
        assert found["nexus_up", "toys"] == 1

    def test_are_nought_when_nothing_waits(self, member: Member, store: PostgresStore, figures: Scrape) -> None:
        tell(store, lit())
        bus.drain()

        found = figures()

        assert found["nexus_outbox_pending", "toys > inprocess toys"] == 0
        assert found["nexus_outbox_oldest_age_seconds", "toys > inprocess toys"] == 0

    def test_have_room_for_an_apps_own(self, member: Member, figures: Scrape) -> None:
        members["toys"] = Member(
            name="toys", store=member.store, gauges=[Gauge(name="lamps", meaning="", read=lambda: 7)]
        )

        assert figures()["lamps", ""] == 7

    def test_say_so_when_a_store_is_away(self, member: Member, figures: Scrape) -> None:
        def away() -> float:
            raise OperationalError("away")

        members["toys"] = Member(name="toys", store=member.store, gauges=[Gauge(name="lamps", meaning="", read=away)])

        found = figures()

        assert found["nexus_up", "toys"] == 0
        assert ("lamps", "") not in found

    def test_are_left_out_when_the_port_is_taken(
        self,
        member: Member,
        figures: Scrape,
        port: int,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setattr(settings, "METRICS_PORT", port)

        serve_if_asked()

        assert f"no metrics on port {port}" in caplog.text
