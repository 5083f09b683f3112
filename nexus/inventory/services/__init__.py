"""What inventory does: reserve, settle, adjust. Private to the app, although it is its heart."""

from nexus.inventory.services.adjust import add_location, adjust_stock, receive_stock
from nexus.inventory.services.answers import answers
from nexus.inventory.services.expire import expire_reservations
from nexus.inventory.services.items import open_items
from nexus.inventory.services.levels import announce_levels
from nexus.inventory.services.reconcile import reconcile_cache, reconcile_recent_changes
from nexus.inventory.services.reserve import Wanted, answer_again, reserve_stock
from nexus.inventory.services.settle import commit_stock, release_stock, restock
from nexus.inventory.services.shares import (
    Arrival,
    Asked,
    ask_for_shares,
    give_shares,
    is_for_us,
    note_arrivals,
    receive_shares,
    send_share,
)

__all__ = [
    "Arrival",
    "Asked",
    "Wanted",
    "add_location",
    "adjust_stock",
    "announce_levels",
    "answer_again",
    "answers",
    "ask_for_shares",
    "commit_stock",
    "expire_reservations",
    "give_shares",
    "is_for_us",
    "note_arrivals",
    "open_items",
    "receive_shares",
    "receive_stock",
    "reconcile_cache",
    "reconcile_recent_changes",
    "release_stock",
    "reserve_stock",
    "restock",
    "send_share",
]
