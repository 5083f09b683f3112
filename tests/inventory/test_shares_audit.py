"""The reports of regions agree, or what is wrong between them is named."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from nexus.inventory import services
from nexus.inventory.services.shares import Report, audit, report
from nexus.inventory.services.shares.audit import Shelf, Told
from tests.inventory.conftest import Stockroom

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)


def share(quantity: int = 5, *, to: str = "us", at: datetime = NOON - timedelta(hours=1)) -> Told:
    """From eu."""
    return Told("eu", to, "LAMP", quantity, at)


@dataclass
class Region:
    """A region's report in the making."""

    name: str
    shelf: tuple[int, int] = (0, 0)
    sent: dict[str, Told] = field(default_factory=dict)
    arrived: dict[str, Told] = field(default_factory=dict)

    def report(self) -> Report:
        stock = {"LAMP": Shelf(*self.shelf)}
        return Report(region=self.name, taken_at=NOON, stock=stock, sent=self.sent, arrived=self.arrived)


def wrong(*regions: Region) -> list[str]:
    return audit([region.report() for region in regions]).wrong


class TestReports:
    def test_agree_when_what_was_sent_has_arrived_or_is_on_the_way(self) -> None:
        eu = Region("eu", shelf=(12, 20), sent={"a": share(5), "b": share(3)})
        us = Region("us", shelf=(6, 1), arrived={"a": share(5)})

        verdict = audit([eu.report(), us.report()])

        assert (verdict.wrong, verdict.unknown, list(verdict.on_the_way), verdict.on_hand) == ([], [], ["b"], 18)

    @pytest.mark.parametrize(
        ("arrived", "complaint"),
        [
            ({"x": share(5)}, "x: 5 LAMP arrived at us, never sent by eu"),
            ({"a": share(6)}, "a: 5 LAMP left for us, 6 LAMP arrived at us"),
        ],
    )
    def test_name_what_arrived_otherwise_than_it_was_sent(self, arrived: dict[str, Told], complaint: str) -> None:
        [told] = arrived.values()
        eu = Region("eu", shelf=(15, 20), sent={"a": share(5)})
        us = Region("us", shelf=(told.quantity, 0), arrived=arrived)

        assert wrong(eu, us) == [complaint]

    def test_name_what_arrived_in_two_regions(self) -> None:
        eu = Region("eu", shelf=(15, 20), sent={"a": share(5)})
        both = [Region(name, shelf=(5, 0), arrived={"a": share(5, to=name)}) for name in ("us", "asia")]

        assert "a arrived 2 times" in wrong(eu, *both)

    def test_name_a_shelf_that_its_movements_do_not_make(self) -> None:
        eu = Region("eu", shelf=(20, 20), sent={"a": share(5)})

        assert wrong(eu) == ["LAMP in eu: shares moved +0 in the ledger, -5 told"]

    def test_do_not_judge_what_is_younger_than_the_senders_or_whose_sender_is_silent(self) -> None:
        late = share(5, at=NOON + timedelta(seconds=1))
        us = Region("us", shelf=(5, 0), arrived={"x": late})

        with_sender, alone = audit([Region("eu").report(), us.report()]), audit([us.report()])

        assert (with_sender.wrong, with_sender.unknown) == ([], ["x"])
        assert (alone.wrong, alone.unknown) == ([], ["x"])

    def test_of_one_region_given_twice_are_refused(self) -> None:
        assert wrong(Region("eu"), Region("eu")) == ["eu is there 2 times"]


@pytest.mark.django_db(databases=["inventory"])
class TestTheCommand:
    def test_writes_a_report_and_compares_it(
        self, stockroom: Stockroom, settings: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        settings.REGION, settings.REGION_LINKS = "eu", {"us": "amqp://127.0.0.1:1/us"}
        stockroom.has(LAMP=20)
        stockroom.reserve(LAMP=1)
        services.send_share(sku="LAMP", to_region="us", quantity=4)
        eu, us = tmp_path / "eu.json", tmp_path / "us.json"

        call_command("share", "report")
        eu.write_text(capsys.readouterr().out)
        us.write_bytes(msgspec.json.encode(Region("us").report()))
        call_command("share", "audit", str(eu), str(us))

        assert "eu, us: 16 on hand, 4 on the way in 1 shares, 0 not to be judged, 0 wrong" in capsys.readouterr().out
        assert report().stock == {"LAMP": Shelf(16, 20)}

    def test_ends_with_1_when_something_is_wrong(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        file = tmp_path / "eu.json"
        file.write_bytes(msgspec.json.encode(Region("eu", shelf=(20, 20), sent={"a": share(5)}).report()))

        with pytest.raises(SystemExit, match="1"):
            call_command("share", "audit", str(file))

        assert "BROKEN  LAMP in eu" in capsys.readouterr().out
        file.write_text("{}")
        with pytest.raises(CommandError, match="not a report"):
            call_command("share", "audit", str(file))
