"""Pages that staff read, with buttons for what services allow."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.admin.utils import quote
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html, format_html_join


class ReadOnlyAdmin(admin.ModelAdmin):
    """
    Staff may look; what changes here changes through services.

    :cvar search_ids: columns of ids; a search for a whole id looks in these and nowhere else, by their indexes
    """

    search_ids: Sequence[str] = ()

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[Any, bool]:
        wanted = _as_uuid(search_term)
        if wanted is None or not self.search_ids:
            return super().get_search_results(request, queryset, search_term)
        return queryset.filter(Q.create([(name, wanted) for name in self.search_ids], connector=Q.OR)), False

    def list_link(self, text: str, *, search: object) -> str:
        """A link to this list, searched."""
        return format_html('<a href="{}?q={}">{}</a>', self._page("changelist"), search, text)

    def buttons(self, row: Any, actions: Mapping[str, str]) -> str:
        """Actions of the list, with labels, as buttons on the page of one row."""
        style = "margin-right:.5em;padding:.5em 1em"
        html = '<button class="button" style="{}" formaction="{}" name="action" value="{}">{}</button>'
        shown = ((style, self._page("changelist"), name, label) for name, label in actions.items())
        hidden = '<input type="hidden" name="_page"><input type="hidden" name="_selected_action" value="{}">{}'
        return format_html(hidden, row.pk, format_html_join("", html, shown))

    def response_action(self, request: HttpRequest, queryset: Any, *args: Any) -> HttpResponse | None:
        """As ever; but whoever pressed a button on the page of one row comes back to it."""
        answer = super().response_action(request, queryset, *args)
        if answer is not None and "_page" in request.POST:
            return HttpResponseRedirect(self._page("change", quote(request.POST["_selected_action"])))
        return answer

    def note(self, request: HttpRequest, row: Any, message: str) -> None:
        """Write into the row's history who did what."""
        LogEntry.objects.log_actions(request.user.pk, [row], CHANGE, message)  # type: ignore[arg-type]

    def _page(self, kind: str, *words: str) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{kind}", args=words)


def _as_uuid(text: str) -> UUID | None:
    try:
        return UUID(text.strip())
    except ValueError:
        return None
