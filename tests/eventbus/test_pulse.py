"""What a store tells of itself cheaply: how much was told and heard, when, and what was told last."""

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.db import connections
from django.test.utils import CaptureQueriesContext
from pymongo import MongoClient

from nexus.contracts.base import Envelope, Event, uuid7
from nexus.eventbus.stores.base import Store
from nexus.eventbus.stores.mongo import MongoStore
from nexus.eventbus.stores.postgres import PostgresStore
from tests.eventbus.conftest import DATABASE, DATABASES, broken, lit
from tests.eventually import eventually

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)
KINDS = ["postgres", *(["mongo"] if "catalog" in settings.APPS else [])]
LATEST = 20.0
"""Seconds: a Postgres session that falls silent tells its counters after ten."""


@pytest.fixture(params=KINDS)
def any_store(request: pytest.FixtureRequest) -> Iterator[Store]:
    if request.param == "postgres":
        yield PostgresStore(DATABASE)
        return
    with MongoClient(settings.MONGO_URL, tz_aware=True) as client:
        database = client[f"pulse_{secrets.token_hex(4)}"]
        store = MongoStore(lambda: database)
        store.prepare()
        yield store
        client.drop_database(database)


def tell(store: Store, *envelopes: Envelope[Event]) -> None:
    store.transact(lambda: store.append(envelopes))


def hear(store: Store, *envelopes: Envelope[Event]) -> None:
    store.apply_once(subscriber="toys", ids=[each.id for each in envelopes], work=lambda _: None)


class TestPulse:
    def test_rises_by_what_was_told_and_heard(self, any_store: Store) -> None:
        told_before, heard_before = any_store.pulse()
        told = [lit() for _ in range(5)]

        tell(any_store, *told)
        hear(any_store, *told[:3])

        def risen() -> bool:
            told_now, heard_now = any_store.pulse()
            return (told_now - told_before, heard_now - heard_before) == (5, 3)

        assert eventually(risen, within=LATEST)

    def test_counts_no_rows(self) -> None:
        with CaptureQueriesContext(connections[DATABASE]) as asked:
            PostgresStore(DATABASE).pulse()

        assert [" event_log" in each["sql"] or " inbox" in each["sql"] for each in asked] == [False]


class TestHeardAt:
    def test_says_when_each_took_effect(self, any_store: Store) -> None:
        heard, other = lit(), lit()
        hear(any_store, heard)

        found = any_store.heard_at("toys", [heard.id, other.id])

        assert list(found) == [heard.id]
        assert abs(found[heard.id] - datetime.now(UTC)) < timedelta(minutes=1)

    def test_knows_one_subscriber_from_another(self, any_store: Store) -> None:
        heard = lit()
        hear(any_store, heard)

        assert any_store.heard_at("others", [heard.id]) == {}


class TestNewest:
    def test_has_the_newest_of_a_type_first(self, any_store: Store) -> None:
        told = [lit(), broken(), lit(), lit(uuid7())]
        for each in told:
            tell(any_store, each)

        found = any_store.newest("toys.lamp-lit.v1", size=2)

        assert [each.id for each in found] == [told[3].id, told[2].id]
