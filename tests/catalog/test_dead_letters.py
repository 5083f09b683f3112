"""Events that could not be handled, and a second chance for them."""

from uuid import UUID

import pytest
from bson import ObjectId

from nexus.catalog import selectors, services
from nexus.catalog.exceptions import DeadLetterNotFound
from nexus.catalog.models.connection import database
from nexus.eventbus.registry import members

from .conftest import a_lamp
from .test_availability import hear, level


@pytest.fixture
def buried(catalog, monkeypatch):
    """A stock level that met a broken handler, which has been mended since."""
    services.create_product(product=a_lamp())
    handlers = members["catalog"].handlers
    kind = level("ALVA-BRASS", 1, 1).type

    def fail(levels):
        raise ValueError("broken")

    with monkeypatch.context() as broken:
        broken.setitem(handlers, kind, fail)
        assert hear(level("ALVA-BRASS", 5, 1)).buried == 1
    return database()["dead_letter"].find_one()["_id"]


class TestReplay:
    def test_gives_the_event_its_effect_and_marks_the_letter(self, buried):
        services.replay_dead_letter(letter_id=buried)

        assert selectors.get_product(slug="alva")["variants"][0]["availability"]["available"] == 5
        assert database()["dead_letter"].find_one()["replayed_at"] is not None

    def test_has_its_effect_once(self, buried):
        services.replay_dead_letter(letter_id=buried)

        outcome = services.replay_dead_letter(letter_id=buried)

        assert (outcome.applied, outcome.duplicate) == (0, 1)

    def test_leaves_a_letter_that_fails_again(self, buried, monkeypatch):
        kind = level("A", 1, 1).type
        monkeypatch.setitem(members["catalog"].handlers, kind, lambda levels: 1 / 0)

        services.replay_dead_letter(letter_id=buried)

        letter = database()["dead_letter"].find_one()
        assert (letter["replayed_at"], letter["attempts"]) == (None, 2)
        assert letter["error"].startswith("ZeroDivisionError")

    def test_lists_what_waits_and_no_longer_what_was_replayed(self, buried):
        store = members["catalog"].store
        letter = UUID(database()["dead_letter"].find_one()["event_id"])
        kind = level("A", 1, 1).type

        before = store.list_buried(subscriber="catalog", ids=[letter]), store.count_heard("catalog", [kind])
        of_other_types = store.count_heard("catalog", ["inventory.stock-level-changed.v9"])
        services.replay_dead_letter(letter_id=buried)
        after = store.list_buried(subscriber="catalog", ids=[letter]), store.count_heard("catalog", [kind])

        assert (before, of_other_types, after) == (({letter}, 1), 0, (set(), 1))

    def test_does_not_know_a_letter_that_is_not_there(self):
        with pytest.raises(DeadLetterNotFound):
            services.replay_dead_letter(letter_id=ObjectId())
