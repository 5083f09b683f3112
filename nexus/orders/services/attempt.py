"""Several orders at the offers known, and the statement that writes, claims and announces them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.db import Error

from nexus.contracts.base import Envelope, enclose, uuid7
from nexus.contracts.correlation import current_cause
from nexus.contracts.errors import Invalid, NexusError
from nexus.contracts.orders import OrderPlaced
from nexus.eventbus.stores.postgres_rows import columns_of
from nexus.eventbus.wire import record_of
from nexus.orders.exceptions import PricesMoved
from nexus.orders.models import Status
from nexus.orders.selectors import Offer, OrderView
from nexus.orders.services.numbers import next_number
from nexus.orders.services.offered import offered
from nexus.orders.services.wanted import NotTogether, Outcome, Wanted
from nexus.telemetry import figures

# Written for any number of orders at once, so that several requests can share a commit. What lines say is held against
# the price book here, as of the moment of writing: who priced them may have been told long ago. Each is looked up by
# itself, as in `OFFERS`, for a plan that is made once.
PLACE = """
WITH incoming AS (
    SELECT * FROM unnest(%s::uuid[], %s::text[], %s::uuid[], %s::text[], %s::bigint[], %s::text[], %s::timestamptz[],
                         %s::text[], %s::text[])
        AS t(id, number, customer_id, currency, total, note, placed_at, key, fingerprint)
), line AS (
    SELECT * FROM unnest(%s::uuid[], %s::smallint[], %s::text[], %s::text[], %s::int[], %s::bigint[])
        AS t(order_id, position, sku, name, quantity, unit_price)
), outdated AS (
    SELECT order_id FROM line JOIN incoming ON incoming.id = line.order_id
    WHERE (SELECT sellable AND book.name = line.name AND prices->incoming.currency = to_jsonb(line.unit_price)
           FROM orders_price AS book WHERE book.sku = line.sku) IS NOT TRUE
       OR (SELECT available <= 0 FROM orders_stockhint AS hint WHERE hint.sku = line.sku)
), priced AS (
    SELECT * FROM incoming WHERE id NOT IN (SELECT order_id FROM outdated)
), claimed AS (
    INSERT INTO orders_placementclaim (customer_id, key, fingerprint, order_id, created_at)
    SELECT customer_id, key, fingerprint, id, placed_at FROM priced WHERE key IS NOT NULL
    ON CONFLICT DO NOTHING
    RETURNING order_id
), accepted AS (
    SELECT * FROM priced WHERE key IS NULL OR id IN (SELECT order_id FROM claimed)
), placed AS (
    INSERT INTO orders_order
        (id, number, customer_id, status, currency, total, reason, placed_at, updated_at, version)
    SELECT id, number, customer_id, 'placed', currency, total, '', placed_at, placed_at, 1 FROM accepted
), noted AS (
    INSERT INTO orders_ordernote (order_id, customer_id, text)
    SELECT id, customer_id, note FROM accepted WHERE note <> ''
), written AS (
    INSERT INTO orders_orderline (order_id, position, sku, name, quantity, unit_price)
    SELECT line.* FROM line JOIN accepted ON accepted.id = line.order_id
), told AS (
    INSERT INTO event_log (id, type, subject, sequence, time, data, correlation_id, causation_id, traceparent)
    SELECT event.* FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::bigint[], %s::timestamptz[], %s::json[],
                               %s::text[], %s::text[], %s::text[])
        AS event(id, type, subject, sequence, time, data, correlation_id, causation_id, traceparent)
    JOIN accepted ON accepted.id = event.subject::uuid
)
SELECT id::text, CASE WHEN id IN (SELECT id FROM accepted) THEN 'placed'
                      WHEN id IN (SELECT order_id FROM outdated) THEN 'outdated' ELSE 'taken' END
FROM incoming
"""


class Attempt:
    """
    Orders priced at what is offered: those that can be are ready to be written together.

    :param offers: by sku; what is missing is not for sale
    :param number: gives each order its number
    """

    def __init__(
        self, wanted: Sequence[Wanted], offers: Mapping[str, Offer], *, number: Callable[[], str] = next_number
    ) -> None:
        self.outcomes: list[Outcome] = []
        """For each order why it cannot be written; `NotTogether` for those that can, until `settle` says better."""
        self._priced: dict[str, tuple[int, Wanted, Envelope[OrderPlaced]]] = {}
        for position, order in enumerate(wanted):
            try:
                placed = _priced(order, offers, number)
                told = enclose(placed, sequence=1, cause=order.cause or current_cause())
                self._priced[told.subject] = position, order, told
                self.outcomes.append(NotTogether())
            except NexusError as refusal:
                # Its traceback leads to this frame, and this frame to it: thousands of such circles would be left to
                # `gc`.
                self.outcomes.append(refusal.with_traceback(None))

    def __len__(self) -> int:
        """How many are ready to be written."""
        return len(self._priced)

    def parameters(self) -> list[list[Any]]:
        """What `PLACE` takes."""
        priced = self._priced.values()
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
            for _, wanted, told in priced
        ]
        lines = [
            (told.data.order_id, position, line.sku, line.name, line.quantity, line.unit_price)
            for _, _, told in priced
            for position, line in enumerate(told.data.lines)
        ]
        columns = [list(column) for rows in (header, lines) for column in zip(*rows, strict=True)]
        return [*columns, *columns_of([record_of(told) for _, _, told in priced])]

    def fail(self, failure: Error) -> None:
        """Say so of all that were to be written."""
        for position, _, _ in self._priced.values():
            self.outcomes[position] = failure

    def settle(self, verdicts: Mapping[str, str]) -> None:
        """Let outcomes be what `PLACE` said, by id."""
        claims = 0
        for subject, verdict in verdicts.items():
            position, wanted, told = self._priced[subject]
            if verdict == "placed":
                self.outcomes[position] = _as_placed(told, wanted.note)
                claims += wanted.claim is not None
            elif verdict == "outdated":
                self.outcomes[position] = PricesMoved()
        figures.idempotency.labels("new").inc(claims)


def _priced(wanted: Wanted, offers: Mapping[str, Offer], number: Callable[[], str]) -> OrderPlaced:
    lines = offered(wanted.lines, currency=wanted.currency, offers=offers)
    total = sum(line.quantity * line.unit_price for line in lines)
    if total >= 2**63:
        raise Invalid("The order's total is too large.")
    return OrderPlaced(
        order_id=uuid7(),
        number=number(),
        customer_id=wanted.customer_id,
        currency=wanted.currency,
        total=total,
        lines=lines,
    )


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
