"""
Writes docs/events.md from the contracts, the samples and what the apps hear: ``python -m tests.contracts.document``.

With ``--check`` it only says whether the page is stale.
"""

import argparse
import dataclasses
import inspect
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from importlib import import_module
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from nexus.contracts.base import Event
from tests.contracts.schemas import Field, published, schema_of

PAGE = Path(__file__).resolve().parents[2] / "docs" / "events.md"
SAMPLES = Path(__file__).parent / "samples"
INTRODUCTION = """\
# Events

*Made by `make docs` from `nexus/contracts/`, the samples in `tests/contracts/` and the apps' `SUBSCRIPTIONS`.*

All that is told between apps. An event travels as JSON in a CloudEvents 1.0 envelope:

```json
{envelope}
```

`id` is a UUIDv7 and stays the same however often the event is delivered. `subject` names the aggregate whose stream
the event belongs to; `sequence` is its version there and only rises. `time`, like every *instant*, is RFC 3339 in UTC.
`correlationid` is the same for all that one request led to, `causationid` is the event that led directly here.

Events may arrive late, twice or out of order. Unknown fields are ignored, so a field with a default may be added to a
version; any other change is a new version beside the old one, and `make check` compares every event with its frozen
shape. Ids only: personal data never travels.

| event | says | told by | heard by |
| --- | --- | --- | --- |
{table}
"""


def page() -> str:
    """The whole page; Django must be set up, so that the apps have said what they hear."""
    events = published()
    table = [
        f"| [`{name}`](#{_anchor(kind)}) | {_summary(kind)} | {kind.source} | {', '.join(_hearers(name)) or '–'} |"
        for name, kind in events.items()
    ]
    envelope = json.dumps(_sample("orders.order-placed.v1") | {"data": {"…": "…"}}, indent=2, ensure_ascii=False)
    parts = [INTRODUCTION.format(envelope=envelope, table="\n".join(table))]
    for source, kinds in groupby(events.values(), key=lambda kind: kind.source):
        parts.append(f"## Told by {source}\n")
        parts += [section_of(kind, sample=_sample(kind.type)["data"]) for kind in kinds]
    return "\n".join(parts)


def section_of(kind: type[Event], *, sample: Any) -> str:
    """What the page says about one event."""
    schema = schema_of(kind)
    notes = dict(_notes(kind, ""))
    rows = [f"| `{path}` | {_type(field)} | {notes.get(path, '')} |" for path, field in schema["fields"].items()]
    hearers = [f"- {app}: `{handler}`" for app, handler in _hearers(kind.type).items()] or ["- nobody here"]
    versions = [name for name in published() if name.rpartition(".v")[0] == kind.type.rpartition(".v")[0]]
    return "\n".join(
        [
            f"### {kind.__name__}\n",
            f"`{kind.type}` · class `{kind.__module__}.{kind.__name__}` · stream `{schema['subject']}` · "
            f"versions: {', '.join(name.rpartition('.')[2] for name in versions)}\n",
            f"{inspect.cleandoc(kind.__doc__ or '')}\n",
            "Heard by\n",
            *hearers,
            "\n| field | type | |\n| --- | --- | --- |",
            *rows,
            f"\n```json\n{json.dumps(sample, indent=2, ensure_ascii=False)}\n```\n",
        ]
    )


def _notes(hint: Any, path: str) -> Iterator[tuple[str, str]]:
    """What is annotated beside a field's type, by the field's path as in its schema."""
    if get_origin(hint) is Annotated:
        yield path, hint.__metadata__[0]
        hint = hint.__origin__
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        hints = get_type_hints(hint, include_extras=True)
        for field in dataclasses.fields(hint):
            yield from _notes(hints[field.name], f"{path}.{field.name}".lstrip("."))
    suffix = {tuple: "[]", dict: "{}"}.get(get_origin(hint), "")
    for argument in get_args(hint):
        yield from _notes(argument, path + suffix)


def _type(field: Field) -> str:
    return field["shape"] + (f", {json.dumps(field['default'])} when absent" if "default" in field else "")


def _hearers(name: str) -> dict[str, str]:
    from nexus.eventbus.registry import members

    found = {app: member.handlers[name].__name__ for app, member in sorted(members.items()) if name in member.handlers}
    return found | {f"{app} of another region": handler for app, handler in _hearers_abroad(name)}


def _hearers_abroad(name: str) -> Iterator[tuple[str, str]]:
    from nexus.eventbus.registry import members

    for app in sorted(app for app, member in members.items() if member.handlers):
        among = getattr(import_module(f"nexus.{app}.handlers"), "AMONG_REGIONS", {})
        yield from ((app, handler.__name__) for kind, handler in among.items() if kind.type == name)


def _summary(kind: type[Event]) -> str:
    return re.split(r"(?<=[.:;]) ", inspect.cleandoc(kind.__doc__ or "").replace("\n", " "))[0].rstrip(".:;")


def _anchor(kind: type[Event]) -> str:
    return kind.__name__.lower()


def _sample(name: str) -> dict[str, Any]:
    sample: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text())
    return sample


def main(*, arguments: Sequence[str], path: Path = PAGE) -> int:
    """Write the page, or with ``--check`` say whether it is stale; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.contracts.document", description="Describe the events.")
    parser.add_argument("--check", action="store_true", help="only say whether the page is stale")
    wanted = page()
    if parser.parse_args(arguments).check:
        stale = not path.exists() or path.read_text() != wanted
        print(f"{path.name} is stale: renew it by `make docs`" if stale else f"{path.name} is what the contracts say")
        return int(stale)
    path.write_text(wanted)
    return 0


if __name__ == "__main__":
    os.environ["DJANGO_SETTINGS_MODULE"] = "nexus.settings.test"
    import django

    django.setup()
    sys.exit(main(arguments=sys.argv[1:]))
