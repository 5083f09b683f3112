"""Stock for staff: what lies where, what is set aside, every movement; changes go through services."""

from nexus.inventory.admin.records import LedgerEntryAdmin, LocationAdmin, ReservationAdmin, ShareAdmin
from nexus.inventory.admin.stock import StockAdmin

__all__ = ["LedgerEntryAdmin", "LocationAdmin", "ReservationAdmin", "ShareAdmin", "StockAdmin"]
