"""Orders for staff: look, filter, and take the steps that services allow."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html, format_html_join

from nexus.contracts.errors import NexusError
from nexus.contracts.money import as_text
from nexus.eventbus.admin import DeadLetterAdmin, LogAdmin, ReadOnlyAdmin, badge
from nexus.orders import selectors, services
from nexus.orders.models import DeadLetter, LoggedEvent, Order, Price, Status

STUCK_AFTER = timedelta(minutes=1)
COLOURS = {
    Status.PLACED: "#b26a00",
    Status.CONFIRMED: "#1b6ec2",
    Status.SHIPPED: "#5b3fb5",
    Status.DELIVERED: "#2e7d32",
    Status.REJECTED: "#a32424",
    Status.CANCELLED: "#6b6b6b",
    Status.EXPIRED: "#6b6b6b",
    Status.RETURNED: "#8a6d3b",
}


class StuckFilter(admin.SimpleListFilter):
    """Orders that have waited for their stock longer than they should."""

    title = "stuck"
    parameter_name = "stuck"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "placed over a minute ago")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        if self.value() != "yes":
            return queryset
        return queryset.filter(status=Status.PLACED, placed_at__lt=timezone.now() - STUCK_AFTER)


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = ["number", "state", "amount", "placed_at", "updated_at", "customer_id"]
    list_filter = ["status", StuckFilter, "currency", "placed_at"]
    search_fields = ["number", "id", "customer_id"]
    search_help_text = "Number, order id or customer id"
    ordering = ["-placed_at", "-id"]
    date_hierarchy = "placed_at"
    show_full_result_count = False
    list_per_page = 50
    actions = ["cancel", "ship", "deliver", "take_back"]
    fieldsets = [
        (None, {"fields": ["number", "state", "amount", "reason", "note"]}),
        ("Lines", {"fields": ["lines"]}),
        ("History", {"fields": ["history"]}),
        ("Identity", {"fields": ["id", "customer_id", "placed_at", "updated_at", "version"]}),
    ]

    @admin.display(description="status", ordering="status")
    def state(self, order: Order) -> str:
        return badge(order.status, COLOURS[Status(order.status)])

    @admin.display(description="total", ordering="total")
    def amount(self, order: Order) -> str:
        return f"{as_text(order.total, order.currency)} {order.currency}"

    @admin.display(description="lines")
    def lines(self, order: Order) -> str:
        view = selectors.get_order(order_id=order.id)
        rows = (
            (line.quantity, line.sku, line.name, as_text(line.unit_price * line.quantity, view.currency))
            for line in view.lines
        )
        cells = format_html_join("", "<tr><td>{} ×</td><td><b>{}</b></td><td>{}</td><td>{}</td></tr>", rows)
        return format_html("<table>{}</table>", cells)

    @admin.display(description="what happened")
    def history(self, order: Order) -> str:
        told = selectors.list_events(order_id=order.id)
        rows = ((each.time.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3], each.type, each.sequence) for each in told)
        cells = format_html_join("", "<tr><td>{}</td><td>{}</td><td>version {}</td></tr>", rows)
        return format_html("<table>{}</table>", cells)

    def has_step_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.change_order")

    @admin.action(description="Cancel", permissions=["step"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        def cancel_by_staff(*, order_id: UUID) -> Any:
            return services.cancel_order(order_id=order_id, reason="by the shop")

        self._each(request, queryset, cancel_by_staff, "cancelled")

    @admin.action(description="Mark as shipped", permissions=["step"])
    def ship(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        self._each(request, queryset, services.ship_order, "shipped")

    @admin.action(description="Mark as delivered", permissions=["step"])
    def deliver(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        self._each(request, queryset, services.deliver_order, "delivered")

    @admin.action(description="Take back (fit for sale)", permissions=["step"])
    def take_back(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        self._each(request, queryset, services.return_order, "returned")

    def _each(self, request: HttpRequest, queryset: QuerySet[Order], step: Callable[..., Any], done: str) -> None:
        """Take the step for each order; those that cannot take it are named, the others are done."""
        moved = []
        for order in queryset:
            try:
                step(order_id=order.id)
            except NexusError as why:
                self.message_user(request, f"{order.number}: {why}", messages.WARNING)
            else:
                moved.append(order)
        if moved:
            LogEntry.objects.log_actions(request.user.pk, moved, CHANGE, change_message=f"Marked as {done}.")
            self.message_user(request, f"{len(moved)} {done}.", messages.SUCCESS)


@admin.register(Price)
class PriceAdmin(ReadOnlyAdmin):
    """The price book as orders sees it."""

    list_display = ["sku", "name", "sellable", "amounts", "version"]
    list_filter = ["sellable"]
    search_fields = ["sku", "name"]
    ordering = ["sku"]
    show_full_result_count = False

    @admin.display(description="prices")
    def amounts(self, price: Price) -> str:
        return ", ".join(f"{as_text(amount, currency)} {currency}" for currency, amount in price.prices.items())


admin.site.register(LoggedEvent, LogAdmin)
admin.site.register(DeadLetter, DeadLetterAdmin)
