"""One OpenAPI document of several: paths side by side, components under names that mean one thing."""

from collections.abc import Mapping, Sequence
from typing import Any

Document = dict[str, Any]
REFERENCE = "#/components/{kind}/{name}"


def join(documents: Mapping[str, Document], *, missing: Sequence[str] = ()) -> Document:
    """
    The documents of services by name as one; `missing` names those that could not be had.

    Components that two services describe alike are one. A name that means something else in a second service gets that
    service's name before it, there and wherever it is referred to.
    """
    whole: Document = {"openapi": "3.1.0", "info": _info(documents, missing), "paths": {}, "components": {}}
    for service, document in documents.items():
        document = _without_clashes(service, document, whole["components"])
        for path, operations in document.get("paths", {}).items():
            whole["paths"].setdefault(path, operations)
        for kind, components in document.get("components", {}).items():
            whole["components"].setdefault(kind, {}).update(components)
    return whole


def _info(documents: Mapping[str, Document], missing: Sequence[str]) -> Document:
    info: Document = dict(next(iter(documents.values()), {}).get("info", {"title": "Nexus", "version": "1"}))
    if missing:
        away = " and ".join(sorted(missing))
        info["description"] = f"{info.get('description', '')}\n\n**Incomplete: {away} did not answer.**".strip()
    return info


def _without_clashes(service: str, document: Document, known: Mapping[str, Mapping[str, Any]]) -> Document:
    renamed: dict[str, str] = {}
    components: dict[str, dict[str, Any]] = {}
    for kind, named in document.get("components", {}).items():
        for name, component in named.items():
            other = known.get(kind, {}).get(name)
            own = name if other is None or other == component else f"{service.capitalize()}{name}"
            components.setdefault(kind, {})[own] = component
            if own != name:
                renamed[REFERENCE.format(kind=kind, name=name)] = REFERENCE.format(kind=kind, name=own)
    joined: Document = _referring({**document, "components": components}, renamed)
    return joined


def _referring(part: Any, renamed: Mapping[str, str]) -> Any:
    if not renamed:
        return part
    if isinstance(part, dict):
        return {
            key: renamed.get(value, value) if key == "$ref" and isinstance(value, str) else _referring(value, renamed)
            for key, value in part.items()
        }
    return [_referring(each, renamed) for each in part] if isinstance(part, list) else part
