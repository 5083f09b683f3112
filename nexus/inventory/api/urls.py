"""Paths without trailing slash: `nexus.web.middleware.canonical_path` makes it optional."""

from django.urls import path

from nexus.inventory.api import views

BASE = "api/v1/inventory"

urlpatterns = [
    path(f"{BASE}/stock", views.StockList.as_view(), name="stock-list"),
    path(f"{BASE}/stock/<str:sku>", views.StockDetail.as_view(), name="stock"),
    path(f"{BASE}/stock/<str:sku>/adjustments", views.Adjustments.as_view(), name="stock-adjustments"),
    path(f"{BASE}/stock/<str:sku>/ledger", views.Ledger.as_view(), name="stock-ledger"),
    path(f"{BASE}/locations", views.Locations.as_view(), name="locations"),
]
