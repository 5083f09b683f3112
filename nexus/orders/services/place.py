"""Placing an order: priced from the local price book, written and announced by one statement."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.db import DataError, IntegrityError

from nexus.contracts.base import Envelope, enclose, uuid7
from nexus.contracts.correlation import Cause, current_cause
from nexus.contracts.errors import Invalid, KeyReused, NexusError
from nexus.contracts.orders import OrderPlaced
from nexus.eventbus.postgresql.base import close_broken_connections
from nexus.eventbus.stores.postgres_rows import columns_of, run
from nexus.eventbus.wire import record_of
from nexus.orders.exceptions import NotForSale, PricesIncomplete
from nexus.orders.models import DATABASE, PlacementClaim, Status
from nexus.orders.selectors import Offer, OrderView, find_claim, get_order, list_claimed, list_offers
from nexus.orders.services.numbers import next_number
from nexus.orders.services.offered import Line, offered
from nexus.orders.services.prices import is_incomplete
from nexus.telemetry import figures

CLAIM_LIFETIME = timedelta(hours=24)

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
        (id, number, customer_id, status, currency, total, reason, placed_at, updated_at, version)
    SELECT id, number, customer_id, 'placed', currency, total, '', placed_at, placed_at, 1 FROM accepted
), noted AS (
    INSERT INTO orders_ordernote (order_id, customer_id, text)
    SELECT id, customer_id, note FROM accepted WHERE note <> ''
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
class Claim:
    """An Idempotency-Key and the digest of the request that came with it."""

    key: str
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """An order that a customer wants placed, and what it is told to come from."""

    customer_id: UUID
    lines: Sequence[Line]
    currency: str
    note: str = ""
    claim: Claim | None = None
    cause: Cause | None = None


class NotTogether(Exception):
    """Nothing was done for this order: its key is taken, or one of the others spoilt the statement. Place it alone."""


Outcome = OrderView | NexusError | NotTogether
"""What becomes of one order among several: placed, or why not."""


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
    :raises PricesIncomplete: the same, while the price book is being made again
    :raises OutOfStock: a line is known to be sold out
    :raises KeyReused: the claim's key was used with another request
    """
    wanted = Wanted(customer_id=customer_id, lines=lines, currency=currency, note=note, claim=claim)
    for _ in range(3):
        if claim and (known := _replay(customer_id, claim)):
            return known
        [outcome] = place_orders([wanted])
        if isinstance(outcome, OrderView):
            return Placement(order=outcome, replayed=False)
        if not isinstance(outcome, NotTogether):
            raise outcome
    raise KeyReused


def place_orders(wanted: Sequence[Wanted]) -> list[Outcome]:
    """
    Place orders as `place_order` does, all that can be placed by one statement and one commit.

    One that cannot be placed never spoils its neighbours.

    :raises DatabaseError: none was placed, or nobody can tell (`OperationalError`)
    """
    offers = list_offers({line.sku for order in wanted for line in order.lines})
    outcomes: list[Outcome] = []
    placed: dict[int, Envelope[OrderPlaced]] = {}
    for position, order in enumerate(wanted):
        try:
            placed[position] = enclose(_priced(order, offers), sequence=1, cause=order.cause or current_cause())
            outcomes.append(NotTogether())
        except NexusError as refusal:
            # Its traceback leads to this frame, and this frame to it: thousands of such circles would be left to `gc`.
            outcomes.append(_explained(refusal).with_traceback(None))
    try:
        accepted = _write([(wanted[position], envelope) for position, envelope in placed.items()])
    except (DataError, IntegrityError):
        # The statement failed as a whole, and one of them is to blame: each gets another chance by itself.
        if len(placed) == 1:
            raise
        accepted = set()
    for position, envelope in placed.items():
        if envelope.data.order_id in accepted:
            outcomes[position] = _as_placed(envelope, wanted[position].note)
    keyed = (wanted[position] for position, each in placed.items() if each.data.order_id in accepted)
    figures.idempotency.labels("new").inc(sum(1 for order in keyed if order.claim))
    return outcomes


def place_waiting_orders(wanted: Sequence[Wanted]) -> list[Outcome]:
    """
    The same for orders whose keys nobody has looked up, in a thread that does nothing else: no end of a request lets a
    broken connection go there.
    """
    close_broken_connections()
    return _without_known(wanted, place_orders(wanted))


def _without_known(wanted: Sequence[Wanted], outcomes: list[Outcome]) -> list[Outcome]:
    """Who is refused now may have been served before, with the same key: that is for `place_order` to find out."""
    refused = {
        (order.customer_id, order.claim.key): position
        for position, (order, outcome) in enumerate(zip(wanted, outcomes, strict=True))
        if order.claim and isinstance(outcome, NexusError)
    }
    for pair in list_claimed(refused) if refused else ():
        outcomes[refused[pair]] = NotTogether()
    return outcomes


def forget_old_claims() -> int:
    """Delete claims past their lifetime; how many they were."""
    old = PlacementClaim.objects.using(DATABASE).filter(created_at__lt=datetime.now(UTC) - CLAIM_LIFETIME)
    return old.delete()[0]


def _priced(wanted: Wanted, offers: Mapping[str, Offer]) -> OrderPlaced:
    lines = offered(wanted.lines, currency=wanted.currency, offers=offers)
    total = sum(line.quantity * line.unit_price for line in lines)
    if total >= 2**63:
        raise Invalid("The order's total is too large.")
    return OrderPlaced(
        order_id=uuid7(),
        number=next_number(),
        customer_id=wanted.customer_id,
        currency=wanted.currency,
        total=total,
        lines=lines,
    )


def _explained(refusal: NexusError) -> NexusError:
    """What is said of it: while the price book is being made again nobody can tell what is for sale."""
    return PricesIncomplete() if isinstance(refusal, NotForSale) and is_incomplete() else refusal


def _write(orders: Sequence[tuple[Wanted, Envelope[OrderPlaced]]]) -> set[UUID]:
    """One statement, one commit; the ids of those whose claim's key was not taken."""
    if not orders:
        return set()
    header = [
        (
            told.data.order_id,
            told.data.number,
            told.data.customer_id,
            told.data.currency,
            told.data.total,
            wanted.note,
            told.time,
            wanted.claim and wanted.claim.key,
            wanted.claim and wanted.claim.fingerprint,
        )
        for wanted, told in orders
    ]
    lines = [
        (told.data.order_id, position, line.sku, line.name, line.quantity, line.unit_price)
        for _, told in orders
        for position, line in enumerate(told.data.lines)
    ]
    columns = [list(column) for rows in (header, lines) for column in zip(*rows, strict=True)]
    rows = run(DATABASE, PLACE, [*columns, *columns_of([record_of(told) for _, told in orders])])
    return {row[0] for row in rows}


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
        figures.idempotency.labels("mismatch").inc()
        raise KeyReused
    figures.idempotency.labels("replay").inc()
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
