"""One frozen sample for every event and version ever published: today's code must read all of them."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from nexus.contracts.base import Event
from nexus.eventbus.wire import Record, envelope_of
from tests.contracts.check import FOLDER
from tests.contracts.schemas import published

SAMPLES = Path(__file__).parent / "samples"
PUBLISHED = published()


def sample_of(name: str) -> dict[str, Any]:
    sample: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text())
    return sample


class TestEverySample:
    @pytest.mark.parametrize("file", sorted(SAMPLES.glob("*.json")), ids=lambda file: file.stem)
    def test_is_still_read_and_means_the_same(self, file: Path) -> None:
        sample = json.loads(file.read_text())

        envelope = envelope_of(msgspec.convert(sample | {"data": msgspec.Raw(json.dumps(sample["data"]))}, Record))

        assert envelope.type == file.stem
        assert envelope.subject == sample["subject"]
        assert json.loads(msgspec.json.encode(envelope.data)) == sample["data"]

    @pytest.mark.parametrize("file", sorted(SAMPLES.glob("*.json")), ids=lambda file: file.stem)
    def test_is_read_with_fields_from_the_future(self, file: Path) -> None:
        sample = json.loads(file.read_text())
        future = json.dumps(sample["data"] | {"field_of_tomorrow": [1, 2, 3]})

        envelope = envelope_of(msgspec.convert(sample | {"data": msgspec.Raw(future)}, Record))

        assert json.loads(msgspec.json.encode(envelope.data)) == sample["data"]


class TestEveryEvent:
    @pytest.mark.parametrize("name", sorted(PUBLISHED))
    def test_has_its_sample(self, name: str) -> None:
        assert (SAMPLES / f"{name}.json").exists(), f"add tests/contracts/samples/{name}.json, and never change it"

    def test_has_both_sample_and_frozen_shape_for_ever(self) -> None:
        schemas = {file.name for file in FOLDER.glob("*.json")}

        assert schemas == {file.name for file in SAMPLES.glob("*.json")}, "one of the two was taken away: put it back"

    @pytest.mark.parametrize("kind", PUBLISHED.values(), ids=lambda kind: kind.__name__)
    def test_is_named_after_its_source_and_version(self, kind: type[Event]) -> None:
        source, fact, version = kind.type.split(".")

        assert kind.__module__ == f"nexus.contracts.{source}"
        assert fact.replace("-", "") == kind.__name__.lower().removesuffix(version)
        assert version[0] == "v"
        assert version[1:].isdigit()

    @pytest.mark.parametrize("name", sorted(PUBLISHED))
    def test_carries_nothing_personal(self, name: str) -> None:
        fields = set(msgspec.json.schema(PUBLISHED[name])["$defs"][PUBLISHED[name].__name__]["properties"])

        assert not fields & {"email", "customer_name", "address", "phone", "password", "note"}
