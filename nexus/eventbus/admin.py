"""How an app shows its log and its dead letters to staff; each app registers its own proxies with these."""

import json
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html

from nexus.eventbus.dead_letters import replay
from nexus.eventbus.delivery import TryLater
from nexus.eventbus.models import DeadLetter, EventRecord


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Staff may look; what changes here changes through services."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class LogAdmin(ReadOnlyAdmin):
    """The event log, newest first."""

    list_display = ["time", "type", "subject", "sequence", "correlation_id"]
    search_fields = ["subject__exact", "correlation_id__exact"]
    search_help_text = "An exact subject (order id, sku) or correlation id"
    ordering = ["-xid", "-id"]
    show_full_result_count = False
    fields = ["id", "type", "subject", "sequence", "time", "content", "correlation_id", "causation_id", "traceparent"]

    @admin.display(description="data")
    def content(self, record: EventRecord) -> str:
        return pretty_json(record.data)


class DeadLetterAdmin(ReadOnlyAdmin):
    """What could not be handled, with the reason, to be replayed when it is mended."""

    list_display = ["last_failed_at", "type", "state", "attempts", "error"]
    list_filter = ["type", ("replayed_at", admin.EmptyFieldListFilter)]
    search_fields = ["event_id", "error", "type"]
    ordering = ["-last_failed_at"]
    actions = ["replay_events"]
    fields = ["subscriber", "type", "event_id", "state", "error", "attempts", "first_failed_at", "last_failed_at"]
    fields += ["replayed_at", "content"]

    @admin.display(description="event")
    def content(self, letter: DeadLetter) -> str:
        return pretty_json(letter.event)

    @admin.display(description="state")
    def state(self, letter: DeadLetter) -> str:
        return "replayed" if letter.replayed_at else "waiting"

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.change_deadletter")

    @admin.action(description="Replay the selected events", permissions=["replay"])
    def replay_events(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> None:
        try:
            done, failed = replay(queryset)
        except TryLater as away:
            self.message_user(request, f"Not now: {away}", messages.ERROR)
            return
        self.message_user(request, f"{done} replayed.", messages.SUCCESS if done else messages.INFO)
        if failed:
            self.message_user(request, f"{failed} failed again; see their errors.", messages.WARNING)


def pretty_json(text: str) -> str:
    """JSON laid out for reading."""
    return format_html("<pre style='margin:0'>{}</pre>", json.dumps(json.loads(text), indent=2, ensure_ascii=False))


def badge(text: str, colour: str) -> str:
    """A word that can be told apart from across the room, and read without colour too."""
    style = "padding:.1em .6em;border-radius:1em;color:#fff;white-space:nowrap;background:"
    return format_html('<span style="{}{}">{}</span>', style, colour, text)
