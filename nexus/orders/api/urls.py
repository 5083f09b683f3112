"""Paths without trailing slash: `nexus.web.middleware.canonical_path` makes it optional."""

from django.urls import path

from nexus.orders.api import stream, views

BASE = "api/v1/orders"

urlpatterns = [
    path(BASE, views.OrderList.as_view(), name="orders"),
    path(f"{BASE}/<uuid:order_id>", views.OrderDetail.as_view(), name="order"),
    path(f"{BASE}/<uuid:order_id>/events", views.OrderEvents.as_view(), name="order-events"),
    path(f"{BASE}/<uuid:order_id>/stream", stream.OrderStream.as_view(), name="order-stream"),
    path(f"{BASE}/<uuid:order_id>/cancel", views.CancelOrder.as_view(), name="order-cancel"),
    path(f"{BASE}/<uuid:order_id>/ship", views.ShipOrder.as_view(), name="order-ship"),
    path(f"{BASE}/<uuid:order_id>/deliver", views.DeliverOrder.as_view(), name="order-deliver"),
    path(f"{BASE}/<uuid:order_id>/return", views.ReturnOrder.as_view(), name="order-return"),
]
