"""The dead letters in the admin, and their replay."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from nexus.eventbus.admin.base import ReadOnlyAdmin
from nexus.eventbus.admin.cells import GREEN, RED, badge, grouped, moment, pretty_json
from nexus.eventbus.dead_letters import replay
from nexus.eventbus.delivery import TryLater
from nexus.eventbus.models import DeadLetter


class StateFilter(admin.SimpleListFilter):
    """Dead letters that still wait, or those that were dealt with."""

    title = parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("waiting", "Waiting"), ("replayed", "Replayed")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> QuerySet[DeadLetter]:
        if self.value() in ("waiting", "replayed"):
            return queryset.filter(replayed_at__isnull=self.value() == "waiting")
        return queryset


class DeadLetterAdmin(ReadOnlyAdmin):
    """What could not be handled, with the reason, to be replayed when it is mended."""

    list_display = ["failed", "type", "state", "attempts", "reason"]
    sortable_by = ()
    list_filter = [StateFilter, "type"]
    search_fields = ["error", "type"]
    search_ids = ["event_id"]
    search_help_text = "Words of the error or the type, or an event id"
    ordering = ["-last_failed_at"]
    actions = ["replay_events"]
    fields = ["type", "state", "error", "attempts", "failed", "first_failed", "replayed", "event_id", "subscriber"]
    fields += ["content"]

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        shown = list(super().get_fields(request, obj))
        if obj and not obj.replayed_at and self.has_replay_permission(request):
            shown.insert(shown.index("error") + 1, "mend")
        return shown

    @admin.display(description="event")
    def content(self, letter: DeadLetter) -> str:
        return pretty_json(letter.event)

    @admin.display(description="state")
    def state(self, letter: DeadLetter) -> str:
        return badge("replayed", GREEN) if letter.replayed_at else badge("waiting", RED)

    @admin.display(description="error")
    def reason(self, letter: DeadLetter) -> str:
        return letter.error if len(letter.error) <= 200 else f"{letter.error[:200]} …"

    @admin.display(description="last failed (UTC)")
    def failed(self, letter: DeadLetter) -> str:
        return moment(letter.last_failed_at)

    @admin.display(description="first failed (UTC)")
    def first_failed(self, letter: DeadLetter) -> str:
        return moment(letter.first_failed_at)

    @admin.display(description="replayed (UTC)")
    def replayed(self, letter: DeadLetter) -> str:
        return moment(letter.replayed_at)

    @admin.display(description="when it is mended")
    def mend(self, letter: DeadLetter) -> str:
        return self.buttons(letter, {"replay_events": "Replay"})

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(f"{self.opts.app_label}.change_deadletter")

    @admin.action(description="Replay", permissions=["replay"])
    def replay_events(self, request: HttpRequest, queryset: QuerySet[DeadLetter]) -> None:
        """In the order they were told; what failed again says why."""
        done: list[DeadLetter] = []
        failed: list[DeadLetter] = []
        try:
            for letter in queryset.order_by("event_id"):
                succeeded, _ = replay([letter])
                self.note(request, letter, "Replayed." if succeeded else "Replayed, and failed again.")
                (done if succeeded else failed).append(letter)
        except TryLater as away:
            self.message_user(request, f"Stopped; try again later: {away}", messages.ERROR)
        if done:
            self.message_user(request, f"{len(done)} replayed.", messages.SUCCESS)
        for letter in failed:
            letter.refresh_from_db()
        for error, letters in grouped((letter.error, str(letter)) for letter in failed):
            self.message_user(request, f"Failed again: {letters}: {error}", messages.WARNING)
