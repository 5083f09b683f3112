"""Orders for staff: look, filter, and take the steps that services allow."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html

from nexus.contracts.base import Event
from nexus.contracts.errors import NexusError
from nexus.contracts.money import as_text
from nexus.contracts.orders import OrderCancelled, OrderDelivered, OrderLine, OrderReturned, OrderShipped
from nexus.eventbus.admin import DeadLetterAdmin, LogAdmin, ReadOnlyAdmin
from nexus.eventbus.admin.cells import AMBER, GREEN, GREY, RED, badge, code, grouped, moment, one_line, short, table
from nexus.orders import selectors, services
from nexus.orders.models import TRANSITIONS, DeadLetter, LoggedEvent, Order, Price, Status

STUCK_AFTER = timedelta(minutes=1)
COLOURS = {
    Status.PLACED: AMBER,
    Status.CONFIRMED: "#1b6ec2",
    Status.SHIPPED: "#5b3fb5",
    Status.DELIVERED: GREEN,
    Status.REJECTED: RED,
    Status.CANCELLED: GREY,
    Status.EXPIRED: GREY,
    Status.RETURNED: "#7a5c2e",
}
STEPS: dict[str, type[Event]] = {
    "ship": OrderShipped,
    "deliver": OrderDelivered,
    "take_back": OrderReturned,
    "cancel": OrderCancelled,
}
"""Which action tells which event."""


class StuckFilter(admin.SimpleListFilter):
    """Orders that have waited for their stock longer than they should."""

    title = "waiting for stock"
    parameter_name = "stuck"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "Stuck: over a minute")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Order]) -> QuerySet[Order]:
        if self.value() != "yes":
            return queryset
        return queryset.filter(status=Status.PLACED, placed_at__lt=timezone.now() - STUCK_AFTER)


@admin.register(Order)
class OrderAdmin(ReadOnlyAdmin):
    list_display = ["number_", "state", "amount", "placed", "customer"]
    list_filter = ["status", StuckFilter, "placed_at"]
    search_fields = ["number"]
    search_ids = ["id", "customer_id"]
    search_help_text = "Number or a part of it, order id or customer id"
    # By time too, for ids rise with it; and this is what has an index.
    ordering = ["-id"]
    sortable_by = ()
    show_full_result_count = False
    list_per_page = 50
    actions = ["ship", "deliver", "take_back", "cancel"]
    fieldsets = [
        (None, {"fields": ["number", "state", "reason", "amount", "note_of_customer"]}),
        ("Lines", {"fields": ["lines"]}),
        ("History", {"fields": ["history"]}),
        ("Identity", {"fields": ["id", "customer_and_orders", "placed", "updated", "version"]}),
    ]

    def get_fieldsets(self, request: HttpRequest, obj: Order | None = None) -> Any:
        shown = super().get_fieldsets(request, obj)
        if obj is None or not self.has_step_permission(request) or not _steps_from(obj.status):
            return shown
        return [shown[0], ("Next step", {"fields": ["next_step"]}), *shown[1:]]

    @admin.display(description="number")
    def number_(self, order: Order) -> str:
        return one_line(order.number)

    @admin.display(description="status")
    def state(self, order: Order) -> str:
        return badge(order.status, COLOURS[Status(order.status)])

    @admin.display(description="total")
    def amount(self, order: Order) -> str:
        return one_line(f"{as_text(order.total, order.currency)} {order.currency}")

    @admin.display(description="note")
    def note_of_customer(self, order: Order) -> str:
        return selectors.get_order(order_id=order.id).note or "–"

    @admin.display(description="placed (UTC)")
    def placed(self, order: Order) -> str:
        return moment(order.placed_at)

    @admin.display(description="updated (UTC)")
    def updated(self, order: Order) -> str:
        return moment(order.updated_at)

    @admin.display(description="customer")
    def customer(self, order: Order) -> str:
        return self.list_link(short(order.customer_id), search=order.customer_id)

    @admin.display(description="customer")
    def customer_and_orders(self, order: Order) -> str:
        link = self.list_link("all orders", search=order.customer_id)
        return format_html("{} · {}", code(order.customer_id), link)

    @admin.display(description="what to do")
    def next_step(self, order: Order) -> str:
        return self.buttons(order, {step: getattr(self, step).short_description for step in _steps_from(order.status)})

    @admin.display(description="ordered")
    def lines(self, order: Order) -> str:
        lines = selectors.get_order(order_id=order.id).lines
        rows = [
            (line.quantity, code(line.sku), line.name, *(as_text(n, order.currency) for n in _amounts(line)))
            for line in lines
        ]
        return table(["quantity", "sku", "name", "each", "together"], rows)

    @admin.display(description="what happened")
    def history(self, order: Order) -> str:
        told = selectors.list_events(order_id=order.id)
        rows = [(moment(e.time, precise=True), e.type, e.sequence, code(e.correlation_id)) for e in told]
        log = reverse("admin:orders_loggedevent_changelist")
        link = format_html('<p><a href="{}?q={}">In the event log, with what was told</a></p>', log, order.id)
        return format_html("{}{}", table(["time (UTC)", "event", "version", "correlation id"], rows), link)

    def has_step_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("orders.change_order")

    @admin.action(description="Mark as shipped", permissions=["step"])
    def ship(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        self._each(request, queryset, services.ship_order, "shipped")

    @admin.action(description="Mark as delivered", permissions=["step"])
    def deliver(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        self._each(request, queryset, services.deliver_order, "delivered")

    @admin.action(description="Take back (fit for sale)", permissions=["step"])
    def take_back(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        self._each(request, queryset, services.return_order, "returned")

    @admin.action(description="Cancel for good", permissions=["step"])
    def cancel(self, request: HttpRequest, queryset: QuerySet[Order]) -> None:
        def cancel_by_shop(*, order_id: UUID) -> Any:
            return services.cancel_order(order_id=order_id, reason="by the shop")

        self._each(request, queryset, cancel_by_shop, "cancelled")

    def _each(self, request: HttpRequest, queryset: QuerySet[Order], step: Callable[..., Any], done: str) -> None:
        """Take the step for each order; those that cannot take it are named, the others are done."""
        moved, refused = 0, []
        for order in queryset:
            try:
                step(order_id=order.id)
            except NexusError as why:
                refused.append((str(why), order.number))
            else:
                self.note(request, order, f"Marked as {done}.")
                moved += 1
        for reason, numbers in grouped(refused):
            self.message_user(request, f"{numbers}: {reason}", messages.WARNING)
        if moved:
            self.message_user(request, f"{moved} {done}.", messages.SUCCESS)


@admin.register(Price)
class PriceAdmin(ReadOnlyAdmin):
    """The price book as orders sees it."""

    list_display = ["sku", "name", "sellable", "amounts", "version"]
    list_filter = ["sellable"]
    search_fields = ["sku", "name"]
    ordering = ["sku"]
    show_full_result_count = False
    fields = ["sku", "name", "sellable", "amounts", "version"]

    @admin.display(description="prices")
    def amounts(self, price: Price) -> str:
        return ", ".join(f"{as_text(amount, currency)} {currency}" for currency, amount in price.prices.items())


def _steps_from(status: str) -> list[str]:
    """The actions that an order of this status can take."""
    return [step for step, event in STEPS.items() if status in TRANSITIONS[event][0]]


def _amounts(line: OrderLine) -> tuple[int, int]:
    return line.unit_price, line.unit_price * line.quantity


admin.site.register(LoggedEvent, LogAdmin)
admin.site.register(DeadLetter, DeadLetterAdmin)
