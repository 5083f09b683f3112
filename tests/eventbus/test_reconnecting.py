"""A worker whose broker is away finds it soon after it is back."""

from types import SimpleNamespace

import pytest
from kombu import Connection
from kombu.exceptions import OperationalError

from nexus.eventbus.backends.celery.consumer import LONGEST_WAIT, SubscriberConsumer

TRIES = 20
NOBODY = "amqp://127.0.0.1:1//"


class TestAWorkerWithoutItsBroker:
    def test_looks_for_it_every_few_seconds_however_long_it_is_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        slept: list[float] = []
        monkeypatch.setattr("kombu.utils.functional.sleep", slept.append)
        consumer = SubscriberConsumer.__new__(SubscriberConsumer)
        consumer.first_connection_attempt, consumer.broker_connection_retry_attempt = True, 0
        conf = {"broker_connection_retry_on_startup": True, "broker_connection_max_retries": TRIES}
        consumer.app = SimpleNamespace(conf=SimpleNamespace(**conf))

        with pytest.raises(OperationalError):
            consumer.ensure_connected(Connection(NOBODY, connect_timeout=1))

        assert TRIES / 2 < sum(slept) <= TRIES * LONGEST_WAIT
