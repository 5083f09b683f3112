"""The URLs of whichever apps are installed, mounted by name so that any can be absent."""

from django.apps import apps
from django.conf import settings
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from nexus.web import health

handler400 = "nexus.web.problems.bad_request"
handler403 = "nexus.web.problems.permission_denied"
handler404 = "nexus.web.problems.page_not_found"
handler500 = "nexus.web.problems.server_error"

urlpatterns = [
    path("livez", health.livez),
    path("readyz", health.readyz),
    path("startupz", health.startupz),
    path("api/schema", SpectacularAPIView.as_view(http_method_names=["get", "head"]), name="schema"),
    path("api/docs", SpectacularSwaggerView.as_view(url_name="schema", http_method_names=["get", "head"]), name="docs"),
    *(path("", include(f"nexus.{app}.api.urls")) for app in settings.APPS),
]

# Staff have a door of their own where customers come in by this one (docs/operations.md, "Staff").
if apps.is_installed("django.contrib.admin") and settings.STAFF_PAGES:
    from django.contrib import admin

    urlpatterns += [path("admin/", admin.site.urls)]
