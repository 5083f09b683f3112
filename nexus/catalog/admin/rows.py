"""Lists inside a document as rows of small forms, which the admin's own script adds and removes."""

import json
from typing import Any

from django import forms


class Rows(forms.BaseFormSet):
    """
    Rows that look and behave like the admin's inlines.

    :cvar title: the heading
    :cvar row_name: what one row is called
    """

    title = ""
    row_name = ""

    @property
    def inline_options(self) -> str:
        """What ``admin/js/inlines.js`` asks for."""
        texts = {"addText": f"Add another {self.row_name}", "deleteText": "Remove"}
        return json.dumps({"name": f"#{self.prefix}", "options": {"prefix": self.prefix, **texts}})

    def kept(self) -> list[dict[str, Any]]:
        """The values of the rows that are filled in and not to be deleted, in order."""
        return [
            form.cleaned_data for form in self.forms if form.cleaned_data and not form.cleaned_data.get("DELETE", False)
        ]

    def kept_forms(self) -> list[forms.Form]:
        """The same rows, to put errors on."""
        return [form for form in self.forms if form.cleaned_data and not form.cleaned_data.get("DELETE", False)]


class RowForm(forms.Form):
    """A row that may stay empty when it is an extra one."""

    @property
    def summary(self) -> str:
        """What the row's heading says."""
        return ""

    def visible_row(self) -> list[Any]:
        """The fields to show; the box that deletes stands in the heading."""
        return [self[name] for name in self.fields if name != "DELETE"]


def rows_of(form: type[RowForm], formset: type[Rows], *, extra: int, most: int) -> type[Rows]:
    """A formset class for rows of this form."""
    made: Any = forms.formset_factory(
        form, formset=formset, extra=extra, can_delete=True, max_num=most, absolute_max=most + 50
    )
    return made
