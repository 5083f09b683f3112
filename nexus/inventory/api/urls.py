"""Paths without trailing slash: `nexus.web.middleware.canonical_path` makes it optional."""

from django.urls import path, register_converter
from django.urls.converters import StringConverter

from nexus.inventory.api import views

BASE = "api/v1/inventory"


class SkuConverter(StringConverter):
    """What can be a sku at all; Postgres knows no NUL."""

    regex = r"[^/\0]{1,64}"


register_converter(SkuConverter, "sku")

urlpatterns = [
    path(f"{BASE}/stock", views.StockList.as_view(), name="stock-list"),
    path(f"{BASE}/stock/<sku:sku>", views.StockDetail.as_view(), name="stock"),
    path(f"{BASE}/stock/<sku:sku>/adjustments", views.Adjustments.as_view(), name="stock-adjustments"),
    path(f"{BASE}/stock/<sku:sku>/ledger", views.Ledger.as_view(), name="stock-ledger"),
    path(f"{BASE}/locations", views.Locations.as_view(), name="locations"),
]
