"""A change of an event that breaks somebody is caught, with a message that says what to do; any other is allowed."""

import copy
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nexus.contracts.base import Event
from nexus.contracts.inventory import StockReserved
from nexus.contracts.orders import OrderPlaced
from tests.contracts.check import FOLDER, list_findings, main, read
from tests.contracts.schemas import Schema, Undescribable, published, reader_of, schema_of

SAMPLES = Path(__file__).parent / "samples"
PLACED, RESERVED = "orders.order-placed.v1", "inventory.stock-reserved.v1"
Plant = Callable[[dict[str, Schema]], Any]


def today() -> dict[str, Schema]:
    return {name: schema_of(kind) for name, kind in published().items()}


def told(plant: Plant) -> list[tuple[str, bool]]:
    """What the check says, and whether it breaks, when today's events are changed so."""
    changed = copy.deepcopy(today())
    plant(changed)
    return [(finding.says, finding.breaks) for finding in list_findings(frozen=read(FOLDER), today=changed)]


def fields(events: dict[str, Schema], name: str = PLACED) -> dict[str, Any]:
    return events[name]["fields"]


BREAKING: dict[str, tuple[Plant, str]] = {
    "field removed": (lambda e: fields(e).pop("total"), "lost its field total"),
    "field removed deep inside": (lambda e: fields(e).pop("lines[].sku"), "lost its field lines[].sku"),
    "type changed": (lambda e: fields(e)["total"].update(shape="text"), "changed total from integer to text"),
    "type narrowed": (
        lambda e: fields(e, RESERVED)["expires_at"].update(shape="instant"),
        "narrowed expires_at from instant or null to instant",
    ),
    "type widened": (
        lambda e: fields(e)["currency"].update(shape="text or null"),
        "widened currency from text to text or null",
    ),
    "required field added": (lambda e: fields(e).update(tax={"shape": "integer"}), "requires the new field tax"),
    "required field added deep inside": (
        lambda e: fields(e).update({"lines[].tax": {"shape": "integer"}}),
        "requires the new field lines[].tax",
    ),
    "optional field made required": (
        lambda e: fields(e, RESERVED)["expires_at"].pop("default"),
        "requires expires_at, which messages told so far may lack",
    ),
    "required field made optional": (lambda e: fields(e)["number"].update(default=""), "made number optional"),
    "default changed": (
        lambda e: fields(e, RESERVED)["expires_at"].update(default="2026-01-01T00:00:00Z"),
        "gave expires_at another default",
    ),
    "wire name gone": (lambda e: e.pop(PLACED), "is gone, but logs and queues still hold it: put the class back"),
    "stream key changed": (
        lambda e: e[PLACED].update(subject="{customer_id}"),
        "names its stream by {customer_id} instead of {order_id}",
    ),
}


class TestBreakingChanges:
    @pytest.mark.parametrize("change", BREAKING)
    def test_are_caught_with_what_to_do(self, change: str) -> None:
        plant, complaint = BREAKING[change]

        [(says, breaks)] = told(plant)

        assert breaks
        assert complaint in says
        assert "v2 beside" in says or "put the class back" in says

    def test_of_later_versions_ask_for_the_version_after(self) -> None:
        changed = {"toys.lamp-lit.v7": {"subject": "{id}", "fields": {}}}
        frozen = {"toys.lamp-lit.v7": {"subject": "{id}", "fields": {"id": {"shape": "uuid"}}}}

        [finding] = list_findings(frozen=frozen, today=changed)

        assert "toys.lamp-lit.v8 beside" in finding.says


class TestAllowedChanges:
    def test_are_none_at_present(self) -> None:
        assert told(lambda events: None) == []

    @pytest.mark.parametrize(
        ("plant", "reminder"),
        [
            (lambda e: fields(e).update(gift={"shape": "boolean", "default": False}), "new optional field gift"),
            (lambda e: e.update({"orders.order-placed.v2": e[PLACED]}), "orders.order-placed.v2 is new"),
            (lambda e: e.update({"orders.order-wrapped.v1": e[PLACED]}), "orders.order-wrapped.v1 is new"),
        ],
    )
    def test_only_have_to_be_written_down(self, plant: Plant, reminder: str) -> None:
        [(says, breaks)] = told(plant)

        assert not breaks
        assert reminder in says
        assert "--freeze" in says

    def test_of_a_new_optional_object_are_one_and_its_inside_is_free(self) -> None:
        def wrap(events: dict[str, Schema]) -> None:
            wrapping = {"wrapping": {"shape": "object or null", "default": None}, "wrapping.paper": {"shape": "text"}}
            fields(events).update(wrapping)

        [(says, breaks)] = told(wrap)

        assert not breaks
        assert "new optional field wrapping," in says


class TestFreezing:
    def test_adds_what_is_missing_and_is_then_content(self, tmp_path: Path) -> None:
        assert main(arguments=[], folder=tmp_path) == 1

        assert main(arguments=["--freeze"], folder=tmp_path) == 0

        assert main(arguments=[], folder=tmp_path) == 0
        assert read(tmp_path) == read(FOLDER)

    def test_writes_nothing_when_something_breaks(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        main(arguments=["--freeze"], folder=tmp_path)
        file = tmp_path / f"{PLACED}.json"
        before = json.loads(file.read_text())
        before["fields"]["colour"] = {"shape": "text"}
        file.write_text(json.dumps(before))

        assert main(arguments=["--freeze"], folder=tmp_path) == 1

        assert json.loads(file.read_text()) == before
        assert "lost its field colour" in capsys.readouterr().out


class TestForward:
    @pytest.mark.parametrize("name", sorted(read(FOLDER)))
    def test_code_of_before_reads_what_todays_code_tells(self, name: str) -> None:
        sample = json.loads((SAMPLES / f"{name}.json").read_text())["data"]
        message = msgspec.json.encode(msgspec.convert(sample, published()[name]))

        old = msgspec.json.decode(message, type=reader_of(read(FOLDER)[name]))

        assert json.loads(msgspec.json.encode(old)) == sample

    def test_code_of_before_passes_over_fields_it_does_not_know(self) -> None:
        message = b'{"order_id": "01a202c2-9a99-7b0d-a2c5-890070cfab5f", "held_until": "noon"}'

        old = msgspec.json.decode(message, type=reader_of(schema_of(StockReserved)))

        assert (str(old.order_id)[:8], old.expires_at) == ("01a202c2", None)

    def test_code_of_before_is_seen_to_fail_on_a_breaking_change(self) -> None:
        schema = schema_of(OrderPlaced)
        schema["fields"]["lines[].weight"] = {"shape": "integer"}
        message = json.dumps(json.loads((SAMPLES / f"{PLACED}.json").read_text())["data"])

        with pytest.raises(msgspec.ValidationError, match="missing required field `weight`"):
            msgspec.json.decode(message, type=reader_of(schema))


class TestShapes:
    def test_of_a_kind_that_was_never_promised_are_refused(self) -> None:
        @dataclass(frozen=True, kw_only=True)
        class ParcelWeighed(Event):
            grams: float
            type = "toys.parcel-weighed.v1"
            subject = "any"

        with pytest.raises(Undescribable, match="grams is a"):
            schema_of(ParcelWeighed)
