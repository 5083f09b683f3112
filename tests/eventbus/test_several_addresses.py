"""Stores and brokers of several nodes: whoever connects finds the one that answers."""

import pytest
from celery import Celery
from django.conf import settings
from django.db import connections
from kombu.exceptions import OperationalError

from nexus.eventbus.backends.celery import connecting
from nexus.eventbus.postgresql.connection import PatientConnection
from nexus.eventbus.stores.postgres_rows import parameters_of
from tests.eventbus.conftest import DATABASE

GONE = "amqp://guest:guest@127.0.0.1:1//"
ALSO_GONE = "amqp://guest:guest@127.0.0.1:2//"


@pytest.fixture
def nodes(broker_url: str, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three nodes, of which the last alone is there."""
    named = [GONE, ALSO_GONE, broker_url]
    monkeypatch.setattr(settings, "EVENT_BUS", settings.EVENT_BUS | {"BROKER_URL": ";".join(named)})
    return named


class TestABrokerOfSeveralNodes:
    def test_is_reached_at_any_that_answers(self, nodes: list[str]) -> None:
        for _ in range(5):
            with connecting.connect(within=2, silence=2) as connection:
                assert connection.connected

    def test_is_away_when_none_answers(self, nodes: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(connecting, "addresses", lambda: nodes[:2])

        with pytest.raises(OperationalError):
            connecting.connect(within=2, silence=2)

    def test_gets_its_clients_spread_over_its_nodes(self, nodes: list[str]) -> None:
        assert {connecting.shuffled()[0] for _ in range(100)} == set(nodes)

    def test_is_reached_by_a_worker_too(self, nodes: list[str]) -> None:
        celery = Celery(broker=";".join(nodes), set_as_current=False)

        with celery.connection_for_read(connect_timeout=2) as connection:
            connection.ensure_connection(max_retries=len(nodes), interval_start=0, interval_step=0)

            assert connection.connected


@pytest.mark.django_db(databases=[DATABASE])
class TestAPrimaryAmongSeveral:
    def test_is_found_whichever_is_gone(self) -> None:
        there = parameters_of(DATABASE)
        several = there | {
            "host": f"127.0.0.1,{there['host']}",
            "port": f"1,{there['port']}",
            "target_session_attrs": "read-write",
        }

        with PatientConnection.connect(**several) as connection:
            assert connection.info.port == int(connections[DATABASE].settings_dict["PORT"])
