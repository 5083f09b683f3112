"""What both databases hold at the end of a life, read whole."""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

import msgspec

from tests.simulation.stage import Stage

ORDERS = "SELECT id, customer_id, status, currency, total, reason, updated_at, version FROM orders_order ORDER BY id"
LINES = "SELECT order_id, sku, quantity, unit_price FROM orders_orderline ORDER BY order_id, position"
HINTS = "SELECT sku, available, version FROM orders_stockhint ORDER BY sku"
STOCK = "SELECT sku, location_id, on_hand, reserved, version FROM inventory_stock ORDER BY sku, location_id"
RESERVATIONS = "SELECT order_id, state, lines::text FROM inventory_reservation ORDER BY order_id"
LEDGER = """
SELECT sku, location_id, on_hand, reserved, reason, order_id, cause_id FROM inventory_ledgerentry ORDER BY id
"""
EVENTS = "SELECT id, type, subject, sequence, time, data::text, correlation_id FROM event_log ORDER BY xid, id"
HEARD = "SELECT event_id FROM inbox WHERE subscriber = %s ORDER BY event_id"
WAITING = "SELECT event_id, type, error FROM dead_letter WHERE replayed_at IS NULL ORDER BY id"


@dataclass(frozen=True)
class Order:
    """A row of orders."""

    id: UUID
    customer_id: UUID
    status: str
    currency: str
    total: int
    reason: str
    updated_at: datetime
    version: int


@dataclass(frozen=True)
class Told:
    """A row of a log."""

    id: UUID
    type: str
    subject: str
    sequence: int
    time: datetime
    data: str
    correlation_id: str

    @property
    def fact(self) -> dict[str, Any]:
        fact: dict[str, Any] = msgspec.json.decode(self.data)
        return fact


@dataclass(frozen=True)
class Counter:
    """A counter of stock."""

    sku: str
    location_id: int
    on_hand: int
    reserved: int
    version: int


@dataclass(frozen=True)
class Movement:
    """An entry of the ledger."""

    sku: str
    location_id: int
    on_hand: int
    reserved: int
    reason: str
    order_id: UUID | None
    cause_id: UUID


@dataclass(frozen=True)
class Reservation:
    """What is or was set aside for an order, by sku and location."""

    order_id: UUID
    state: str
    lines: Sequence[tuple[str, int, int]]

    @property
    def quantities(self) -> dict[str, int]:
        sums: dict[str, int] = defaultdict(int)
        for sku, _, quantity in self.lines:
            sums[sku] += quantity
        return dict(sums)


class Evidence:
    """Everything that the checks look at."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.orders = {row[0]: Order(*row) for row in stage.query("orders", ORDERS)}
        self.lines: dict[UUID, dict[str, tuple[int, int]]] = defaultdict(dict)
        for order_id, sku, quantity, price in stage.query("orders", LINES):
            self.lines[order_id][sku] = (quantity, price)
        self.hints = {row[0]: row[1:] for row in stage.query("orders", HINTS)}
        self.stock = [Counter(*row) for row in stage.query("inventory", STOCK)]
        self.reservations = {row[0]: _reservation(*row) for row in stage.query("inventory", RESERVATIONS)}
        self.ledger = [Movement(*row) for row in stage.query("inventory", LEDGER)]
        self.told = {name: [Told(*row) for row in stage.query(name, EVENTS)] for name in ("orders", "inventory")}

    def heard(self, subscriber: str) -> set[UUID]:
        return {row[0] for row in self._stage.query(subscriber, HEARD, subscriber)}

    def dead_letters(self, subscriber: str) -> list[tuple[UUID, str, str]]:
        return [(row[0], row[1], row[2]) for row in self._stage.query(subscriber, WAITING)]

    def digest(self) -> str:
        """The same when the same was told: ids, times and all."""
        return hashlib.sha256(repr(self.told).encode()).hexdigest()[:16]

    @cached_property
    def stories(self) -> dict[str, list[Told]]:
        """What orders told about each order, by sequence."""
        return self._streams("orders")

    @cached_property
    def verdicts(self) -> dict[str, list[Told]]:
        """What inventory told about each order or sku, by sequence."""
        return self._streams("inventory")

    def levels(self) -> dict[str, tuple[int, int]]:
        """What can be sold of each sku, and the version of that number."""
        sums: dict[str, tuple[int, int]] = defaultdict(lambda: (0, 0))
        for counter in self.stock:
            available, version = sums[counter.sku]
            sums[counter.sku] = (available + counter.on_hand - counter.reserved, version + counter.version)
        return dict(sums)

    def _streams(self, log: str) -> dict[str, list[Told]]:
        streams: dict[str, list[Told]] = defaultdict(list)
        for told in sorted(self.told[log], key=lambda each: each.sequence):
            streams[told.subject].append(told)
        return streams


def _reservation(order_id: UUID, state: str, lines: str) -> Reservation:
    parsed = [(line["sku"], line["location"], line["quantity"]) for line in msgspec.json.decode(lines)]
    return Reservation(order_id, state, parsed)
