"""Reads of orders: from their rows, and from the events that the rows are made of."""

from nexus.orders.selectors.history import BrokenHistory, Folded, envelopes_of, find_folded, fold
from nexus.orders.selectors.orders import (
    Offer,
    OrderView,
    find_claim,
    get_order,
    get_order_at,
    get_order_from_loop,
    list_claimed,
    list_events,
    list_offers,
    list_orders,
    list_settled,
)

__all__ = [
    "BrokenHistory",
    "Folded",
    "Offer",
    "OrderView",
    "envelopes_of",
    "find_claim",
    "find_folded",
    "fold",
    "get_order",
    "get_order_at",
    "get_order_from_loop",
    "list_claimed",
    "list_events",
    "list_offers",
    "list_orders",
    "list_settled",
]
