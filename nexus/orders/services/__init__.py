"""What orders does: place, move on, keep the price book. Private to the app, although it is its heart."""

from nexus.orders.services.answers import answers
from nexus.orders.services.availability import note_stock_levels
from nexus.orders.services.offered import LARGEST_QUANTITY, Line
from nexus.orders.services.overdue import drive_on_overdue_orders
from nexus.orders.services.place import (
    Placement,
    forget_old_claims,
    place_order,
    place_orders,
)
from nexus.orders.services.prices import record_offers
from nexus.orders.services.settlement import wait_on_loop_until_settled, wait_until_settled
from nexus.orders.services.sold_out import Doubtful, find_sold_out
from nexus.orders.services.together import FEW, place_together
from nexus.orders.services.transitions import (
    cancel_order,
    deliver_order,
    forget_customer,
    move_orders,
    return_order,
    ship_order,
)
from nexus.orders.services.wanted import Claim, NotTogether, Outcome, Wanted

__all__ = [
    "FEW",
    "LARGEST_QUANTITY",
    "Claim",
    "Doubtful",
    "Line",
    "NotTogether",
    "Outcome",
    "Placement",
    "Wanted",
    "answers",
    "cancel_order",
    "deliver_order",
    "drive_on_overdue_orders",
    "find_sold_out",
    "forget_customer",
    "forget_old_claims",
    "move_orders",
    "note_stock_levels",
    "place_order",
    "place_orders",
    "place_together",
    "record_offers",
    "return_order",
    "ship_order",
    "wait_on_loop_until_settled",
    "wait_until_settled",
]
