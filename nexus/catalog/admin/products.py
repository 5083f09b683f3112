"""Products in the admin."""

from typing import Any

from django.conf import settings
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html, format_html_join

from nexus.catalog import selectors, services
from nexus.catalog.admin.attribute_fields import PREFIX
from nexus.catalog.admin.base import DocumentAdmin
from nexus.catalog.admin.filters import CategoryFilter, StatusFilter, StockFilter, TypeFilter
from nexus.catalog.admin.product_forms import ProductForm, product_form
from nexus.catalog.admin.shadows import Product
from nexus.catalog.models import TypeRow
from nexus.catalog.services import ProductChanges
from nexus.contracts.base import uuid7
from nexus.contracts.errors import NexusError
from nexus.contracts.money import as_text
from nexus.contracts.paging import Page


@admin.register(Product)
class ProductAdmin(DocumentAdmin):
    """What is for sale, edited by fields and rows; nobody types JSON."""

    form = ProductForm
    change_form_template = "admin/catalog/change_form_with_rows.html"
    list_display = ["picture", "title", "badge", "price", "availability", "changed"]
    list_display_links = ["picture", "title"]
    list_filter = [StatusFilter, StockFilter, TypeFilter, CategoryFilter]
    search_fields = ["name"]
    search_help_text = "Words of name, description, attributes, or an SKU"
    ordering = ["-updated_at"]
    actions = ["publish", "archive"]

    @admin.display(description="")
    def picture(self, product: Product) -> str:
        media = product.document.media
        return format_html('<img class="catalog-thumb" src="{}" alt="">', media[0].url) if media else "–"

    @admin.display(description="product", ordering="sort_name")
    def title(self, product: Product) -> str:
        skus = [variant.sku for variant in product.document.variants]
        shown = skus[0] + (f" and {len(skus) - 1} more" if len(skus) > 1 else "") if skus else "no variants"
        return format_html('<b>{}</b><br><span class="quiet catalog-line">{}</span>', product.name, shown)

    @admin.display(description="status")
    def badge(self, product: Product) -> str:
        return format_html('<span class="catalog-badge {}">{}</span>', product.status, product.get_status_display())

    @admin.display(description=f"price {settings.CURRENCY}")
    def price(self, product: Product) -> str:
        amounts = [p.amount for v in product.document.variants for p in v.prices if p.currency == settings.CURRENCY]
        if not amounts:
            return "–"
        ends = dict.fromkeys(as_text(amount, settings.CURRENCY) for amount in (min(amounts), max(amounts)))
        return " – ".join(ends)

    @admin.display(description="in stock")
    def availability(self, product: Product) -> str:
        levels = [variant.availability.available for variant in product.document.variants]
        if not any(level > 0 for level in levels):
            return format_html('<span class="catalog-badge none">{}</span>', "none")
        empty = sum(level <= 0 for level in levels)
        note = f" ({empty} of {len(levels)} sold out)" if empty else ""
        return format_html('{}<span class="quiet">{}</span>', sum(levels), note)

    @admin.display(description="changed", ordering="updated_at")
    def changed(self, product: Product) -> str:
        return format_html('<span class="catalog-line">{}</span>', f"{product.updated_at:%Y-%m-%d %H:%M}")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        found = queryset.where(selectors.search_condition(search_term)) if search_term.strip() else queryset
        return found, False

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        kind = self._kind(request, obj)
        attributes = [PREFIX + each["name"] for each in kind["attributes"] if each["on"] == "product"]
        main = {"fields": ["name", "slug", "status", "description", "categories", "version"]}
        return [(None, main), *([(f"{kind['name']}: attributes", {"fields": attributes})] if attributes else [])]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **options: Any) -> Any:
        return super().get_form(request, obj, change, **options | {"form": product_form(self._kind(request, obj))})

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return {} if obj else {"slug": ("name",)}

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        """A type first: it decides which fields there are."""
        if not self.has_add_permission(request) or self._find_kind(request, None):
            return super().add_view(request, form_url, extra_context)
        context = {
            **self.admin_site.each_context(request),
            "title": "What kind of product?",
            "opts": self.opts,
            "kinds": selectors.list_product_types(page=Page(size=500)).items,
            "media": self.media,
        }
        return TemplateResponse(request, "admin/catalog/product/choose_type.html", context)

    @admin.action(description="Publish selected products", permissions=["change"])
    def publish(self, request: HttpRequest, queryset: Any) -> None:
        self._set_status(request, queryset, "published")

    @admin.action(description="Archive selected products", permissions=["change"])
    def archive(self, request: HttpRequest, queryset: Any) -> None:
        self._set_status(request, queryset, "archived")

    def delete_one(self, shadow: Any) -> None:
        services.delete_product(slug=shadow.document.slug, version=shadow.document.version)

    def _set_status(self, request: HttpRequest, queryset: Any, status: str) -> None:
        done, refused = 0, []
        for product in list(queryset):
            try:
                services.change_product(slug=product.slug, changes=ProductChanges(status=status))
            except NexusError as why:
                refused.append((product.name, " ".join(error.message for error in why.errors) or str(why)))
            else:
                done += 1
                self.log_change(request, product, f"Set status to {status}.")
        if done:
            self.message_user(request, f"{done} {status}.", messages.SUCCESS)
        if refused:
            self.message_user(request, format_html_join(" ", "{}: {}", refused), messages.ERROR)

    def _kind(self, request: HttpRequest, obj: Any) -> TypeRow:
        return self._find_kind(request, obj) or TypeRow(
            _id=uuid7(), slug=obj.product_type if obj else "", name="Product", attributes=[], version=0
        )

    @staticmethod
    def _find_kind(request: HttpRequest, obj: Any) -> TypeRow | None:
        return selectors.find_product_type(slug=obj.product_type if obj else request.GET.get("product_type", ""))
