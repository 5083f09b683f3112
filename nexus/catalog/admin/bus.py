"""What catalog told, and what it could not handle, in the admin."""

from typing import Any

from bson import ObjectId
from django.contrib import admin, messages
from django.http import HttpRequest

from nexus.catalog import services
from nexus.catalog.admin.shadows import DeadLetter, LoggedEvent
from nexus.eventbus.admin import DeadLetterAdmin, LogAdmin
from nexus.eventbus.delivery import TryLater


@admin.register(LoggedEvent)
class LoggedEventAdmin(LogAdmin):
    """The event log, newest first."""

    ordering = ["-position"]
    show_facets = admin.ShowFacets.NEVER
    fields = [
        "position",
        "event_id",
        "type",
        "subject",
        "sequence",
        "time",
        "content",
        "correlation_id",
        "causation_id",
    ]


class ReplayedFilter(admin.SimpleListFilter):
    title, parameter_name = "state", "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("waiting", "Waiting"), ("replayed", "Replayed")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        match self.value():
            case "waiting":
                return queryset.where({"replayed_at": None})
            case "replayed":
                return queryset.where({"replayed_at": {"$ne": None}})
        return queryset


@admin.register(DeadLetter)
class CatalogDeadLetterAdmin(DeadLetterAdmin):
    """What could not be handled, with the reason, to be replayed when it is mended."""

    list_filter = [ReplayedFilter]
    search_fields = ["event_id__exact", "type__exact"]
    search_help_text = "An exact event id or type"
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False

    @admin.action(description="Replay the selected events", permissions=["replay"])
    def replay_events(self, request: HttpRequest, queryset: Any) -> None:
        letters = list(queryset)
        try:
            outcomes = [services.replay_dead_letter(letter_id=ObjectId(letter.pk)) for letter in letters]
        except TryLater as away:
            self.message_user(request, f"Not now: {away}", messages.ERROR)
            return
        failed = sum(outcome.buried for outcome in outcomes)
        if done := len(outcomes) - failed:
            self.message_user(request, f"{done} replayed.", messages.SUCCESS)
        if failed:
            self.message_user(request, f"{failed} failed again; see their errors.", messages.WARNING)
