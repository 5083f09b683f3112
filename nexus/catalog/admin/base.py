"""What the admin pages of all documents share."""

from collections.abc import Iterable
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import quote
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html

from nexus.catalog.admin.shadow import Shadow
from nexus.contracts.errors import FieldError, NexusError

STALE = (
    "Somebody else changed this since you opened it. Open it again to see the present state, then repeat your change."
)


class DocumentForm(forms.ModelForm):
    """Refuses to save over a change that was made after the form was opened: a form posts every field of the page."""

    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        if self.instance.document:
            self.initial["version"] = self.instance.document.version

    def clean_version(self) -> int | None:
        version: int | None = self.cleaned_data["version"]
        if self.instance.document and version != self.instance.document.version:
            raise forms.ValidationError(STALE, code="stale")
        return version

    def validate_unique(self) -> None:
        """Left to the services."""

    def _post_clean(self) -> None:
        super()._post_clean()  # type: ignore[misc]
        if "version" in self.errors:
            self.add_error(None, STALE)
        elif not self.errors:
            self.show_errors(self.find_errors())

    def find_errors(self) -> Iterable[FieldError]:
        """What the service would refuse."""
        return ()

    def show_errors(self, errors: Iterable[FieldError]) -> None:
        """Put each error beside its field, or at the top when it has none here."""
        for error in errors:
            place = self.place_of(error.field)
            self.add_error(place if place in self.fields else None, error.message)

    def place_of(self, path: str) -> str:
        """The form's field for a path such as ``attributes.color``."""
        return path

    def save_through_service(self) -> Any:
        """Make the change; returns the row."""
        raise NotImplementedError


class DocumentAdmin(admin.ModelAdmin):
    """Saves and deletes through services, and shows what they refuse."""

    form = DocumentForm
    show_facets = admin.ShowFacets.NEVER
    show_full_result_count = False
    list_per_page = 50
    view_on_site = False

    class Media:
        css = {"all": ["catalog/admin.css"]}
        js = ["admin/js/jquery.init.js", "admin/js/inlines.js"]

    def delete_one(self, shadow: Any) -> None:
        """Delete by the service, at the version that is shown."""
        raise NotImplementedError

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        row = form.save_through_service()
        obj.pk = row["_id"]
        obj._state.adding = False

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.delete_one(obj)

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for obj in list(queryset):
            self.delete_one(obj)

    def changeform_view(self, request: HttpRequest, *args: Any, **options: Any) -> Any:
        return self._or_say_why(request, lambda: super(DocumentAdmin, self).changeform_view(request, *args, **options))

    def delete_view(self, request: HttpRequest, *args: Any, **options: Any) -> Any:
        return self._or_say_why(request, lambda: super(DocumentAdmin, self).delete_view(request, *args, **options))

    def changelist_view(self, request: HttpRequest, *args: Any, **options: Any) -> Any:
        return self._or_say_why(request, lambda: super(DocumentAdmin, self).changelist_view(request, *args, **options))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Nothing depends on a document that the services do not look after."""
        rows = list(objs)
        missing = set() if self.has_delete_permission(request) else {self.opts.verbose_name}
        return [self._link(row) for row in rows], {self.opts.verbose_name_plural: len(rows)}, missing, []

    def _link(self, shadow: Shadow) -> str:
        page = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[quote(shadow.pk)])
        return format_html('{}: <a href="{}">{}</a>', self.opts.verbose_name, page, shadow)

    def _or_say_why(self, request: HttpRequest, view: Any) -> HttpResponseBase:
        """Whatever a service still refuses, such as a change that came in between: back to the page with the reason."""
        try:
            answer: HttpResponseBase = view()
        except NexusError as refusal:
            if request.method != "POST":
                raise
            reasons = [str(refusal), *(f"{error.field}: {error.message}" for error in refusal.errors)]
            self.message_user(request, " ".join(dict.fromkeys(reasons)), messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        return answer
