"""The front page; everything else at this door belongs to the apps behind it."""

from django.urls import path

from nexus.gateway.api import views

urlpatterns = [path("", views.root, name="root")]
