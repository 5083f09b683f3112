"""
Reservations after a restore in which orders and inventory come from different moments: those of orders that nobody
knows go, those of orders that were promised goods come back as far as there are any.
"""

from collections.abc import Iterator, Sequence
from uuid import UUID

from django.db import transaction
from msgspec.json import encode

from nexus.contracts.base import uuid7
from nexus.contracts.correlation import Cause
from nexus.eventbus.invariants import Disagreement, Entry, Testimony
from nexus.eventbus.stores.postgres_rows import rows_of, run
from nexus.inventory.models import DATABASE, State
from nexus.inventory.services.reserve import Wanted, expiry, set_aside
from nexus.inventory.services.settle import COMMIT, EXPIRE, RELEASE, RESTOCK, Settling, settle
from nexus.inventory.services.stockroom import Stockroom

FATES = """
SELECT order_id::text, state, CASE WHEN state IN ('held', 'committed', 'returned') THEN (
    SELECT json_agg(json_build_array(sku, quantity) ORDER BY sku COLLATE "C") FROM (
        SELECT line->>'sku' AS sku, sum((line->>'quantity')::int) AS quantity
        FROM jsonb_array_elements(lines) AS line GROUP BY 1) AS kept) END
FROM inventory_reservation ORDER BY order_id
"""
# Only one that was never given anything: whatever has moved goods stays as it is.
HOLD = """
INSERT INTO inventory_reservation (order_id, state, lines, expires_at, created_at, updated_at)
VALUES (%s::uuid, 'held', %s::jsonb, %s, clock_timestamp(), clock_timestamp())
ON CONFLICT (order_id) DO UPDATE
SET state = excluded.state, lines = excluded.lines, expires_at = excluded.expires_at, updated_at = excluded.updated_at
WHERE inventory_reservation.state = 'rejected' RETURNING order_id
"""
ENDS = {"": RELEASE, "rejected": RELEASE, "released": RELEASE, "expired": EXPIRE}
"""How a reservation ends that the order does not need, by what the order says; nothing where nobody knows the order."""
TAKEN_UP: dict[str, Sequence[Settling]] = {"held": [], "committed": [COMMIT], "returned": [COMMIT, RESTOCK]}
"""What happens to the goods of an order that has none set aside, by what the order says."""


def follow_orders(found: Sequence[Disagreement]) -> Iterator[str]:
    """Let go of what no order needs, and set aside what one was promised; a sentence for each."""
    for key, own, theirs in found:
        mine, wanted = _state_of(own), _state_of(theirs)
        if mine == State.HELD and wanted in ENDS:
            with transaction.atomic(using=DATABASE):
                ended = settle(ENDS[wanted], {UUID(key): uuid7()})
            if ended:
                yield f"order {key}: its reservation was released, {_why(wanted)}"
        elif mine in ("", State.REJECTED) and wanted in TAKEN_UP and isinstance(theirs, tuple):
            yield f"order {key}: {_take_up(UUID(key), theirs[1], TAKEN_UP[wanted])}"


def _take_up(order_id: UUID, lines: Sequence[tuple[str, int]], then: Sequence[Settling]) -> str:
    """Give an order what it was promised, without telling it again; what came of it."""
    order = Wanted(order_id=order_id, lines=[(sku, n) for sku, n in lines], cause_id=uuid7(), cause=Cause())
    with transaction.atomic(using=DATABASE):
        room = Stockroom.lock(sku for sku, _ in order.lines)
        if short := [sku for sku, quantity in order.lines if room.available(sku) < quantity]:
            return f"was promised goods that are not there: {', '.join(short)}; count them, receive them, recover again"
        if not run(DATABASE, HOLD, [order_id, encode(set_aside(room, order)).decode(), expiry()]):
            return "was given its goods meanwhile"
        room.write(at_once=False)
        for settling in then:
            settle(settling, {order_id: uuid7()})
    return "its goods were set aside again"


def _why(wanted: str) -> str:
    return f"which the order says is {wanted}" if wanted else "for nobody knows that order"


def _state_of(said: object) -> str:
    return str(said[0]) if isinstance(said, tuple) else ""


def _fates() -> Iterator[Entry]:
    return ((key, (state, lines)) for key, state, lines in rows_of(DATABASE, FATES))


TESTIMONIES = [
    Testimony(fact="fate of an order", keeper="inventory", entries=_fates, believe=follow_orders),
]
