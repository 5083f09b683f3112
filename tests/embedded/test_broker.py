"""The broker of the shapes that need one: named, found, or a node of the shop's own."""

import os
from contextlib import suppress
from pathlib import Path

import pytest
from kombu import Connection, Queue

from nexus.embedded import broker as module
from nexus.embedded.broker import VARIABLE, answers, broker
from nexus.embedded.errors import EmbeddedError

KEPT = Queue("kept", durable=True, queue_arguments={"x-queue-type": "quorum"})


@pytest.fixture(autouse=True)
def _nothing_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (VARIABLE, "NEXUS_EVENT_BUS"):
        monkeypatch.delenv(name, raising=False)


def put(url: str, text: str) -> None:
    with Connection(url) as connection, connection.channel() as channel:
        producer = connection.Producer(channel)
        producer.publish(text, routing_key=KEPT.name, declare=[KEPT], delivery_mode=2)


def taken(url: str) -> str:
    with Connection(url) as connection, connection.channel() as channel:
        message = KEPT(channel).get(no_ack=True)
        return message.payload if message else ""


def own_node(var: Path) -> None:
    """As if the shop had had a node of its own before: then it has one again, whoever else is at the usual place."""
    (var / "rabbitmq").mkdir(parents=True)


class TestTheBroker:
    def test_is_the_one_that_is_named(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(VARIABLE, "amqp://somebody@elsewhere//")

        with broker(var=tmp_path, announce=print) as found:
            assert found[VARIABLE] == "amqp://somebody@elsewhere//"
            assert found["NEXUS_EVENT_BUS"] == "celery"

    def test_has_names_of_the_shops_own(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv(VARIABLE, "amqp://elsewhere//")

        def namespace(var: Path) -> str:
            var.mkdir(exist_ok=True)
            with broker(var=var, announce=print) as found:
                return found["NEXUS_BUS_NAMESPACE"]

        assert namespace(tmp_path / "one") == namespace(tmp_path / "one") != namespace(tmp_path / "two")

    def test_is_none_over_kafka(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NEXUS_EVENT_BUS", "kafka")

        with broker(var=tmp_path, announce=print) as found:
            assert found == {}

    def test_says_what_to_do_where_there_is_none(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(module, "USUAL", "amqp://guest:guest@127.0.0.1:1//")
        monkeypatch.setattr(module, "SERVERS", tmp_path)
        monkeypatch.setenv("PATH", str(tmp_path))

        with pytest.raises(EmbeddedError, match="install rabbitmq-server"), broker(var=tmp_path, announce=print):
            pass


class TestANodeOfOnesOwn:
    def test_keeps_what_waits_and_leaves_nobody_behind(self, tmp_path: Path) -> None:
        own_node(tmp_path)
        with broker(var=tmp_path, announce=print) as first:
            put(first[VARIABLE], "still here")
        gone = not answers(first[VARIABLE])
        # Somebody else has the port meanwhile.
        (tmp_path / "rabbitmq" / "port").unlink()

        with broker(var=tmp_path, announce=print) as second:
            said = taken(second[VARIABLE])

        assert gone
        assert first[VARIABLE] != second[VARIABLE]
        assert said == "still here"
        assert processes_of(tmp_path) == []


def processes_of(var: Path) -> list[str]:
    """Whoever runs with that folder in its command or environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            words = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            if str(var).encode() in words and int(process.name) != os.getpid():
                found.append(words.decode(errors="replace")[:200])
    return [each for each in found if "epmd" not in each]
