"""The counters, and the page where people receive, count, write off and correct."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import AdminForm
from django.core.exceptions import PermissionDenied
from django.db.models import F, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from nexus.contracts.errors import NexusError
from nexus.eventbus.admin import ReadOnlyAdmin
from nexus.eventbus.admin.cells import AMBER, GREEN, RED, badge, change, code, moment, short, table
from nexus.inventory import services
from nexus.inventory.models import ADJUSTMENTS, MOST_ON_HAND, Item, LedgerEntry, Location, Reason, Stock

FEW = 5
SHOWN_MOVEMENTS = 20


class LevelFilter(admin.SimpleListFilter):
    title = "level"
    parameter_name = "level"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("none", "Sold out"), ("few", f"At most {FEW} left"), ("some", f"More than {FEW}")]

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
        min_value=-MOST_ON_HAND,
        max_value=MOST_ON_HAND,
        help_text="How many more; negative to take away. After a count, the difference to what is on hand.",
    )
    reason = forms.ChoiceField(choices=[(reason.value, reason.label) for reason in ADJUSTMENTS])
    location = forms.ModelChoiceField(Location.objects.order_by("rank"), empty_label=None)
    note = forms.CharField(
        required=False, max_length=300, widget=forms.TextInput(attrs={"size": 60}), help_text="Kept in the ledger."
    )

    def clean_quantity(self) -> int:
        quantity: int = self.cleaned_data["quantity"]
        if quantity == 0:
            raise forms.ValidationError("Nothing would change.", code="zero")
        return quantity


def where_it_matters(columns: Sequence[Any]) -> list[Any]:
    """Without the location while there is but one."""
    hidden = {"location"} if Location.objects.count() < 2 else set()
    return [name for name in columns if name not in hidden]


@admin.register(Stock)
class StockAdmin(ReadOnlyAdmin):
    list_display = ["sku_", "name", "level", "on_hand", "reserved", "location", "adjust_link"]
    list_filter = [LevelFilter, "location"]
    search_fields = ["sku", "item_name"]
    search_help_text = "A part of the SKU or of the name"
    ordering = ["sku", "location__rank"]
    show_full_result_count = False
    fields = ["sku", "name", "location", "level", "on_hand", "reserved", "updated", "movements"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Stock]:
        names = Item.objects.filter(sku=OuterRef("sku")).values("name")
        return super().get_queryset(request).annotate(item_name=Subquery(names))

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        hidden = set() if self.may_adjust(request) else {"adjust_link"}
        return [name for name in where_it_matters(self.list_display) if name not in hidden]

    def get_fields(self, request: HttpRequest, obj: Stock | None = None) -> Any:
        return [*self.fields, *(["adjust_link"] if self.may_adjust(request) else [])]

    @admin.display(description="SKU", ordering="sku")
    def sku_(self, stock: Stock) -> str:
        return code(stock.sku)

    @admin.display(description="name")
    def name(self, stock: Stock) -> str:
        return stock.item_name or "–"  # type: ignore[attr-defined]

    @admin.display(description="can be sold", ordering=F("on_hand") - F("reserved"))
    def level(self, stock: Stock) -> str:
        free = stock.on_hand - stock.reserved
        colour = RED if free == 0 else AMBER if free <= FEW else GREEN
        return badge("sold out" if free == 0 else f"{free} free", colour)

    @admin.display(description="updated (UTC)")
    def updated(self, stock: Stock) -> str:
        return moment(stock.updated_at)

    @admin.display(description="change")
    def adjust_link(self, stock: Stock) -> str:
        return format_html('<a href="{}">Adjust</a>', reverse("admin:inventory_stock_adjust", args=[stock.pk]))

    @admin.display(description="last movements")
    def movements(self, stock: Stock) -> str:
        entries = LedgerEntry.objects.filter(sku=stock.sku, location_id=stock.location_id).order_by("-id")
        rows = [
            (moment(e.created_at), e.reason, change(e.on_hand), change(e.reserved), e.note or short(e.order_id))
            for e in entries[:SHOWN_MOVEMENTS]
        ]
        ledger = reverse("admin:inventory_ledgerentry_changelist")
        link = format_html('<p><a href="{}?q={}">All in the ledger</a></p>', ledger, stock.sku)
        return format_html("{}{}", table(["time (UTC)", "why", "on hand", "reserved", "note or order"], rows), link)

    def may_adjust(self, request: HttpRequest) -> bool:
        return request.user.has_perm("inventory.change_stock")

    def get_urls(self) -> list[URLPattern]:
        adjust = path("<int:pk>/adjust/", self.admin_site.admin_view(self.adjust), name="inventory_stock_adjust")
        return [adjust, *super().get_urls()]

    def adjust(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A page with a small form; the service does it and the ledger keeps it."""
        if not self.may_adjust(request):
            raise PermissionDenied
        stock = get_object_or_404(self.get_queryset(request), pk=pk)
        form = AdjustmentForm(request.POST or None, initial={"location": stock.location})
        if form.is_valid() and (changed := self._adjust(request, stock.sku, form)):
            return HttpResponseRedirect(reverse("admin:inventory_stock_change", args=[changed.pk]))
        context = self.admin_site.each_context(request) | {
            "title": f"Adjust {stock.sku}",
            "stock": stock,
            "opts": self.opts,
            "errors": form.errors,
            "adminform": AdminForm(form, [(None, {"fields": list(form.fields)})], {}),  # type: ignore[arg-type]
        }
        return TemplateResponse(request, "inventory/adjust.html", context)

    def _adjust(self, request: HttpRequest, sku: str, form: AdjustmentForm) -> Stock | None:
        """The counter that was changed, None when the service refuses."""
        wanted = form.cleaned_data
        try:
            services.adjust_stock(
                sku=sku,
                quantity=wanted["quantity"],
                reason=Reason(wanted["reason"]),
                location=wanted["location"].code,
                note=wanted["note"],
                actor=str(request.user.pk),
            )
        except NexusError as why:
            form.add_error("quantity", str(why))
            return None
        stock = Stock.objects.select_related("location").get(sku=sku, location=wanted["location"])
        message = f"{Reason(wanted['reason']).label}: {wanted['quantity']:+}"
        self.note(request, stock, f"{message}. {wanted['note']}".strip())
        self.message_user(request, f"{stock}: {message}", messages.SUCCESS)
        return stock
