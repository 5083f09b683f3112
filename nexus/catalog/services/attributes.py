"""Checking attribute values against a product type, and writing them the one way that filters compare."""

import math
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

from nexus.catalog.models import AttributeRow, TypeRow
from nexus.contracts.errors import FieldError

LONGEST_TEXT = 500
LARGEST_NUMBER = 10**12
Check = Callable[[Any, AttributeRow], str]
"""What is wrong with a value, empty when nothing is."""


def check_values(*, values: Mapping[str, Any], on: str, kind: TypeRow, path: str) -> Iterator[FieldError]:
    """Everything wrong with the values of a product or of a variant (`on`); `path` begins the errors' fields."""
    known = {attribute["name"]: attribute for attribute in kind["attributes"] if attribute["on"] == on}
    for name, value in values.items():
        if name not in known:
            message = f"{kind['name']} has no such attribute on the {on}."
            yield FieldError(field=f"{path}.{name}", code="unknown", message=message)
        elif message := CHECKS[known[name]["kind"]](value, known[name]):
            yield FieldError(field=f"{path}.{name}", code="invalid", message=message)
    for name, attribute in known.items():
        if attribute["required"] and name not in values:
            yield FieldError(field=f"{path}.{name}", code="required", message="This attribute is required.")


def tokens_of(values: Mapping[str, Any]) -> Iterator[str]:
    """The values as filters compare them: ``color=red``, one for each of several choices."""
    for name, value in values.items():
        for single in value if isinstance(value, list) else [value]:
            yield f"{name}={as_token(single)}"


def as_token(value: Any) -> str:
    """A value as text, the same for equal values: ``1.50`` and ``1.5`` are one."""
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"{Decimal(str(value)).normalize():f}"
        case {"value": amount}:
            return as_token(amount)
        case _:
            return str(value)


def words_of(values: Mapping[str, Any]) -> Iterator[str]:
    """The values that somebody may search for."""
    for value in values.values():
        for single in value if isinstance(value, list) else [value]:
            if isinstance(single, str):
                yield single


def _text(value: Any, attribute: AttributeRow) -> str:
    good = isinstance(value, str) and len(value.strip()) > 0 and len(value) <= LONGEST_TEXT
    return "" if good else f"A text of 1 to {LONGEST_TEXT} characters."


def _number(value: Any, attribute: AttributeRow) -> str:
    good = type(value) in (int, float) and math.isfinite(value) and abs(value) <= LARGEST_NUMBER
    return "" if good else "A number."


def _boolean(value: Any, attribute: AttributeRow) -> str:
    return "" if isinstance(value, bool) else "true or false."


def _choice(value: Any, attribute: AttributeRow) -> str:
    good = isinstance(value, str) and value in attribute["choices"]
    return "" if good else f"One of: {', '.join(attribute['choices'])}."


def _multi_choice(value: Any, attribute: AttributeRow) -> str:
    good = isinstance(value, list) and value and not any(_choice(each, attribute) for each in value)
    good = good and len(set(value)) == len(value)
    return "" if good else f"A list of different ones of: {', '.join(attribute['choices'])}."


def _date(value: Any, attribute: AttributeRow) -> str:
    try:
        good = isinstance(value, str) and date.fromisoformat(value).isoformat() == value
    except ValueError:
        good = False
    return "" if good else "A date such as 2026-02-28."


def _measure(value: Any, attribute: AttributeRow) -> str:
    good = isinstance(value, dict) and value.keys() == {"value", "unit"} and value["unit"] == attribute["unit"]
    good = good and not _number(value["value"], attribute)
    return "" if good else f'A measure such as {{"value": 1.5, "unit": "{attribute["unit"]}"}}.'


CHECKS: Mapping[str, Check] = {
    "text": _text,
    "number": _number,
    "boolean": _boolean,
    "choice": _choice,
    "multi-choice": _multi_choice,
    "date": _date,
    "measure": _measure,
}
