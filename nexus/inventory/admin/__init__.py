"""Stock for staff: what lies where, what is set aside, every movement; changes go through services."""

from nexus.inventory.admin.records import LedgerEntryAdmin, LocationAdmin, ReservationAdmin
from nexus.inventory.admin.stock import StockAdmin

__all__ = ["LedgerEntryAdmin", "LocationAdmin", "ReservationAdmin", "StockAdmin"]
