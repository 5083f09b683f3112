"""Placing an order: priced from the local price book, written and announced by one statement."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connections

from nexus.contracts.base import Envelope, enclose, uuid7
from nexus.contracts.errors import FieldError, Invalid, KeyReused
from nexus.contracts.orders import OrderLine, OrderPlaced
from nexus.eventbus.stores.postgres import columns_of
from nexus.eventbus.wire import record_of
from nexus.orders.exceptions import NotForSale, OutOfStock
from nexus.orders.models import DATABASE, PlacementClaim, Status
from nexus.orders.selectors import OrderView, find_claim, get_order, list_offers
from nexus.orders.services.numbers import next_number

CLAIM_LIFETIME = timedelta(hours=24)
LARGEST_QUANTITY = 1000

# Written for any number of orders at once, so that several requests can share a commit.
PLACE = """
WITH incoming AS (
    SELECT * FROM unnest(%s::uuid[], %s::text[], %s::uuid[], %s::text[], %s::bigint[], %s::text[], %s::timestamptz[],
                         %s::text[], %s::text[])
        AS t(id, number, customer_id, currency, total, note, placed_at, key, fingerprint)
), claimed AS (
    INSERT INTO orders_placementclaim (customer_id, key, fingerprint, order_id, created_at)
    SELECT customer_id, key, fingerprint, id, placed_at FROM incoming WHERE key IS NOT NULL
    ON CONFLICT DO NOTHING
    RETURNING order_id
), accepted AS (
    SELECT * FROM incoming WHERE key IS NULL OR id IN (SELECT order_id FROM claimed)
), placed AS (
    INSERT INTO orders_order
        (id, number, customer_id, status, currency, total, note, reason, placed_at, updated_at, version)
    SELECT id, number, customer_id, 'placed', currency, total, note, '', placed_at, placed_at, 1 FROM accepted
), written AS (
    INSERT INTO orders_orderline (order_id, position, sku, name, quantity, unit_price)
    SELECT line.* FROM unnest(%s::uuid[], %s::smallint[], %s::text[], %s::text[], %s::int[], %s::bigint[])
        AS line(order_id, position, sku, name, quantity, unit_price) JOIN accepted ON accepted.id = line.order_id
), told AS (
    INSERT INTO event_log (id, type, subject, sequence, time, data, correlation_id, causation_id, traceparent)
    SELECT event.* FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::bigint[], %s::timestamptz[], %s::json[],
                               %s::text[], %s::text[], %s::text[])
        AS event(id, type, subject, sequence, time, data, correlation_id, causation_id, traceparent)
    JOIN accepted ON accepted.id = event.subject::uuid
)
SELECT id FROM accepted
"""


@dataclass(frozen=True, kw_only=True)
class Line:
    """A wanted line; equal skus are merged before it comes here. `position` is its place in the request."""

    sku: str
    quantity: int
    position: int


@dataclass(frozen=True, kw_only=True)
class Claim:
    """An Idempotency-Key and the digest of the request that came with it."""

    key: str
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class Placement:
    """The order, and whether it had been placed before with the same key."""

    order: OrderView
    replayed: bool


def place_order(
    *, customer_id: UUID, lines: Sequence[Line], currency: str, note: str = "", claim: Claim | None = None
) -> Placement:
    """
    Place an order at today's prices and announce it.

    Touches the orders database only: prices come from the local price book, so catalog and inventory may be down.

    :raises NotForSale: a line names a sku that is unknown, not sellable, or has no price in the currency
    :raises OutOfStock: a line is known to be sold out
    :raises KeyReused: the claim's key was used with another request
    """
    if claim and (known := _replay(customer_id, claim)):
        return known
    order = _priced(customer_id=customer_id, lines=lines, currency=currency)
    envelope = enclose(order, sequence=1)
    for _ in range(2):
        if _write(envelope, note=note, claim=claim):
            return Placement(order=_as_placed(envelope, note), replayed=False)
        assert claim is not None
        if known := _replay(customer_id, claim):
            return known
    raise KeyReused


def forget_old_claims() -> int:
    """Delete claims past their lifetime; how many they were."""
    old = PlacementClaim.objects.using(DATABASE).filter(created_at__lt=datetime.now(UTC) - CLAIM_LIFETIME)
    return old.delete()[0]


def _priced(*, customer_id: UUID, lines: Sequence[Line], currency: str) -> OrderPlaced:
    offers = list_offers(line.sku for line in lines)
    errors, priced = [], []
    for line in lines:
        offer = offers.get(line.sku)
        if offer is None or not offer.sellable:
            message = "Not for sale."
            errors.append(FieldError(field=f"lines.{line.position}.sku", code="not_for_sale", message=message))
        elif currency not in offer.prices:
            message = f"Has no price in {currency}."
            errors.append(FieldError(field=f"lines.{line.position}.sku", code="no_price", message=message))
        else:
            price = offer.prices[currency]
            priced.append(OrderLine(sku=line.sku, name=offer.name, quantity=line.quantity, unit_price=price))
    if errors:
        raise NotForSale("Some lines name things that are not for sale.", errors=errors)
    if sold_out := [line.sku for line in lines if offers[line.sku].sold_out]:
        raise OutOfStock(sold_out, positions={line.sku: line.position for line in lines})
    total = sum(line.quantity * line.unit_price for line in priced)
    if total >= 2**63:
        raise Invalid("The order's total is too large.")
    return OrderPlaced(
        order_id=uuid7(),
        number=next_number(),
        customer_id=customer_id,
        currency=currency,
        total=total,
        lines=tuple(priced),
    )


def _write(envelope: Envelope[OrderPlaced], *, note: str, claim: Claim | None) -> bool:
    """One statement, one commit; False when the claim's key is taken."""
    order = envelope.data
    header: list[list[Any]] = [
        [order.order_id],
        [order.number],
        [order.customer_id],
        [order.currency],
        [order.total],
        [note],
        [envelope.time],
        [claim and claim.key],
        [claim and claim.fingerprint],
    ]
    count = len(order.lines)
    lines: list[list[Any]] = [
        [order.order_id] * count,
        list(range(count)),
        [line.sku for line in order.lines],
        [line.name for line in order.lines],
        [line.quantity for line in order.lines],
        [line.unit_price for line in order.lines],
    ]
    with connections[DATABASE].cursor() as cursor:
        cursor.execute(PLACE, [*header, *lines, *columns_of([record_of(envelope)])])
        return cursor.fetchone() is not None


def _replay(customer_id: UUID, claim: Claim) -> Placement | None:
    """The order that this key placed; a claim older than its lifetime is let go."""
    known = find_claim(customer_id=customer_id, key=claim.key)
    if known is None:
        return None
    if known.created_at < datetime.now(UTC) - CLAIM_LIFETIME:
        PlacementClaim.objects.using(DATABASE).filter(
            customer_id=customer_id, key=claim.key, created_at=known.created_at
        ).delete()
        return None
    if known.fingerprint != claim.fingerprint:
        raise KeyReused
    order = get_order(order_id=known.order_id)
    first_answer = replace(order, status=Status.PLACED, reason="", updated_at=order.placed_at, version=1)
    return Placement(order=first_answer, replayed=True)


def _as_placed(envelope: Envelope[OrderPlaced], note: str) -> OrderView:
    order = envelope.data
    return OrderView(
        id=order.order_id,
        number=order.number,
        customer_id=order.customer_id,
        status=Status.PLACED,
        currency=order.currency,
        total=order.total,
        note=note,
        reason="",
        lines=order.lines,
        placed_at=envelope.time,
        updated_at=envelope.time,
        version=1,
    )
