"""Placing orders: priced here, written and announced by one statement, once per key."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connections
from django.test.utils import override_settings

from nexus.contracts.errors import KeyReused
from nexus.contracts.inventory import StockLevelChanged
from nexus.orders import services
from nexus.orders.exceptions import NotForSale, OutOfStock, PricesIncomplete, PricesMoved
from nexus.orders.models import DATABASE, Order, OrderLine, PlacementClaim, store
from nexus.orders.selectors import OrderView, list_offers
from nexus.orders.services import place, remembered
from nexus.orders.services.prices import drop_price_book
from tests.circles import circles
from tests.orders.conftest import Shop
from tests.statements import statements

pytestmark = pytest.mark.django_db(databases=["orders"])


def wanted(shop: Shop, sku: str) -> services.Wanted:
    return services.Wanted(
        customer_id=shop.customer_id, lines=[services.Line(sku=sku, quantity=1, position=0)], currency="EUR"
    )


class TestPlaceOrder:
    def test_copies_name_and_price_of_the_moment(self, shop: Shop) -> None:
        order = shop.places(LAMP=2, SHADE=1)
        shop.sells("LAMP", EUR=9999, version=2)

        lines = {line.sku: line for line in OrderLine.objects.filter(order_id=order.id)}
        assert lines["LAMP"].unit_price == 1990
        assert order.total == 2 * 1990 + 500

    def test_announces_the_order_in_the_same_breath(self, shop: Shop) -> None:
        order = shop.places(LAMP=2)

        assert shop.story_of(order) == ["placed"]
        assert order.status == "placed"

    def test_takes_two_statements_and_one_when_the_prices_are_remembered(self, shop: Shop) -> None:
        shop.places(LAMP=1)  # takes a block of numbers

        with statements(DATABASE) as first:
            shop.places(LAMP=2, SHADE=1)
        with statements(DATABASE) as second:
            shop.places(LAMP=2, SHADE=1)

        assert (len(first), len(second)) == (2, 1), first + second

    def test_has_both_prepared(self, shop: Shop) -> None:
        """Reading and planning them anew each time costs more than what they do."""
        with connections[DATABASE].cursor() as cursor:
            cursor.execute("DEALLOCATE ALL")
            for sku in ("LAMP", "SHADE"):
                shop.places(**{sku: 1})
            cursor.execute("SELECT generic_plans + custom_plans FROM pg_prepared_statements")
            uses = cursor.fetchall()

        assert uses == [(2,), (2,)]

    def test_gives_every_order_a_short_number_of_its_own(self, shop: Shop) -> None:
        numbers = {shop.places(LAMP=1).number for _ in range(120)}

        assert len(numbers) == 120
        assert all(number.startswith("N-20") and len(number) == 13 for number in numbers)

    @pytest.mark.parametrize("sku", ["UNKNOWN", "DRAFT"])
    def test_refuses_what_is_not_for_sale_and_names_its_line(self, shop: Shop, sku: str) -> None:
        shop.sells("DRAFT", EUR=100, sellable=False)

        with pytest.raises(NotForSale) as refusal:
            shop.places(**{"LAMP": 1, sku: 1})

        assert [error.field for error in refusal.value.errors] == ["lines.1.sku"]
        assert not Order.objects.exists()

    def test_refuses_a_sku_without_a_price_in_the_currency(self, shop: Shop) -> None:
        shop.sells("DOLLARS-ONLY", USD=100)

        with pytest.raises(NotForSale) as refusal:
            shop.places(**{"DOLLARS-ONLY": 1})

        assert refusal.value.errors[0].code == "no_price"

    def test_refuses_early_what_is_known_to_be_sold_out(self, shop: Shop) -> None:
        shop.hears(StockLevelChanged(sku="SHADE", available=0, version=4))

        with pytest.raises(OutOfStock) as refusal:
            shop.places(LAMP=1, SHADE=1)

        assert "SHADE" in str(refusal.value)
        assert refusal.value.errors[0].field == "lines.1.sku"

    def test_leaves_nothing_of_a_refusal_to_the_garbage_collector(self, shop: Shop) -> None:
        """In a sale it spent a fifth of the processor on tracebacks that nobody read."""
        wanted = services.Wanted(
            customer_id=shop.customer_id,
            lines=[services.Line(sku="UNKNOWN", quantity=1, position=0)],
            currency="EUR",
            claim=services.Claim(key="k", fingerprint="f"),
        )
        services.place_orders([wanted])

        with circles() as left:
            services.place_orders([wanted] * 10)

        assert left == []

    def test_sells_again_what_came_back_whatever_redis_does(self, shop: Shop) -> None:
        nowhere = {"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}}
        shop.hears(StockLevelChanged(sku="SHADE", available=0, version=4))

        with override_settings(CACHES=nowhere):
            shop.hears(StockLevelChanged(sku="SHADE", available=50, version=5))

        assert shop.places(SHADE=1).status == "placed"

    def test_believes_the_newest_level_whatever_the_order_of_arrival(self, shop: Shop) -> None:
        shop.hears(StockLevelChanged(sku="SHADE", available=7, version=5))
        shop.hears(StockLevelChanged(sku="SHADE", available=0, version=4))

        order = shop.places(SHADE=1)

        assert order.status == "placed"


class TestWhatIsRemembered:
    """Prices are not asked for again, and nothing is written that the price book does not say at that moment."""

    @pytest.mark.parametrize(
        ("change", "total"),
        [({"EUR": 9999}, 9999), ({"EUR": 1990, "name": "Lamp, renamed"}, 1990)],
        ids=["price", "name"],
    )
    def test_gives_way_to_what_changed(self, shop: Shop, change: dict[str, Any], total: int) -> None:
        shop.places(LAMP=1)
        shop.sells("LAMP", version=2, **change)

        order = shop.places(LAMP=1)

        assert order.total == total
        assert [line.name for line in order.lines] == [change.get("name", "LAMP")]

    @pytest.mark.parametrize(
        "change", [{"EUR": 1990, "sellable": False}, {"USD": 1990}], ids=["not sold any more", "no price any more"]
    )
    def test_sells_nothing_that_is_not_for_sale_any_more(self, shop: Shop, change: dict[str, Any]) -> None:
        shop.places(LAMP=1)
        shop.sells("LAMP", version=2, **change)

        with pytest.raises(NotForSale):
            shop.places(LAMP=1)

    def test_sells_nothing_that_is_known_to_be_sold_out_and_sells_it_again_when_it_is_back(self, shop: Shop) -> None:
        shop.places(LAMP=1)
        shop.hears(StockLevelChanged(sku="LAMP", available=0, version=4))
        with pytest.raises(OutOfStock):
            shop.places(LAMP=1)
        shop.hears(StockLevelChanged(sku="LAMP", available=1, version=5))

        assert shop.places(LAMP=1).status == "placed"

    def test_is_worth_nothing_while_the_price_book_is_made_again(self, shop: Shop) -> None:
        shop.places(LAMP=1)
        drop_price_book()

        with pytest.raises(PricesIncomplete):
            shop.places(LAMP=1)

    def test_that_changed_for_one_order_leaves_the_others_alone(self, shop: Shop) -> None:
        shop.places(LAMP=1, SHADE=1)
        shop.sells("LAMP", EUR=9999, version=2)
        asked = [wanted(shop, "SHADE"), wanted(shop, "LAMP"), wanted(shop, "SHADE")]

        with statements(DATABASE) as seen:
            outcomes = services.place_orders(asked)

        assert [outcome.total for outcome in outcomes if isinstance(outcome, OrderView)] == [500, 9999, 500]
        assert len([each for each in seen if each.startswith("WITH incoming")]) == 2

    def test_that_changes_again_and_again_is_told_to_the_customer(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stale = list_offers(["LAMP"])
        shop.sells("LAMP", EUR=9999, version=2)
        monkeypatch.setattr(place, "look_up", lambda skus: stale)

        with pytest.raises(PricesMoved):
            shop.places(LAMP=1, key="k")

        assert not Order.objects.exists()
        assert not PlacementClaim.objects.exists()

    def test_keeps_what_was_placed_when_the_rest_cannot_be_looked_up(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(_: object) -> Any:
            raise OperationalError("away")

        shop.places(LAMP=1, SHADE=1)
        shop.sells("LAMP", EUR=9999, version=2)
        monkeypatch.setattr(place, "look_up", away)

        placed, failed = services.place_orders([wanted(shop, "SHADE"), wanted(shop, "LAMP")])

        assert isinstance(placed, OrderView)
        assert isinstance(failed, OperationalError)

    def test_keeps_what_was_placed_when_nobody_says_whether_the_price_book_is_whole(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away() -> Any:
            raise OperationalError("away")

        monkeypatch.setattr(place, "is_incomplete", away)

        placed, failed = services.place_orders([wanted(shop, "LAMP"), wanted(shop, "NONE")])

        assert isinstance(placed, OrderView)
        assert isinstance(failed, OperationalError)

    def test_is_bounded(self, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(remembered, "MOST", 1)

        for sku in ("LAMP", "SHADE", "LAMP"):
            shop.places(**{sku: 1})

        assert set(remembered._offers) == {"LAMP"}


class TestIdempotencyKey:
    def test_gives_the_first_order_again(self, shop: Shop) -> None:
        first = shop.places(key="k", LAMP=1)
        again = shop.places(key="k", LAMP=1)

        assert again == first
        assert Order.objects.count() == 1

    def test_refuses_another_request_under_the_same_key(self, shop: Shop) -> None:
        shop.places(key="k", LAMP=1)

        with pytest.raises(KeyReused):
            shop.places(key="k", LAMP=2)

    def test_belongs_to_its_customer(self, shop: Shop, stranger: object) -> None:
        mine = shop.places(key="k", LAMP=1)
        theirs = shop.places(key="k", LAMP=1, customer_id=stranger)

        assert theirs.id != mine.id

    def test_is_let_go_after_a_day(self, shop: Shop) -> None:
        first = shop.places(key="k", LAMP=1)
        PlacementClaim.objects.update(created_at=first.placed_at - timedelta(hours=25))

        later = shop.places(key="k", LAMP=2)

        assert later.id != first.id


@pytest.mark.django_db(databases=["orders"], transaction=True)
class TestTogether:
    def test_twenty_at_once_with_one_key_make_one_order(self, shop: Shop) -> None:
        def place(_: int) -> object:
            try:
                return shop.places(key="k", LAMP=1)
            finally:
                connections[DATABASE].close()

        with ThreadPoolExecutor(20) as pool:
            orders = list(pool.map(place, range(20)))

        assert len({order.id for order in orders}) == 1
        assert Order.objects.count() == OrderLine.objects.count() == 1
        assert len(store.stream(str(orders[0].id))) == 1


@pytest.mark.django_db(databases=["orders"], transaction=True)
class TestAmongMany:
    def test_who_is_refused_with_a_key_that_served_before_is_to_be_placed_alone(self, shop: Shop) -> None:
        shop.places(LAMP=1, key="used")
        lines = [services.Line(sku="NONE", quantity=1, position=0)]
        claims = [services.Claim(key=key, fingerprint="f") for key in ("used", "new")]
        wanted = [
            services.Wanted(customer_id=shop.customer_id, lines=lines, currency="EUR", claim=claim) for claim in claims
        ]

        with statements(DATABASE) as seen:
            used, new = place.place_waiting_orders(wanted)

        assert isinstance(used, services.NotTogether)
        assert isinstance(new, NotForSale)
        assert len([each for each in seen if "placementclaim" in each]) == 1

    def test_two_with_such_a_key_are_both_to_be_placed_alone(self, shop: Shop) -> None:
        shop.places(LAMP=1, key="used")
        lines = [services.Line(sku="NONE", quantity=1, position=0)]
        claim = services.Claim(key="used", fingerprint="f")
        again = services.Wanted(customer_id=shop.customer_id, lines=lines, currency="EUR", claim=claim)

        outcomes = place.place_waiting_orders([again, again])

        assert [type(each) for each in outcomes] == [services.NotTogether] * 2

    def test_who_is_placed_hears_so_when_nobody_says_whether_others_were_before(
        self, shop: Shop, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def away(_: object) -> Any:
            raise OperationalError("away")

        lines = [services.Line(sku="NONE", quantity=1, position=0)]
        claim = services.Claim(key="k", fingerprint="f")
        doubtful = services.Wanted(customer_id=shop.customer_id, lines=lines, currency="EUR", claim=claim)
        monkeypatch.setattr(place, "list_claimed", away)

        placed, failed = place.place_waiting_orders([wanted(shop, "LAMP"), doubtful])

        assert isinstance(placed, OrderView)
        assert isinstance(failed, OperationalError)
