"""Stock for staff: what lies where, what is set aside, every movement; changes go through services."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db.models import F, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join

from nexus.contracts.errors import NexusError
from nexus.eventbus.admin import DeadLetterAdmin, LogAdmin, ReadOnlyAdmin, badge
from nexus.inventory import services
from nexus.inventory.models import (
    ADJUSTMENTS,
    MOST_ON_HAND,
    DeadLetter,
    LedgerEntry,
    Location,
    LoggedEvent,
    Reason,
    Reservation,
    Stock,
)

FEW = 5


class LevelFilter(admin.SimpleListFilter):
    title = "level"
    parameter_name = "level"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("none", "sold out"), ("few", f"at most {FEW} left"), ("some", f"more than {FEW}")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Stock]) -> QuerySet[Stock]:
        free = queryset.annotate(free=F("on_hand") - F("reserved"))
        match self.value():
            case "none":
                return free.filter(free=0)
            case "few":
                return free.filter(free__gt=0, free__lte=FEW)
            case "some":
                return free.filter(free__gt=FEW)
        return queryset


class AdjustmentForm(forms.Form):
    """How staff receive, count, write off or correct."""

    quantity = forms.IntegerField(
        min_value=-MOST_ON_HAND, max_value=MOST_ON_HAND, help_text="How many more; negative to take away"
    )
    reason = forms.ChoiceField(choices=[(reason.value, reason.label) for reason in ADJUSTMENTS])
    note = forms.CharField(required=False, max_length=300)


@admin.register(Stock)
class StockAdmin(ReadOnlyAdmin):
    list_display = ["sku", "location", "level", "on_hand", "reserved", "updated_at", "adjust_link"]
    list_filter = [LevelFilter, "location"]
    list_select_related = ["location"]
    search_fields = ["sku"]
    ordering = ["sku", "location__rank"]
    show_full_result_count = False
    fields = ["sku", "location", "level", "on_hand", "reserved", "version", "updated_at", "adjust_link", "ledger"]

    @admin.display(description="can be sold")
    def level(self, stock: Stock) -> str:
        free = stock.on_hand - stock.reserved
        colour = "#a32424" if free == 0 else "#b26a00" if free <= FEW else "#2e7d32"
        return badge("sold out" if free == 0 else f"{free} free", colour)

    @admin.display(description="")
    def adjust_link(self, stock: Stock) -> str:
        return format_html('<a href="{}">Adjust</a>', reverse("admin:inventory_stock_adjust", args=[stock.pk]))

    @admin.display(description="last movements")
    def ledger(self, stock: Stock) -> str:
        entries = LedgerEntry.objects.filter(sku=stock.sku, location_id=stock.location_id).order_by("-id")[:20]
        rows = ((e.created_at.strftime("%Y-%m-%d %H:%M:%S"), e.reason, e.on_hand, e.reserved, e.note) for e in entries)
        head = "<tr><th>when</th><th>why</th><th>on hand</th><th>reserved</th><th>note</th></tr>"
        cells = "<tr><td>{}</td><td>{}</td><td>{:+}</td><td>{:+}</td><td>{}</td></tr>"
        return format_html("<table>{}{}</table>", format_html(head), format_html_join("", cells, rows))

    def get_urls(self) -> list[URLPattern]:
        adjust = path("<int:pk>/adjust/", self.admin_site.admin_view(self.adjust), name="inventory_stock_adjust")
        return [adjust, *super().get_urls()]

    def adjust(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A page with a small form; the service does it and the ledger keeps it."""
        stock = get_object_or_404(Stock, pk=pk)
        form = AdjustmentForm(request.POST or None)
        if not request.user.has_perm("inventory.change_stock"):  # type: ignore[union-attr]
            self.message_user(request, "You may look at stock, not change it.", messages.ERROR)
            return HttpResponseRedirect(reverse("admin:inventory_stock_changelist"))
        if form.is_valid() and self._adjust(request, stock, form):
            return HttpResponseRedirect(reverse("admin:inventory_stock_change", args=[pk]))
        context = self.admin_site.each_context(request) | {"form": form, "stock": stock, "opts": self.opts}
        return TemplateResponse(request, "inventory/adjust.html", context | {"title": f"Adjust {stock.sku}"})

    def _adjust(self, request: HttpRequest, stock: Stock, form: AdjustmentForm) -> bool:
        wanted = form.cleaned_data
        try:
            services.adjust_stock(
                sku=stock.sku,
                quantity=wanted["quantity"],
                reason=Reason(wanted["reason"]),
                location=stock.location.code,
                note=wanted["note"],
                actor=str(request.user.pk),
            )
        except NexusError as why:
            form.add_error("quantity", str(why))
            return False
        message = f"{wanted['reason']}: {wanted['quantity']:+}"
        LogEntry.objects.log_actions(
            request.user.pk,
            [stock],
            CHANGE,
            change_message=message,
            single_object=True,  # type: ignore[list-item]
        )
        self.message_user(request, f"{stock.sku}: {message}", messages.SUCCESS)
        return True


@admin.register(Reservation)
class ReservationAdmin(ReadOnlyAdmin):
    list_display = ["order_id", "state", "summary", "expires_at", "updated_at"]
    list_filter = ["state"]
    search_fields = ["order_id__exact"]
    ordering = ["-updated_at"]
    show_full_result_count = False

    @admin.display(description="what")
    def summary(self, reservation: Reservation) -> str:
        return ", ".join(f"{line['quantity']} × {line['sku']}" for line in reservation.lines)


@admin.register(LedgerEntry)
class LedgerEntryAdmin(ReadOnlyAdmin):
    list_display = ["created_at", "sku", "location", "on_hand", "reserved", "reason", "order_id", "note"]
    list_filter = ["reason", "location"]
    list_select_related = ["location"]
    search_fields = ["sku", "order_id__exact"]
    ordering = ["-id"]
    show_full_result_count = False


@admin.register(Location)
class LocationAdmin(admin.ModelAdmin):
    list_display = ["name", "code", "rank"]
    ordering = ["rank"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_readonly_fields(self, request: HttpRequest, obj: Location | None = None) -> list[str]:
        # Integrations name locations by their code.
        return ["code"] if obj else []


admin.site.register(LoggedEvent, LogAdmin)
admin.site.register(DeadLetter, DeadLetterAdmin)
