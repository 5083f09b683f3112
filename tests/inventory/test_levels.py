"""Levels are announced once in a while, low ones at once, and none is forgotten."""

from datetime import timedelta

import pytest
from django.utils import timezone

from nexus.eventbus.models import EventRecord
from nexus.inventory.models import DATABASE, LedgerEntry, UntoldLevel
from nexus.inventory.services import levels
from nexus.inventory.services.levels import announce_levels
from tests.inventory.conftest import Stockroom
from tests.standoff import second_of_two

pytestmark = pytest.mark.django_db(databases=["inventory"])


def announced(sku: str) -> list[int]:
    """The levels that were told of a sku, oldest first."""
    records = EventRecord.objects.using(DATABASE).filter(type="inventory.stock-level-changed.v1", subject=sku)
    return [record.data["available"] for record in records.order_by("sequence")]


class TestALevelThatOrdersChange:
    def test_is_announced_once_for_all_of_them(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=100)
        for _ in range(3):
            stockroom.reserve(LAMP=1)
        assert announced("LAMP") == [100]

        assert announce_levels() == 1

        assert announced("LAMP") == [100, 97]
        assert announce_levels() == 0

    def test_is_announced_at_once_when_few_are_left(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=13)
        stockroom.reserve(LAMP=1)
        assert announced("LAMP") == [13]

        stockroom.reserve(LAMP=2)

        assert announced("LAMP") == [13, 10]
        assert announce_levels() == 0

    def test_is_announced_at_once_when_there_were_few(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=20)
        big = stockroom.reserve(LAMP=20)

        stockroom.cancel(big)

        assert announced("LAMP") == [20, 0, 20]
        assert announce_levels() == 0

    def test_waits_its_turn_and_comes_to_it(self, stockroom: Stockroom, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(levels, "MOST", 1)
        stockroom.has(LAMP=100, SHADE=100)
        stockroom.reserve(SHADE=1)
        stockroom.reserve(LAMP=1)
        stockroom.reserve(SHADE=1)

        assert [announce_levels(), announced("SHADE"), announced("LAMP")] == [1, [100, 98], [100]]
        assert [announce_levels(), announced("LAMP")] == [1, [100, 99]]


class TestLevelsThatAreLate:
    """Five skus wait, two may be told in a round, and there may be two rounds."""

    @pytest.fixture(autouse=True)
    def waiting(self, stockroom: Stockroom, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(levels, "MOST", 2)
        monkeypatch.setattr(levels, "ROUNDS", 2)
        skus = ["LAMP", "SHADE", "BULB", "CORD", "PLUG"]
        stockroom.has(**dict.fromkeys(skus, 100))
        for sku in skus:
            stockroom.reserve(**{sku: 1})

    def test_are_caught_up_with_when_hardly_anything_sells(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(levels, "JUST_NOW", 0.0)
        age(seconds=61)

        assert [announce_levels(), announced("CORD"), announced("PLUG")] == [4, [100, 99], [100]]
        assert [announce_levels(), announced("PLUG")] == [1, [100, 99]]

    def test_go_on_at_their_pace_while_others_sell(self, stockroom: Stockroom, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(levels, "JUST_NOW", 3600.0)
        age(seconds=61)

        assert [announce_levels(), announced("SHADE"), announced("BULB")] == [2, [100, 99], [100]]

    def test_are_no_matter_while_stock_moves_as_often_as_they_are_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(levels, "JUST_NOW", 3600.0)
        movements = LedgerEntry.objects.using(DATABASE).count()

        monkeypatch.setattr(levels, "MOST", movements)
        assert not levels._is_quiet()

        monkeypatch.setattr(levels, "MOST", movements + 1)
        assert levels._is_quiet()

    def test_are_not_late_within_a_minute(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(levels, "JUST_NOW", 0.0)
        age(seconds=50)

        assert announce_levels() == 2


def age(*, seconds: int) -> None:
    """As if the levels that wait had changed so long ago, one after the other."""
    for place, level in enumerate(UntoldLevel.objects.using(DATABASE).order_by("since")):
        level.since = timezone.now() - timedelta(seconds=seconds, microseconds=-place)
        level.save(using=DATABASE)


@pytest.mark.django_db(databases=["inventory"], transaction=True)
class TestTwoAtOnce:
    def test_an_order_placed_while_levels_are_announced_is_announced_next(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=100)
        stockroom.reserve(LAMP=1)

        second_of_two(database=DATABASE, first=announce_levels, second=lambda: stockroom.reserve(LAMP=1))

        assert announced("LAMP") == [100, 99]
        assert announce_levels() == 1
        assert announced("LAMP") == [100, 99, 98]

    def test_levels_are_not_announced_from_before_an_order_under_way(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=100)
        stockroom.reserve(LAMP=1)

        assert second_of_two(database=DATABASE, first=lambda: stockroom.reserve(LAMP=1), second=announce_levels) == 1

        assert announced("LAMP") == [100, 98]
        assert not UntoldLevel.objects.using(DATABASE).exists()

    def test_two_rounds_announce_a_level_once(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=100)
        stockroom.reserve(LAMP=1)

        assert second_of_two(database=DATABASE, first=announce_levels, second=announce_levels) == 0

        assert announced("LAMP") == [100, 99]
