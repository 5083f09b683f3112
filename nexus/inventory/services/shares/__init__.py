"""
A region's share of the stock is what its own counters say; an order is served from the share of its region alone.

Shares move by facts: out of the counters here when it is told, into those elsewhere when it is heard. In between the
goods can be sold nowhere, so that a link that is cut costs sales and never sells a thing twice (ADR 0022).
"""

from nexus.inventory.services.shares.arrive import Arrival, note_arrivals, receive_shares
from nexus.inventory.services.shares.ask import ask_for_shares
from nexus.inventory.services.shares.audit import Report, Verdict, audit, report
from nexus.inventory.services.shares.send import Asked, give_shares, is_for_us, send_share

__all__ = [
    "Arrival",
    "Asked",
    "Report",
    "Verdict",
    "ask_for_shares",
    "audit",
    "give_shares",
    "is_for_us",
    "note_arrivals",
    "receive_shares",
    "report",
    "send_share",
]
