"""How an app shows its log and its dead letters to staff; each app registers its own proxies with these."""

from django.contrib import admin

from nexus.eventbus.admin.base import ReadOnlyAdmin
from nexus.eventbus.admin.letters import DeadLetterAdmin
from nexus.eventbus.admin.log import LogAdmin

__all__ = ["DeadLetterAdmin", "LogAdmin", "ReadOnlyAdmin"]

# Every app with pages for staff comes through here.
admin.site.site_header = admin.site.site_title = "Nexus"
admin.site.index_title = "The shop"
