"""The product list's filters."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from nexus.catalog import selectors
from nexus.catalog.admin.tree import category_choices
from nexus.catalog.models import STATUSES
from nexus.contracts.paging import Page

Choices = list[tuple[str, str]]


class _Filter(admin.SimpleListFilter):
    """A filter whose choice becomes a condition; a choice that is not offered finds nothing."""

    def condition(self, value: str) -> dict[str, Any]:
        raise NotImplementedError

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        value = self.value()
        return queryset if value is None else queryset.where(self.condition(value))


class StatusFilter(_Filter):
    title = parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(status, status.capitalize()) for status in STATUSES]

    def condition(self, value: str) -> dict[str, Any]:
        return {"status": value}


class StockFilter(_Filter):
    title, parameter_name = "in stock", "stock"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [("yes", "In stock"), ("no", "Nothing in stock")]

    def condition(self, value: str) -> dict[str, Any]:
        return {"variants.availability.in_stock": True if value == "yes" else {"$ne": True}}


class TypeFilter(_Filter):
    title, parameter_name = "type", "type"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return [(row["slug"], row["name"]) for row in selectors.list_product_types(page=Page(size=500)).items]

    def condition(self, value: str) -> dict[str, Any]:
        return {"product_type": value}


class CategoryFilter(_Filter):
    title = parameter_name = "category"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Choices:
        return category_choices()

    def condition(self, value: str) -> dict[str, Any]:
        return {"ancestors": value}
