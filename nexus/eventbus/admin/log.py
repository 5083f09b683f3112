"""The event log in the admin."""

from django.contrib import admin

from nexus.eventbus.admin.base import ReadOnlyAdmin
from nexus.eventbus.admin.cells import code, moment, one_line, pretty_json, short
from nexus.eventbus.models import EventRecord


class LogAdmin(ReadOnlyAdmin):
    """The event log, newest first."""

    list_display = ["when", "kind", "about", "sequence", "cause"]
    sortable_by = ()
    search_fields = ["subject__exact", "correlation_id__exact"]
    search_help_text = "An exact subject (order id, sku) or correlation id"
    ordering = ["-xid", "-id"]
    show_full_result_count = False
    fields = ["id", "type", "subject", "sequence", "when", "content", "correlation", "causation_id", "traceparent"]

    @admin.display(description="time (UTC)")
    def when(self, record: EventRecord) -> str:
        return moment(record.time, precise=True)

    @admin.display(description="type")
    def kind(self, record: EventRecord) -> str:
        return one_line(record.type)

    @admin.display(description="subject")
    def about(self, record: EventRecord) -> str:
        return code(record.subject)

    @admin.display(description="correlation id")
    def correlation(self, record: EventRecord) -> str:
        return self.list_link(code(record.correlation_id), search=record.correlation_id)

    @admin.display(description="correlation")
    def cause(self, record: EventRecord) -> str:
        return self.list_link(short(record.correlation_id), search=record.correlation_id)

    @admin.display(description="data")
    def content(self, record: EventRecord) -> str:
        return pretty_json(record.data)
