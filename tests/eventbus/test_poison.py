"""
Over a real RabbitMQ with a real worker: each thing that must not come in ends in its stated place, and what comes
behind it takes effect. The places are those of docs/dead-letters.md.
"""

import json
import pickle
import re
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from amqp import Message

from nexus.contracts.base import uuid7
from nexus.eventbus.backends.celery import delivering, topology
from nexus.eventbus.backends.celery.publisher import LARGEST_BATCH, celery_message
from nexus.eventbus.delivery import LONGEST_ERROR
from nexus.eventbus.wire import LARGEST_MESSAGE, LARGEST_RUN, record_of
from tests.eventbus.poison.apps import DELIVERY_LIMIT
from tests.eventbus.poison.worker import ROOT, Toys, errand, reason_of
from tests.eventually import eventually
from tests.rabbitmq import some_rabbitmq

CANARY = Path(tempfile.gettempdir()) / f"nexus-canary-{uuid7()}"


class Bomb:
    """Whoever unpickles it lets the canary out."""

    def __reduce__(self) -> Any:
        return CANARY.touch, ()


@pytest.fixture(scope="module")
def broker_url() -> Iterator[str]:
    with some_rabbitmq() as url:
        yield url


@pytest.fixture(scope="module")
def running(broker_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Toys]:
    toys = Toys(home=tmp_path_factory.mktemp("toys"), broker_url=broker_url)
    with toys.working("manage.py", "worker", "toys"):
        yield toys


@pytest.fixture
def toys(running: Toys) -> Toys:
    running.forget()
    return running


def message(body: Any = None, *, content_type: str = "application/json", **headers: Any) -> Message:
    """A message as the relay sends it, with its body, content type or headers replaced; None takes a header away."""
    ours = celery_message([record_of(errand())])
    kept = {name: value for name, value in (ours.headers | headers).items() if headers.get(name, "") is not None}
    raw = isinstance(body, bytes)
    return Message(
        ours.body if body is None else body if raw else json.dumps(body),
        content_type=content_type,
        content_encoding="binary" if raw else "utf-8",
        application_headers=kept,
    )


def record(**changes: Any) -> Message:
    """A message with one event, changed."""
    fields = msgspec.json.decode(msgspec.json.encode(record_of(errand()))) | changes
    return message([[json.dumps([fields])], {}, {}])


DEAD_QUEUE: dict[str, Callable[[], Message]] = {
    "no JSON": lambda: message(b"{{{"),
    "a pickle": lambda: message(pickle.dumps(Bomb()), content_type="application/x-python-serialize"),
    "a pickle called JSON": lambda: message(pickle.dumps(Bomb())),
    "another content type": lambda: message(b"errand: run", content_type="application/x-yaml"),
    "a task that nobody registered": lambda: message(task="toys.tidy-up"),
    "no task at all": lambda: message(task=None),
    "no id": lambda: message(id=None),
    "a number": lambda: message(5),
    "no arguments": lambda: message([[], {}, {}]),
    "arguments of another kind": lambda: message([[{"errand": "run"}], {}, {}]),
    "a text that is no list of events": lambda: message([["run!"], {}, {}]),
    "a message that has expired": lambda: message(expires="2020-01-01T00:00:00+00:00"),
    "twenty megabytes": lambda: message([["x" * 20_000_000], {}, {}]),
}


class TestDeadQueue:
    @pytest.mark.parametrize("thing", DEAD_QUEUE)
    def test_gets_what_is_no_message_of_ours(self, toys: Toys, thing: str) -> None:
        poison, behind = DEAD_QUEUE[thing](), errand()

        toys.sends(poison)
        toys.tells(behind)

        found = toys.set_aside()
        assert reason_of(found) == "rejected"
        assert found.body == poison.body
        assert eventually(lambda: toys.has_done(behind))
        assert toys.letters() == []
        assert not CANARY.exists()

    def test_gets_what_killed_the_worker_at_each_delivery(self, toys: Toys) -> None:
        deadly, behind = errand("crash"), [errand() for _ in range(5)]

        toys.tells(deadly, *behind)

        assert eventually(lambda: toys.has_done(*behind), within=120)
        found = toys.set_aside()
        assert (reason_of(found), found.headers["id"]) == ("delivery_limit", str(deadly.id))
        assert toys.deliveries_of(deadly) == DELIVERY_LIMIT + 1
        assert len(set(toys.effects())) == len(toys.effects())

    def test_gets_what_never_came_to_an_end(self, broker_url: str, tmp_path: Path) -> None:
        toys = Toys(home=tmp_path, broker_url=broker_url)
        endless, behind = errand("hang"), errand()
        command = ["-m", "celery", "-A", "tests.eventbus.poison.hasty", "worker", "-Q", toys.queue, "-c", "1"]

        with toys.working(*command):
            toys.tells(endless, behind)

            assert eventually(lambda: toys.has_done(behind), within=120)
            found = toys.set_aside()

        assert (reason_of(found), found.headers["id"]) == ("delivery_limit", str(endless.id))
        assert toys.deliveries_of(endless) == DELIVERY_LIMIT + 1


class TestDeadLetters:
    def test_get_what_the_handler_refuses(self, toys: Toys) -> None:
        refused, behind = errand("fail"), errand()

        toys.tells(refused, behind)

        assert eventually(lambda: toys.has_done(behind))
        assert toys.letters() == [("toys.errand-given.v1", "ValueError: this errand cannot be run", 1)]
        assert toys.nothing_is_set_aside()

    @pytest.mark.parametrize(
        ("changes", "complaint"),
        [
            ({"type": "toys.errand-given.v9"}, "unknown type toys.errand-given.v9"),
            ({"data": {"errand_id": "tomorrow"}}, "Invalid UUID"),
            ({"data": "run!"}, "Expected `object`, got `str`"),
        ],
        ids=["a version of tomorrow", "data that does not fit", "no data"],
    )
    def test_get_what_this_version_cannot_read(self, toys: Toys, changes: dict[str, Any], complaint: str) -> None:
        behind = errand()

        toys.sends(record(**changes))
        toys.tells(behind)

        assert eventually(lambda: toys.has_done(behind))
        [(kind, error, attempts)] = toys.letters()
        assert (kind, attempts) == (changes.get("type", "toys.errand-given.v1"), 1)
        assert complaint in error
        assert toys.nothing_is_set_aside()

    def test_get_the_three_of_a_hundred_that_are_at_fault(self, toys: Toys) -> None:
        told = [errand("fail" if number in (0, 49, 50) else "work") for number in range(100)]

        toys.sends(celery_message([record_of(each) for each in told]))

        assert eventually(lambda: toys.has_done(*(each for each in told if each.data.does == "work")))
        assert [attempts for _, _, attempts in eventually(lambda: len(toys.letters()) == 3 and toys.letters())] == [
            1
        ] * 3
        assert len(set(toys.effects())) == len(toys.effects())


class TestNowhere:
    def test_ends_what_nobody_here_hears(self, toys: Toys) -> None:
        behind = errand()

        toys.sends(record(type="toys.bedtime-told.v1"))
        toys.tells(behind)

        assert eventually(lambda: toys.has_done(behind))
        assert toys.letters() == []
        assert toys.nothing_is_set_aside()
        assert "toys does not hear toys.bedtime-told.v1: passed over 1" in toys.log()


class TestPage:
    def test_names_the_limits_that_the_code_has(self) -> None:
        text = " ".join((ROOT / "docs" / "dead-letters.md").read_text().split())

        assert f"after {topology.DELIVERY_LIMIT + 1} deliveries" in text
        assert f"tries for {delivering.PATIENCE / 60:.0f} minutes" in text
        assert f"more than {LARGEST_MESSAGE >> 20} MiB" in text
        assert f"at most {LARGEST_RUN >> 20} MiB of data" in text
        assert f"carries up to {LARGEST_BATCH} events" in text
        assert f"up to {LONGEST_ERROR:,} characters" in text
        [time_limit] = re.findall(r"task_time_limit=(\d+)", (ROOT / "nexus" / "celery.py").read_text())
        assert f"killed after {time_limit} s" in text
