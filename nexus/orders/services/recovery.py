"""
Orders after a restore to an earlier moment than inventory's: it forgot steps that inventory heard of, and what was done
with the goods is what is true. Orders that were forgotten altogether do not come back so.
"""

from collections.abc import Callable, Iterator, Sequence
from uuid import UUID

from nexus.contracts.base import Event
from nexus.contracts.orders import OrderCancelled, OrderReturned, OrderShipped
from nexus.eventbus.invariants import Disagreement, Entry, Testimony
from nexus.eventbus.stores.postgres_rows import rows_of
from nexus.orders.models import DATABASE
from nexus.orders.services.transitions import move_orders

# What inventory's reservation has to be, by the order's status.
FATES = """
SELECT o.id::text, CASE status WHEN 'placed' THEN 'undecided' WHEN 'confirmed' THEN 'held'
        WHEN 'cancelled' THEN 'released' WHEN 'shipped' THEN 'committed' WHEN 'delivered' THEN 'committed'
        ELSE status END,
    CASE WHEN status IN ('confirmed', 'shipped', 'delivered', 'returned') THEN (
        SELECT json_agg(json_build_array(sku, quantity) ORDER BY sku COLLATE "C")
        FROM orders_orderline WHERE order_id = o.id) END
FROM orders_order AS o ORDER BY o.id
"""
Step = Callable[[UUID], Event]


def _cancelled(order_id: UUID) -> Event:
    return OrderCancelled(order_id=order_id, reason="as inventory was told before a restore")


def _shipped(order_id: UUID) -> Event:
    return OrderShipped(order_id=order_id)


def _returned(order_id: UUID) -> Event:
    return OrderReturned(order_id=order_id)


STEPS: dict[tuple[str, str], Sequence[Step]] = {
    ("undecided", "released"): [_cancelled],
    ("held", "released"): [_cancelled],
    ("held", "committed"): [_shipped],
    ("held", "returned"): [_shipped, _returned],
    ("committed", "returned"): [_returned],
}
"""What an order has forgotten, by what its reservation would have to be and what it is."""


def follow_inventory(found: Sequence[Disagreement]) -> Iterator[str]:
    """Take again the steps that inventory has heard of; a sentence for each."""
    for key, own, theirs in found:
        for step in STEPS.get((_state_of(own), _state_of(theirs)), ()):
            event = step(UUID(key))
            if move_orders({UUID(key): event}):
                yield f"order {key}: {type(event).__name__} was told once more, as inventory had heard it"


def _state_of(said: object) -> str:
    return str(said[0]) if isinstance(said, tuple) else ""


def _fates() -> Iterator[Entry]:
    return ((key, (state, lines)) for key, state, lines in rows_of(DATABASE, FATES))


TESTIMONIES = [
    Testimony(fact="fate of an order", keeper="orders", entries=_fates, believe=follow_inventory),
]
