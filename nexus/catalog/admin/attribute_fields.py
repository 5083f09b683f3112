"""A form field for each kind of attribute, so that nobody types keys or JSON."""

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib.admin.widgets import AdminDateWidget

from nexus.catalog.models import AttributeRow

PREFIX = "attribute_"
NUMBER: dict[str, Any] = {"max_digits": 18, "decimal_places": 6}


def fields_for(attributes: Iterable[AttributeRow], *, on: str) -> dict[str, forms.Field]:
    """Form fields by name, for the attributes that the product has or each variant."""
    fields = {PREFIX + each["name"]: _field(each) for each in attributes if each["on"] == on}
    for field in fields.values():
        # What the admin calls a field on the pages of those who may only look.
        field.short_description = field.label  # type: ignore[attr-defined]
    return fields


def display_of(value: Any) -> str:
    """A stored value for reading."""
    match value:
        case bool():
            return "Yes" if value else "No"
        case list():
            return ", ".join(value)
        case {"value": amount, "unit": unit}:
            return f"{amount} {unit}"
        case _:
            return str(value)


def initial_for(attributes: Iterable[AttributeRow], values: Mapping[str, Any], *, on: str) -> dict[str, Any]:
    """Stored values as those fields show them."""
    return {
        PREFIX + each["name"]: _shown(values[each["name"]])
        for each in attributes
        if each["on"] == on and each["name"] in values
    }


def values_from(attributes: Iterable[AttributeRow], cleaned: Mapping[str, Any], *, on: str) -> dict[str, Any]:
    """What was filled in, as it is stored; empty fields are left out."""
    given = {each["name"]: (each, cleaned.get(PREFIX + each["name"])) for each in attributes if each["on"] == on}
    return {name: _stored(each, value) for name, (each, value) in given.items() if value not in (None, "", [])}


def _field(attribute: AttributeRow) -> forms.Field:
    label = attribute["label"] or attribute["name"].replace("_", " ").capitalize()
    common: dict[str, Any] = {"label": label, "required": attribute["required"]}
    pairs = [(choice, choice) for choice in attribute["choices"]]
    match attribute["kind"]:
        case "number":
            return forms.DecimalField(**common, **NUMBER)
        case "measure":
            return forms.DecimalField(**common | {"label": f"{label} ({attribute['unit']})"}, **NUMBER)
        case "boolean":
            answers = [("", "Not said"), ("true", "Yes"), ("false", "No")]
            return forms.TypedChoiceField(
                **common, choices=answers, coerce=lambda word: word == "true", empty_value=None
            )
        case "choice":
            return forms.ChoiceField(**common, choices=[("", "---------"), *pairs])
        case "multi-choice":
            return forms.MultipleChoiceField(**common, choices=pairs, widget=forms.CheckboxSelectMultiple)
        case "date":
            return forms.DateField(**common, widget=AdminDateWidget)
        case _:
            return forms.CharField(**common, max_length=500, widget=forms.TextInput(attrs={"class": "vTextField"}))


def _shown(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return value["value"]
    return value


def _stored(attribute: AttributeRow, value: Any) -> Any:
    match value:
        case Decimal():
            number = int(value) if value == value.to_integral_value() else float(value)
            return {"value": number, "unit": attribute["unit"]} if attribute["kind"] == "measure" else number
        case date():
            return value.isoformat()
        case _:
            return value
