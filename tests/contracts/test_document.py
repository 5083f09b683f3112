"""docs/events.md says what the contracts say."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated
from uuid import UUID

import pytest

from nexus.contracts.base import Event
from tests.contracts.document import PAGE, main, page, section_of
from tests.contracts.schemas import published


class TestPage:
    def test_is_what_the_contracts_say(self) -> None:
        assert main(arguments=["--check"]) == 0, "renew it by `make docs`"

    def test_has_every_event_with_whoever_hears_it(self) -> None:
        text = PAGE.read_text()

        assert [name for name in published() if f"`{name}` · class" not in text] == []
        assert "- inventory: `reserve_stock_when_orders_are_placed`" in text
        assert "OrderPlacedEvent" in text

    def test_that_is_stale_is_reported_with_how_to_renew_it(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        stale = tmp_path / "events.md"
        stale.write_text(page().replace("minor units", "cents"))

        assert main(arguments=["--check"], path=stale) == 1

        assert "events.md is stale: renew it by `make docs`" in capsys.readouterr().out
        assert main(arguments=[], path=stale) == 0
        assert stale.read_text() == page()


class TestSection:
    def test_has_types_units_and_what_a_missing_field_means(self) -> None:
        @dataclass(frozen=True, kw_only=True)
        class Parcel:
            grams: Annotated[int, "grams"]

        @dataclass(frozen=True, kw_only=True)
        class ParcelsWeighed(Event):
            """Parcels were weighed."""

            order_id: UUID
            parcels: tuple[Parcel, ...] = ()
            type = "toys.parcels-weighed.v1"
            subject = "any"

        text = section_of(ParcelsWeighed, sample={"parcels": []})

        assert "| `parcels` | list of object, [] when absent |  |" in text
        assert "| `parcels[].grams` | integer | grams |" in text
        assert "- nobody here" in text
