"""
The shape of an event as data: what a reader in any language may rely on.

Nested objects are flattened into paths, so that two shapes compare field by field: ``lines[].sku`` is the sku of each
line, ``prices{}.amount`` would be the amount of each price.
"""

import dataclasses
from collections.abc import Iterator, Mapping
from datetime import datetime
from importlib import import_module
from pkgutil import iter_modules
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec

from nexus import contracts
from nexus.contracts.base import EVENTS, Event

SCALARS: dict[Any, str] = {str: "text", int: "integer", bool: "boolean", UUID: "uuid", datetime: "instant"}

Field = dict[str, Any]
"""`shape`, and `default` where the field may be absent."""
Schema = dict[str, Any]
"""`type` (the wire name), `subject` (how the stream's key is made from fields), `fields` by path."""


class Undescribable(Exception):
    """A field has a type that no reader was promised yet; teach `schemas.py` its shape first."""


def published() -> dict[str, type[Event]]:
    """Every event class of the contracts by wire name; events that tests make up are not among them."""
    for module in iter_modules(contracts.__path__, "nexus.contracts."):
        import_module(module.name)
    return {name: kind for name, kind in sorted(EVENTS.items()) if kind.__module__.startswith("nexus.contracts.")}


def schema_of(kind: type[Event]) -> Schema:
    """:raises Undescribable: a field of a type without a shape"""
    return {"type": kind.type, "subject": _subject_of(kind), "fields": dict(_fields_of(kind, ""))}


def reader_of(schema: Schema) -> type[Any]:
    """The class that code had when this schema was frozen, made again: what it reads, that code reads."""
    return _reader(schema["type"], schema["fields"], "")


def _fields_of(kind: type[Any], prefix: str) -> Iterator[tuple[str, Field]]:
    hints = get_type_hints(kind)
    for field in dataclasses.fields(kind):
        path = prefix + field.name
        shape, inner = _shape_of(hints[field.name], path)
        yield path, {"shape": shape} | _default_of(field)
        yield from inner


def _shape_of(hint: Any, path: str) -> tuple[str, list[tuple[str, Field]]]:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint in SCALARS:
        return SCALARS[hint], []
    if origin in (Union, UnionType) and len(arguments) == 2 and NoneType in arguments:
        shape, inner = _shape_of(next(each for each in arguments if each is not NoneType), path)
        return f"{shape} or null", inner
    if origin is tuple and arguments[1:] == (...,):
        shape, inner = _shape_of(arguments[0], f"{path}[]")
        return f"list of {shape}", inner
    if origin is dict and arguments[0] is str:
        shape, inner = _shape_of(arguments[1], f"{path}{{}}")
        return f"map of {shape}", inner
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        return "object", list(_fields_of(hint, f"{path}."))
    raise Undescribable(f"{path} is a {hint}, which has no shape yet: teach tests/contracts/schemas.py")


def _default_of(field: "dataclasses.Field[Any]") -> Field:
    if field.default is not dataclasses.MISSING:
        return {"default": msgspec.to_builtins(field.default)}
    if field.default_factory is not dataclasses.MISSING:
        return {"default": msgspec.to_builtins(field.default_factory())}
    return {}


def _subject_of(kind: type[Event]) -> str:
    """The stream's key as a template such as ``{order_id}``: each field says its own name instead of a value."""
    names = {field.name: f"{{{field.name}}}" for field in dataclasses.fields(kind)}
    return kind(**names).subject


def _reader(name: str, fields: Mapping[str, Field], prefix: str) -> type[Any]:
    hints = {}
    for path, field in fields.items():
        own = path.removeprefix(prefix)
        if path.startswith(prefix) and own.isidentifier():
            hints[own] = _hint(field["shape"], path, fields), field
    made = [
        (own, hint, dataclasses.field(default=field["default"]) if "default" in field else dataclasses.field())
        for own, (hint, field) in hints.items()
    ]
    return dataclasses.make_dataclass(name.replace(".", "_").replace("-", "_"), made, kw_only=True)


def _hint(shape: str, path: str, fields: Mapping[str, Field]) -> Any:
    if shape.endswith(" or null"):
        return _hint(shape.removesuffix(" or null"), path, fields) | None
    if shape.startswith("list of "):
        return list[_hint(shape.removeprefix("list of "), f"{path}[]", fields)]
    if shape.startswith("map of "):
        return dict[str, _hint(shape.removeprefix("map of "), f"{path}{{}}", fields)]
    if shape == "object":
        return _reader(path, fields, f"{path}.")
    return next(hint for hint, scalar in SCALARS.items() if scalar == shape)
