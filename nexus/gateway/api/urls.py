"""The front page and the map for staff; everything else at this door belongs to the apps behind it."""

from django.urls import path

from nexus.gateway.api import views
from nexus.gateway.api.express import STAFF_ARE_HERE

urlpatterns = [path("", views.root, name="root")]

if STAFF_ARE_HERE:
    urlpatterns += [
        path("admin/map/", views.living_map, name="map"),
        path("admin/map/orders/<str:reference>", views.order_way, name="map-order"),
    ]
