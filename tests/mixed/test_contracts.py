"""
What each version tells the other understands, event by event, read by the code that would read it.

`tests/contracts` compares shapes; here the code of the version before reads, as its workers would.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nexus.eventbus.wire import Record, Undecodable, encode, envelope_of, record_of
from tests.contracts.schemas import published

SAMPLES = Path(__file__).resolve().parents[1] / "contracts" / "samples"
READER = """
import sys
from nexus.contracts import accounts, catalog, inventory, orders
from nexus.eventbus.wire import Undecodable, decode, encode, envelope_of, record_of

for record in decode(sys.stdin.buffer.read()):
    try:
        envelope = envelope_of(record)
    except Undecodable as why:
        print(f"{record.type} {why}", file=sys.stderr)
    else:
        print(encode([record_of(envelope)]).decode())
"""


def as_told_today(name: str) -> Record:
    """The event of that name as this code tells it, with a field that only tomorrow's would."""
    sample: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text())
    told = record_of(envelope_of(msgspec.convert(sample | {"data": msgspec.Raw(json.dumps(sample["data"]))}, Record)))
    data = msgspec.json.decode(told.data) | {"field_of_tomorrow": {"deep": [1]}}
    return msgspec.structs.replace(told, data=msgspec.Raw(msgspec.json.encode(data)))


@pytest.fixture(scope="module")
def read(before: Path) -> "subprocess.CompletedProcess[str]":
    """What the version before makes of all events of today: each told once more, or the reason why it cannot."""
    message = encode([as_told_today(name) for name in sorted(published())]).decode()
    return subprocess.run(
        [sys.executable, "-c", READER], cwd=before, input=message, capture_output=True, text=True, check=True
    )


class TestTheVersionBefore:
    def test_reads_all_events_of_today_that_it_knows(
        self, before: Path, read: "subprocess.CompletedProcess[str]"
    ) -> None:
        unread = [line.partition(" ") for line in read.stderr.splitlines()]

        # What it does not know waits among its dead letters; what it knows and cannot read should never have changed.
        assert [f"{name}: {why}" for name, _, why in unread if why != f"unknown type {name}"] == []
        assert len(unread) < len(published())

    def test_tells_them_as_this_one_reads_them(self, read: "subprocess.CompletedProcess[str]") -> None:
        told = [record for line in read.stdout.splitlines() for record in msgspec.json.decode(line, type=list[Record])]

        for record in told:
            today = as_told_today(record.type)
            assert envelope_of(record) == envelope_of(today)

    def test_would_be_seen_not_to_read_one(self) -> None:
        record = as_told_today("orders.order-placed.v1")
        changed = {**msgspec.json.decode(record.data), "lines": [{"sku": "LAMP"}]}

        with pytest.raises(Undecodable, match="missing required field"):
            envelope_of(msgspec.structs.replace(record, data=msgspec.Raw(msgspec.json.encode(changed))))
