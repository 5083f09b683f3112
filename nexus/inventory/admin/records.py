"""What is set aside, every movement, the places; and what inventory told and could not handle."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.html import format_html_join

from nexus.eventbus.admin import DeadLetterAdmin, LogAdmin, ReadOnlyAdmin
from nexus.eventbus.admin.cells import AMBER, GREEN, GREY, badge, change, code, moment, short
from nexus.inventory.admin.stock import where_it_matters
from nexus.inventory.models import DeadLetter, LedgerEntry, Location, LoggedEvent, Reservation, Share, State

COLOURS = {State.HELD: AMBER, State.COMMITTED: GREEN}


@admin.register(Reservation)
class ReservationAdmin(ReadOnlyAdmin):
    list_display = ["short_order", "state_", "what", "expires"]
    list_filter = ["state"]
    search_fields = ["order_id__exact"]
    search_ids = ["order_id"]
    search_help_text = "An order id"
    # By time too, for ids rise with it; and this is what has an index.
    ordering = ["-order_id"]
    sortable_by = ()
    show_full_result_count = False
    fields = ["order", "state_", "what", "expires", "created", "updated"]

    @admin.display(description="order")
    def short_order(self, reservation: Reservation) -> str:
        return short(reservation.order_id)

    @admin.display(description="order id")
    def order(self, reservation: Reservation) -> str:
        return code(reservation.order_id)

    @admin.display(description="state")
    def state_(self, reservation: Reservation) -> str:
        return badge(reservation.state, COLOURS.get(State(reservation.state), GREY))

    @admin.display(description="what")
    def what(self, reservation: Reservation) -> str:
        lines = ((line["quantity"], code(line["sku"])) for line in reservation.lines)
        return format_html_join("", '<div style="white-space:nowrap">{} × {}</div>', lines) or "–"

    @admin.display(description="expires (UTC)")
    def expires(self, reservation: Reservation) -> str:
        return moment(reservation.expires_at)

    @admin.display(description="created (UTC)")
    def created(self, reservation: Reservation) -> str:
        return moment(reservation.created_at)

    @admin.display(description="updated (UTC)")
    def updated(self, reservation: Reservation) -> str:
        return moment(reservation.updated_at)


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    list_display = ["when", "sku_", "on_hand_", "reserved_", "reason", "location", "order_or_note"]
    list_filter = ["reason", "location"]
    search_fields = ["sku__exact"]
    search_ids = ["order_id", "cause_id"]
    search_help_text = "A whole SKU, or the id of an order or of the event behind it"
    ordering = ["-id"]
    sortable_by = ()
    show_full_result_count = False
    fields = ["when", "sku", "location", "on_hand_", "reserved_", "reason", "order_id", "cause_id", "actor", "note"]

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        return where_it_matters(self.list_display)

    @admin.display(description="time (UTC)")
    def when(self, entry: LedgerEntry) -> str:
        return moment(entry.created_at)

    @admin.display(description="SKU")
    def sku_(self, entry: LedgerEntry) -> str:
        return code(entry.sku)

    @admin.display(description="on hand")
    def on_hand_(self, entry: LedgerEntry) -> str:
        return change(entry.on_hand)

    @admin.display(description="reserved")
    def reserved_(self, entry: LedgerEntry) -> str:
        return change(entry.reserved)

    @admin.display(description="note or order")
    def order_or_note(self, entry: LedgerEntry) -> str:
        return entry.note or short(entry.order_id)


@admin.register(Share)
class ShareAdmin(ReadOnlyAdmin):
    list_display = ["sent", "sku_", "quantity", "from_region", "to_region", "arrived"]
    list_filter = ["from_region", "to_region", ("arrived_at", admin.EmptyFieldListFilter)]
    search_fields = ["sku__exact"]
    search_ids = ["transfer_id"]
    search_help_text = "A whole SKU, or the id of a transfer"
    # By time too, for ids rise with it.
    ordering = ["-transfer_id"]
    sortable_by = ()
    show_full_result_count = False
    fields = ["transfer_id", "sku", "quantity", "from_region", "to_region", "sent", "arrived"]

    @admin.display(description="SKU")
    def sku_(self, share: Share) -> str:
        return code(share.sku)

    @admin.display(description="sent (UTC)")
    def sent(self, share: Share) -> str:
        return moment(share.sent_at)

    @admin.display(description="arrived (UTC)")
    def arrived(self, share: Share) -> str:
        return moment(share.arrived_at) if share.arrived_at else badge("on the way", AMBER)


@admin.register(Location)
class LocationAdmin(admin.ModelAdmin):
    list_display = ["name", "code", "rank"]
    ordering = ["rank"]
    fieldsets = [
        (
            None,
            {
                "fields": ["name", "code", "rank"],
                "description": "Orders are served from the location of the lowest rank that has enough. "
                "Integrations name locations by their code, which stays as it is.",
            },
        )
    ]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Location | None = None) -> list[str]:
        return ["code"] if obj else []


admin.site.register(LoggedEvent, LogAdmin)
admin.site.register(DeadLetter, DeadLetterAdmin)
