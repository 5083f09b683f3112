"""Shares of the stock leave for other regions and come from them, and none is ever in two places."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db.models import F

from nexus.contracts.base import enclose, uuid7
from nexus.contracts.inventory import ShareArrived, ShareAsked, ShareSent
from nexus.eventbus.models import DeadLetter, EventRecord
from nexus.eventbus.registry import members
from nexus.inventory import services
from nexus.inventory.exceptions import BelowReserved, ItemNotFound, NothingToSend, RegionUnknown
from nexus.inventory.handlers import AMONG_REGIONS
from nexus.inventory.models import DATABASE, Item, LedgerEntry, Location, Reason, Shortage
from nexus.inventory.selectors import count_on_the_way
from tests.inventory.conftest import Stockroom

pytestmark = pytest.mark.django_db(databases=["inventory"])


@pytest.fixture(autouse=True)
def eu(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """This is eu, and it is linked to us and asia."""
    settings.REGION = "eu"
    settings.REGION_LINKS = {"us": "amqp://127.0.0.1:1/us", "asia": "amqp://127.0.0.1:1/asia"}
    inventory = members["inventory"]
    among = {kind.type: handler for kind, handler in AMONG_REGIONS.items()}
    monkeypatch.setitem(members, "inventory", replace(inventory, handlers=inventory.handlers | among))


def sent(**fields: object) -> ShareSent:
    """What another region tells when it sends something here."""
    usual = {"transfer_id": uuid7(), "from_region": "us", "to_region": "eu", "sku": "LAMP", "quantity": 5}
    return ShareSent(**usual | fields)  # type: ignore[arg-type]


def asked(*, region: str = "us", **levels: int) -> ShareAsked:
    return ShareAsked(ask_id=uuid7(), from_region=region, to_region="eu", levels=levels)


def told(kind: str) -> list[dict[str, object]]:
    """What was told of a kind, oldest first."""
    records = EventRecord.objects.using(DATABASE).filter(type=f"inventory.share-{kind}.v1").order_by("id")
    return [record.data for record in records]


def errors() -> list[str]:
    return list(DeadLetter.objects.using(DATABASE).order_by("id").values_list("error", flat=True))


class TestSendingAShare:
    def test_takes_it_out_of_what_is_there_and_tells_it(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=10)

        transfer = services.send_share(sku="LAMP", to_region="us", quantity=4, note="for the fair", actor="7")

        assert stockroom.on_hand() == {"LAMP": 6}
        assert told("sent") == [
            {"from_region": "eu", "to_region": "us", "transfer_id": str(transfer), "sku": "LAMP", "quantity": 4}
        ]
        [entry] = LedgerEntry.objects.filter(reason=Reason.SENT)
        assert (entry.on_hand, entry.cause_id, entry.note, entry.actor) == (-4, transfer, "to us: for the fair", "7")
        assert count_on_the_way() == 4
        assert stockroom.books_balance()

    def test_never_takes_what_is_set_aside_for_orders(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=10)
        stockroom.reserve(LAMP=7)

        with pytest.raises(BelowReserved, match="3 are free to send"):
            services.send_share(sku="LAMP", to_region="us", quantity=4)

        assert (stockroom.on_hand(), told("sent")) == ({"LAMP": 10}, [])

    def test_takes_it_from_as_many_places_as_it_needs(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=3)
        Location.objects.get_or_create(code="annex", defaults={"name": "Annex", "rank": 5})
        services.adjust_stock(sku="LAMP", quantity=3, reason=Reason.RECEIVED, location="annex")

        services.send_share(sku="LAMP", to_region="us", quantity=5)

        assert stockroom.on_hand() == {"LAMP": 1}
        assert LedgerEntry.objects.filter(reason=Reason.SENT).count() == 2

    @pytest.mark.parametrize(
        ("sku", "region", "quantity", "refusal"),
        [
            ("LAMP", "mars", 1, RegionUnknown),
            ("LAMP", "us", 0, NothingToSend),
            ("LAMP", "us", -3, NothingToSend),
            ("MOON", "us", 1, ItemNotFound),
        ],
    )
    def test_is_refused(
        self, stockroom: Stockroom, sku: str, region: str, quantity: int, refusal: type[Exception]
    ) -> None:
        stockroom.has(LAMP=10)

        with pytest.raises(refusal):
            services.send_share(sku=sku, to_region=region, quantity=quantity)

        assert told("sent") == []

    def test_is_a_command_too(self, stockroom: Stockroom, capsys: pytest.CaptureFixture[str]) -> None:
        stockroom.has(LAMP=10)

        call_command("share", "send", "--sku", "LAMP", "--to", "us", "--quantity", "4")

        assert "4 LAMP on the way to us" in capsys.readouterr().out
        with pytest.raises(CommandError, match="6 are free to send"):
            call_command("share", "send", "--sku", "LAMP", "--to", "us", "--quantity", "7")

    def test_is_over_when_the_other_region_says_it_has_arrived(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=10)
        transfer = services.send_share(sku="LAMP", to_region="us", quantity=4)
        news = ShareArrived(transfer_id=transfer, from_region="us", to_region="eu", sku="LAMP", quantity=4)

        stockroom.hears(replace(news, from_region="asia"))
        assert count_on_the_way() == 4, "asia has no say in it"
        stockroom.hears(news)

        assert count_on_the_way() == 0
        assert stockroom.on_hand() == {"LAMP": 6}


class TestAShareThatArrives:
    def test_is_on_the_shelf_and_told_back(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=1)
        share = sent()

        stockroom.hears(share)

        assert stockroom.on_hand() == {"LAMP": 6}
        assert [(each["transfer_id"], each["to_region"]) for each in told("arrived")] == [
            (str(share.transfer_id), "us")
        ]
        assert stockroom.books_balance()

    def test_counts_once_however_often_it_comes(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=1)
        letter = enclose(sent(), sequence=1)

        outcomes = [stockroom.hears_again([letter]) for _ in range(3)]

        assert [(outcome.applied, outcome.duplicate) for outcome in outcomes] == [(1, 0), (0, 1), (0, 1)]
        assert (stockroom.on_hand(), errors()) == ({"LAMP": 6}, [])

    def test_counts_once_even_past_the_inbox(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=1)
        share = sent()

        stockroom.hears(share)
        stockroom.hears(share)  # in another envelope, which the inbox has never seen

        assert stockroom.on_hand() == {"LAMP": 6}
        assert "duplicate key" in errors()[0]

    def test_of_a_sku_unknown_here_makes_it_known(self, stockroom: Stockroom) -> None:
        stockroom.hears(sent(sku="VASE"))

        assert stockroom.on_hand() == {"VASE": 5}
        stockroom.has(VASE=0)
        assert Item.objects.get(sku="VASE").offer_version == 1, "its offer names it when it comes"

    @pytest.mark.parametrize(
        ("fields", "error"),
        [
            ({"quantity": 0}, "NothingToSend"),
            ({"quantity": -5}, "NothingToSend"),
            ({"quantity": 2_000_000_000}, "TooMuch"),
            ({"to_region": "asia"}, "RegionUnknown: This is eu; it was meant for asia."),
            ({"from_region": "mars"}, "RegionUnknown: No link leads to mars."),
        ],
    )
    def test_that_cannot_be_waits_among_the_dead_letters(
        self, stockroom: Stockroom, fields: dict[str, object], error: str
    ) -> None:
        stockroom.has(LAMP=1)

        stockroom.hears(sent(**fields))

        assert stockroom.on_hand() == {"LAMP": 1}
        assert errors()[0].startswith(error)

    def test_that_we_told_ourselves_is_passed_over(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=1)

        outcome = stockroom.hears(sent(from_region="eu", to_region="us"))

        assert (outcome.applied, stockroom.on_hand(), errors()) == (1, {"LAMP": 1}, [])


class TestARegionThatIsAsked:
    @pytest.mark.parametrize(("ours", "theirs", "given"), [(100, 0, 50), (9, 4, 2), (5, 4, 0), (3, 8, 0), (7, -2, 3)])
    def test_gives_half_of_what_it_has_more(self, stockroom: Stockroom, ours: int, theirs: int, given: int) -> None:
        stockroom.has(LAMP=ours)

        stockroom.hears(asked(LAMP=theirs))

        assert [each["quantity"] for each in told("sent")] == ([given] if given else [])
        assert stockroom.on_hand() == {"LAMP": ours - given}

    def test_keeps_what_is_set_aside_for_orders(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=100)
        stockroom.reserve(LAMP=90)

        stockroom.hears(asked(LAMP=0))

        assert (stockroom.on_hand(), stockroom.reserved()) == ({"LAMP": 95}, {"LAMP": 90})

    def test_gives_nothing_more_while_something_is_on_the_way(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=100)

        for _ in range(3):
            stockroom.hears(asked(LAMP=0))
        assert [each["quantity"] for each in told("sent")] == [50]
        transfer = UUID(str(told("sent")[0]["transfer_id"]))
        stockroom.hears(ShareArrived(transfer_id=transfer, from_region="us", to_region="eu", sku="LAMP", quantity=50))
        stockroom.hears(asked(LAMP=0))

        assert [each["quantity"] for each in told("sent")] == [50, 25]

    def test_gives_each_that_asks_and_of_each_sku(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=100, VASE=8)

        stockroom.hears(asked(LAMP=0, VASE=0, MOON=0), asked(region="asia", LAMP=10))

        gifts = {(each["to_region"], each["sku"]): each["quantity"] for each in told("sent")}
        assert gifts == {("us", "LAMP"): 50, ("us", "VASE"): 4, ("asia", "LAMP"): 20}
        assert stockroom.books_balance()


class TestARegionThatIsShort:
    def test_asks_the_others_in_turn_and_ever_more_rarely(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=3, VASE=200, MOON=0)

        assert services.ask_for_shares() == 1, "of the vase there are enough, and of the moon there never was one"
        assert services.ask_for_shares() == 0
        for _ in range(2):
            Shortage.objects.update(due_at=F("due_at") - timedelta(hours=2))
            assert services.ask_for_shares() == 1

        assert [(each["to_region"], each["levels"]) for each in told("asked")] == [
            ("asia", {"LAMP": 3}),
            ("us", {"LAMP": 3}),
            ("asia", {"LAMP": 3}),
        ]

    def test_asks_in_the_next_round_when_some_more_was_sold(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=8)
        services.ask_for_shares()

        stockroom.reserve(LAMP=2)

        assert [services.ask_for_shares(), services.ask_for_shares()] == [1, 0]
        assert told("asked")[-1]["levels"] == {"LAMP": 6}

    def test_asks_at_once_again_after_a_share_has_come(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=0)
        services.receive_stock({"LAMP": 1})
        services.ask_for_shares()

        stockroom.hears(sent(quantity=2))

        assert services.ask_for_shares() == 1
        assert told("asked")[-1]["levels"] == {"LAMP": 3}

    def test_asks_no_more_when_there_are_enough(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=3)
        services.ask_for_shares()

        services.receive_stock({"LAMP": 100})
        services.ask_for_shares()

        assert not Shortage.objects.exists()
