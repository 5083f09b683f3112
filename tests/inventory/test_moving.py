"""Inventory's database goes elsewhere: every table it has by now comes along, and work goes on where it was."""

import secrets
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections
from psycopg import sql

from nexus.contracts.base import uuid7
from nexus.contracts.inventory import ShareSent
from nexus.eventbus.fingerprints import differences, take
from nexus.eventbus.models import DeadLetter
from nexus.eventbus.moving.move import Move
from nexus.eventbus.moving.places import Place
from nexus.eventbus.registry import members
from nexus.eventbus.wire import Record
from nexus.inventory import services
from nexus.inventory.handlers import AMONG_REGIONS
from nexus.inventory.models import DATABASE, Shortage, UntoldLevel, store
from nexus.web.models import IdempotencyKey
from tests.inventory.conftest import Stockroom

pytestmark = pytest.mark.django_db(databases=[DATABASE], transaction=True)
LINK = "link to us"


@pytest.fixture
def places() -> Iterator[tuple[Place, Place]]:
    """Two databases of our own, prepared alike; until the test's end inventory is at the first."""
    named = connections.databases[DATABASE]["NAME"]
    names = [f"moving_{part}_{secrets.token_hex(4)}_inventory" for part in ("source", "target")]
    for name in names:
        on_the_server(sql.SQL("CREATE DATABASE {}"), name)
        be_at(name)
        call_command("migrate", database=DATABASE, interactive=False, verbosity=0)
    target = Place.of_settings(DATABASE)
    be_at(names[0])
    yield Place.of_settings(DATABASE), target
    be_at(named)
    for name in names:
        on_the_server(sql.SQL("DROP DATABASE {} WITH (FORCE)"), name)


@pytest.fixture(autouse=True)
def eu(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """This is eu, it is linked to us, and there is no other app."""
    settings.REGION, settings.REGION_LINKS = "eu", {"us": "amqp://127.0.0.1:1/us"}
    inventory = members["inventory"]
    for name in list(members):
        monkeypatch.delitem(members, name)
    among = {kind.type: handler for kind, handler in AMONG_REGIONS.items()}
    monkeypatch.setitem(members, "inventory", replace(inventory, handlers=inventory.handlers | among))


def on_the_server(statement: sql.SQL, name: str) -> None:
    with Place.of_settings(DATABASE).connect("postgres") as server:
        server.execute(statement.format(sql.Identifier(name)))


def be_at(name: str) -> None:
    """Let this process have inventory's data there."""
    connections[DATABASE].close()
    connections[DATABASE].close_pool()
    connections.databases[DATABASE]["NAME"] = name


def read_by_the_link() -> list[Record]:
    """What it has not handed on yet."""
    with closing(store.reader(LINK)) as reader:
        assert reader.acquire()
        batch = reader.read(limit=100)
        reader.advance(batch)
    return list(batch.records)


def fill_every_table(stockroom: Stockroom) -> None:
    stockroom.has(LAMP=10, SHADE=1)
    stockroom.reserve(LAMP=2)
    services.send_share(sku="LAMP", to_region="us", quantity=3)
    stockroom.hears(ShareSent(transfer_id=uuid7(), from_region="us", to_region="eu", sku="SHADE", quantity=5))
    Shortage.objects.create(sku="SHADE", level=1, tries=1, due_at="2026-01-01T00:00:00Z")
    DeadLetter.objects.using(DATABASE).create(subscriber="inventory", event_id=uuid7(), type="x", event="{}", error="x")
    IdempotencyKey.objects.using(DATABASE).create(scope="7", key="k", fingerprint="f", status=201, body="{}")
    read_by_the_link()


def test_every_table_comes_along_and_work_goes_on(stockroom: Stockroom, places: tuple[Place, Place]) -> None:
    source, target = places
    fill_every_table(stockroom)
    move = Move(source=source, target=target, say=print)
    move.copy()
    services.send_share(sku="LAMP", to_region="us", quantity=1)
    held = stockroom.reserve(LAMP=1)
    read_by_the_link()
    UntoldLevel.objects.create(sku="LAMP", since="2026-01-01T00:00:00Z")
    before = list(take())

    connections[DATABASE].close()
    move.switch()
    be_at(target.name)

    after = list(take())
    assert [each.name for each in before if not each.rows] == []
    assert [each.name for each in after if each not in before] == ["inventory.django_migrations"]
    assert list(differences(before, after)) == []
    stockroom.ship(held)
    transfer = services.send_share(sku="LAMP", to_region="us", quantity=2)
    assert str(transfer) in {record.subject for record in read_by_the_link() if "share-sent" in record.type}
    assert stockroom.on_hand() == {"LAMP": 3, "SHADE": 6}
    assert stockroom.books_balance()
