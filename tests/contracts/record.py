"""
Records the lives of orders for later code to live again: ``python -m tests.contracts.record``, once per release.

It writes a file for each script below that this version has none of, and never changes one.
"""

import json
import os
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from uuid import UUID

ROOT = Path(__file__).resolve().parents[2]
FOLDER = Path(__file__).parent / "histories"
CUSTOMER = UUID("01890000-0000-7000-8000-000000000001")
REASON = "changed my mind"
LINES = [("LAMP-001", "Lamp, brass", 2, 1990), ("SHADE-7", "Shade", 1, 500)]
PLENTY, SHORT = {"LAMP-001": 10, "SHADE-7": 10}, {"LAMP-001": 10, "SHADE-7": 0}

PLACED, RESERVED = "orders.order-placed.v1", "inventory.stock-reserved.v1"
CANCELLED, SHIPPED, RETURNED = "orders.order-cancelled.v1", "orders.order-shipped.v1", "orders.order-returned.v1"
DELIVERED, EXPIRED = "orders.order-delivered.v1", "inventory.reservation-expired.v1"
OVERDUE = "orders.order-overdue.v1"

Step = tuple[str, str]
"""Who tells or hears, and which event: ``("orders tells", …)``, ``("inventory hears", …)``."""
_RESERVED = [("orders tells", PLACED), ("inventory hears", PLACED)]
_CONFIRMED = [*_RESERVED, ("orders hears", RESERVED)]
_CANCELS = [("orders tells", CANCELLED), ("inventory hears", CANCELLED)]
SCRIPTS: dict[str, tuple[Mapping[str, int], Sequence[Step]]] = {
    "confirmed": (PLENTY, _CONFIRMED),
    "rejected": (SHORT, [*_RESERVED, ("orders hears", "inventory.stock-rejected.v1")]),
    "cancelled-before-the-verdict": (
        PLENTY,
        [
            ("orders tells", PLACED),
            *_CANCELS[:1],
            ("inventory hears", PLACED),
            *_CANCELS[1:],
            ("orders hears", RESERVED),
        ],
    ),
    "cancelled-after-confirmation": (PLENTY, [*_CONFIRMED, *_CANCELS]),
    "cancellation-crosses-the-verdict": (
        PLENTY,
        [*_RESERVED, _CANCELS[0], ("orders hears", RESERVED), _CANCELS[1]],
    ),
    "cancellation-overtakes-the-placement": (
        PLENTY,
        [("orders tells", PLACED), *_CANCELS, ("inventory hears", PLACED)],
    ),
    "rejection-crosses-the-cancellation": (
        SHORT,
        [*_RESERVED, *_CANCELS, ("orders hears", "inventory.stock-rejected.v1")],
    ),
    "expired": (PLENTY, [*_CONFIRMED, ("inventory tells", EXPIRED), ("orders hears", EXPIRED)]),
    "expiry-overtakes-the-verdict": (
        PLENTY,
        [*_RESERVED, ("inventory tells", EXPIRED), ("orders hears", EXPIRED), ("orders hears", RESERVED)],
    ),
    "shipment-crosses-the-expiry": (
        PLENTY,
        [
            *_CONFIRMED,
            ("orders tells", SHIPPED),
            ("inventory tells", EXPIRED),
            ("inventory hears", SHIPPED),
            ("orders hears", EXPIRED),
        ],
    ),
    "shipped-delivered-returned": (
        PLENTY,
        [
            *_CONFIRMED,
            ("orders tells", SHIPPED),
            ("inventory hears", SHIPPED),
            ("orders tells", DELIVERED),
            ("orders tells", RETURNED),
            ("inventory hears", RETURNED),
        ],
    ),
    "return-overtakes-the-shipment": (
        PLENTY,
        [
            *_CONFIRMED,
            ("orders tells", SHIPPED),
            ("orders tells", RETURNED),
            ("inventory hears", RETURNED),
            ("inventory hears", SHIPPED),
        ],
    ),
    "the-placement-was-lost": (
        PLENTY,
        [
            ("orders tells", PLACED),
            ("orders tells", OVERDUE),
            ("inventory hears", OVERDUE),
            ("orders hears", RESERVED),
            ("inventory hears", PLACED),
        ],
    ),
    "the-verdict-was-lost": (
        PLENTY,
        [*_RESERVED, ("orders tells", OVERDUE), ("inventory hears", OVERDUE), ("orders hears", RESERVED)],
    ),
    "everything-twice": (
        PLENTY,
        [
            *_RESERVED,
            ("inventory hears", PLACED),
            ("orders hears", RESERVED),
            ("orders hears", RESERVED),
            *_CANCELS,
            ("inventory hears", CANCELLED),
        ],
    ),
}


def record(*, stock: Mapping[str, int], steps: Sequence[Step]) -> dict[str, Any]:
    """The life of one order by a script, on today's code; what changes in the databases stays there."""
    from nexus.contracts.base import EVENTS
    from nexus.contracts.orders import OrderLine
    from tests.contracts.stage import Stage

    lines = [OrderLine(sku=sku, name=name, quantity=n, unit_price=price) for sku, name, n, price in LINES]
    stage = Stage(lines=lines, stock=stock)
    lived = []
    for who, kind in steps:
        app, _, does = who.partition(" ")
        if does == "tells":
            stage.tells(EVENTS[kind], customer_id=CUSTOMER, reason=REASON)
        # The newest, where the same thing was said again.
        told = [event for event in stage.told() if event["type"] == kind][-1]
        if does == "hears":
            stage.hears(app, told)
        lived.append({"app": app, "does": does, "event": told["id"]})
    return {"stock": dict(stock), "steps": lived, "records": stage.told(), "end": stage.end()}


def write_missing(*, folder: Path, version: str) -> list[str]:
    """Record each script that has no file of this version yet; the names of the files."""
    from django.db import transaction

    written = []
    for name, (stock, steps) in SCRIPTS.items():
        file = folder / f"{version}-{name}.json"
        if file.exists():
            continue
        with ExitStack() as undone:
            for database in ("orders", "inventory"):
                undone.enter_context(transaction.atomic(using=database))
                undone.callback(transaction.set_rollback, True, using=database)
            history = record(stock=stock, steps=steps)
        file.write_text(json.dumps({"version": version} | history, indent=2) + "\n")
        written.append(file.name)
    return written


def main() -> None:
    """Record on engines of our own, whatever the environment names; they are gone afterwards."""
    from nexus.embedded.throwaway import throwaway_engines

    for name in ("NEXUS_POSTGRES_URL", "NEXUS_MONGO_URL", "NEXUS_REDIS_URL"):
        os.environ.pop(name, None)
    with throwaway_engines(parent=ROOT / "var" / "record", announce=lambda _: None) as addresses:
        os.environ |= addresses | {"DJANGO_SETTINGS_MODULE": "nexus.settings.test"}
        import django
        from django.core.management import call_command
        from django.db import connections

        django.setup()
        call_command("prepare", verbosity=0)
        version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
        for name in write_missing(folder=FOLDER, version=version):
            print(f"recorded {name}")
        connections.close_all()
    print(f"every script has its history of version {version}")


if __name__ == "__main__":
    main()
