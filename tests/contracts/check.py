"""
Compares today's events with what was published: ``python -m tests.contracts.check`` (part of ``make check``).

A message lives as long as the logs. So today's code must read every message ever told (a log is replayed, a queue was
full over the upgrade), and code of before must read today's (services are upgraded one after the other). What that
allows is little: a new optional field, a new event, a new version. ``--freeze`` writes those down and only ever adds.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.contracts.schemas import Field, Schema, published, schema_of

FOLDER = Path(__file__).parent / "schemas"
FREEZE = "python -m tests.contracts.check --freeze"


@dataclass(frozen=True)
class Finding:
    """A difference, in words that say what to do. `breaks` is False for what only has to be written down."""

    says: str
    breaks: bool = True


def list_findings(*, frozen: Mapping[str, Schema], today: Mapping[str, Schema]) -> list[Finding]:
    """Every difference between what was published and what today's code reads and tells."""
    found: list[Finding] = []
    for name in sorted(frozen.keys() | today.keys()):
        if name not in today:
            found.append(
                Finding(f"{name} is gone, but logs and queues still hold it: put the class back, told or not.")
            )
        elif name not in frozen:
            found.append(Finding(f"{name} is new: add its sample, then `{FREEZE}`.", breaks=False))
        else:
            found += _differences(name, frozen[name], today[name])
    return found


def _differences(name: str, frozen: Schema, today: Schema) -> Iterator[Finding]:
    beside = f"Put it back, and make the change as {_next_version(name)} beside it."
    if frozen["subject"] != today["subject"]:
        yield Finding(
            f"{name} names its stream by {today['subject']} instead of {frozen['subject']}: one aggregate's events "
            f"would be in two streams, in no order. {beside}"
        )
    before, now = frozen["fields"], today["fields"]
    for path in sorted(before.keys() - now.keys()):
        yield Finding(f"{name} lost its field {path}, which code of before needs or reads. {beside}")
    for path in sorted(now.keys() - before.keys()):
        if _parent(path) in before or "." not in path:
            yield from _addition(name, path, now[path], beside)
    for path in sorted(before.keys() & now.keys()):
        yield from _change(name, path, before[path], now[path], beside)


def _addition(name: str, path: str, field: Field, beside: str) -> Iterator[Finding]:
    if "default" in field:
        yield Finding(f"{name} has the new optional field {path}, which is allowed: `{FREEZE}`.", breaks=False)
    else:
        yield Finding(
            f"{name} requires the new field {path}, which no message told so far has. Give it a default, "
            f"or tell it as {_next_version(name)} beside this one."
        )


def _change(name: str, path: str, before: Field, now: Field, beside: str) -> Iterator[Finding]:
    old, new = before["shape"], now["shape"]
    if old != new and old == f"{new} or null":
        yield Finding(f"{name} narrowed {path} from {old} to {new}: messages with null can no longer be read. {beside}")
    elif old != new and new == f"{old} or null":
        yield Finding(f"{name} widened {path} from {old} to {new}, which code of before cannot read. {beside}")
    elif old != new:
        yield Finding(f"{name} changed {path} from {old} to {new}. {beside}")
    if "default" in before and "default" not in now:
        yield Finding(f"{name} requires {path}, which messages told so far may lack. {beside}")
    elif "default" not in before and "default" in now:
        yield Finding(f"{name} made {path} optional, but code of before requires it. {beside}")
    elif before.get("default") != now.get("default"):
        yield Finding(f"{name} gave {path} another default: messages without it would change their meaning. {beside}")


def _parent(path: str) -> str:
    return path.rpartition(".")[0].rstrip("[]{}")


def _next_version(name: str) -> str:
    fact, _, version = name.rpartition(".v")
    return f"{fact}.v{int(version) + 1}"


def read(folder: Path) -> dict[str, Schema]:
    """Frozen schemas by wire name."""
    return {file.stem: json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))}


def freeze(*, today: Mapping[str, Schema], folder: Path) -> None:
    """Write down what is new; to be called only when nothing breaks, so that it only adds."""
    for name, schema in today.items():
        (folder / f"{name}.json").write_text(json.dumps(schema, indent=2) + "\n")


def main(*, arguments: Sequence[str], folder: Path = FOLDER) -> int:
    """Print what is wrong and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.contracts.check", description="Compare events.")
    parser.add_argument("--freeze", action="store_true", help="write down new events and new optional fields")
    options = parser.parse_args(arguments)
    today = {name: schema_of(kind) for name, kind in published().items()}
    findings = list_findings(frozen=read(folder), today=today)
    if options.freeze and not any(finding.breaks for finding in findings):
        freeze(today=today, folder=folder)
        findings = []
    for finding in findings:
        print(finding.says)
    print(f"{len(findings)} differences to what was published" if findings else "events are as published")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(arguments=sys.argv[1:]))
