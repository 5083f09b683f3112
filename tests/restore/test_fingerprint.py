"""What a restore has brought is told by one line for each table: nothing that is truth may differ unseen."""

from collections.abc import Callable, Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connections

from nexus.catalog.models.connection import database
from nexus.eventbus.fingerprints import Fingerprint, Kind, differences, take
from tests.journeys.trading import DATABASES
from tests.restore.moments import MongoMoment, PostgresMoment

pytestmark = pytest.mark.django_db(databases=DATABASES, transaction=True)

LAST_OF_THE_LOG = "DELETE FROM event_log WHERE id IN (SELECT id FROM event_log ORDER BY xid DESC, id DESC LIMIT 2)"
OUT_OF_ORDER = "UPDATE event_log SET xid = '3' WHERE id = (SELECT id FROM event_log ORDER BY xid DESC, id DESC LIMIT 1)"


def sql(alias: str, statement: str) -> Callable[[], None]:
    def tamper() -> None:
        with connections[alias].cursor() as cursor:
            # Past the triggers that refuse it.
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(statement)
            cursor.execute("SET session_replication_role = DEFAULT")

    return tamper


TAMPERING: dict[str, Callable[[], object]] = {
    "orders.inbox": sql("orders", "DELETE FROM inbox"),
    "orders.event_log": sql("orders", LAST_OF_THE_LOG),
    "inventory.event_log": sql("inventory", OUT_OF_ORDER),
    "inventory.inventory_ledgerentry": sql(
        "inventory",
        "UPDATE inventory_ledgerentry SET note = 'x' WHERE id = (SELECT min(id) FROM inventory_ledgerentry)",
    ),
    "orders.orders_placementclaim": sql("orders", "UPDATE orders_placementclaim SET created_at = now()"),
    "catalog.products": lambda: database()["products"].update_one({"slug": "lamp"}, {"$set": {"description": "x"}}),
    "catalog.inbox": lambda: database()["inbox"].delete_one({}),
}
DERIVED: list[Callable[[], object]] = [
    sql("orders", "DELETE FROM orders_order"),
    sql("orders", "UPDATE orders_stockhint SET available = 99"),
    sql("orders", "DELETE FROM relay_cursor"),
    sql("orders", "UPDATE django_migrations SET applied = now()"),
    sql("inventory", "UPDATE inventory_stock SET version = 99"),
    lambda: database()["products"].update_many({}, {"$set": {"variants.$[].availability.available": 99, "tokens": []}}),
]


def test_truth_does_not_differ_unseen_and_copies_may(traded: None, tmp_path: Path) -> None:
    said, file = StringIO(), tmp_path / "fingerprint.json"
    call_command("fingerprint", json=True, stdout=said)
    file.write_text(said.getvalue())
    before = list(take())
    for tamper in DERIVED:
        tamper()
    with_other_copies = list(take())
    call_command("fingerprint", against=file, stdout=said)
    moments = [*map(PostgresMoment, DATABASES), MongoMoment()]

    for tamper in TAMPERING.values():
        tamper()
    tampered = list(take())
    with pytest.raises(CommandError, match=r"orders\.inbox differs: 0 rows, \d+ before"):
        call_command("recover", against=file, stdout=said)
    for moment in moments:
        moment.bring_back()

    assert before != with_other_copies
    assert list(differences(before, with_other_copies)) == []
    assert "all as they were" in said.getvalue()
    assert {sentence.partition(" ")[0] for sentence in differences(before, tampered)} == set(TAMPERING)
    assert list(differences(before, list(take()))) == []


class TestDifferences:
    def test_name_tables_that_came_and_went(self) -> None:
        def of(*names: str) -> Iterator[Fingerprint]:
            return (Fingerprint(name=name, kind=Kind.TRUTH, rows=1, digest="d") for name in names)

        assert list(differences(list(of("a", "b")), list(of("b", "c")))) == ["a is missing", "c is new"]
