"""The cache answers questions and never lies about a sale: newest version wins, and without it the database answers."""

from datetime import UTC, datetime, timedelta, tzinfo

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext, override_settings

from nexus.inventory import cache, selectors, services
from nexus.inventory.cache import Level
from nexus.inventory.exceptions import ItemNotFound
from nexus.inventory.models import DATABASE, Stock
from nexus.inventory.services import reconcile
from nexus.inventory.services.reconcile import CacheAway, Rounds
from tests.inventory.conftest import Stockroom

pytestmark = pytest.mark.django_db(databases=["inventory"])
NOWHERE = {"default": {"BACKEND": "django_redis.cache.RedisCache", "LOCATION": "redis://127.0.0.1:1/0"}}


def level(available: int, version: int) -> Level:
    return Level(sku="LAMP", available=available, version=version, as_of=datetime.now(UTC))


class TestKeepNewest:
    def test_never_goes_back_to_an_older_version(self, clean_redis: object) -> None:
        cache.keep_newest([level(3, 9)])
        cache.keep_newest([level(7, 5)])

        assert cache.find_levels(["LAMP"])["LAMP"].available == 3

    def test_takes_the_newer_one(self, clean_redis: object) -> None:
        cache.keep_newest([level(7, 5)])
        cache.keep_newest([level(3, 9)])

        assert cache.find_levels(["LAMP"])["LAMP"].version == 9


class TestGetLevel:
    def test_comes_from_the_database_first_and_from_the_cache_then(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=5)

        views = [selectors.get_level("LAMP") for _ in range(2)]

        assert [view.source for view in views] == ["database", "cache"]
        assert {view.level.available for view in views} == {5}

    def test_asks_the_database_nothing_when_the_cache_knows(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=5)
        selectors.get_level("LAMP")

        with CaptureQueriesContext(connections[DATABASE]) as queries:
            selectors.get_level("LAMP")

        assert len(queries) == 0

    def test_comes_from_the_database_when_redis_is_away(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=5)

        with override_settings(CACHES=NOWHERE):
            view = selectors.get_level("LAMP")

        assert (view.level.available, view.source) == (5, "database")

    def test_knows_what_it_does_not_know(self, stockroom: Stockroom) -> None:
        with pytest.raises(ItemNotFound):
            selectors.get_level("GHOST")


@pytest.mark.django_db(databases=["inventory"], transaction=True)
class TestRefreshing:
    def test_follows_every_commit(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=5)

        stockroom.reserve(LAMP=2)

        assert cache.find_levels(["LAMP"])["LAMP"].available == 3
        assert selectors.get_level("LAMP").level.available == 3
        assert selectors.get_level("LAMP").source == "cache"

    def test_selling_goes_on_without_redis(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=5)

        with override_settings(CACHES=NOWHERE):
            order_id = stockroom.reserve(LAMP=2)

        assert stockroom.told_about(order_id) == ["StockReserved"]


class TestReconcileCache:
    def test_fills_an_emptied_cache(self, stockroom: Stockroom, clean_redis: object) -> None:
        stockroom.has(LAMP=5, SHADE=2)
        clean_redis.flushdb()

        services.reconcile_cache()

        assert {sku: found.available for sku, found in cache.find_levels(["LAMP", "SHADE"]).items()} == {
            "LAMP": 5,
            "SHADE": 2,
        }

    def test_mends_what_a_killed_worker_left_stale(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=5)
        selectors.get_level("LAMP")
        Stock.objects.update(reserved=4, version=50)

        services.reconcile_recent_changes()

        assert selectors.get_level("LAMP").level.available == 1

    def test_mends_a_cache_that_is_ahead_of_a_restored_database(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=5)
        cache.keep_newest([level(0, 1_000_000)])

        services.reconcile_cache()

        assert selectors.get_level("LAMP").level.available == 5

    def test_makes_up_for_a_round_that_did_not_get_through(self, stockroom: Stockroom) -> None:
        stockroom.has(LAMP=5)
        rounds = Rounds()
        rounds()
        cache.keep_newest([level(9, 40)])
        Stock.objects.update(reserved=4, version=50, updated_at=datetime.now(UTC) - timedelta(hours=2))
        rounds._through -= timedelta(hours=3).total_seconds()

        with override_settings(CACHES=NOWHERE), pytest.raises(CacheAway):
            rounds()
        cache.wake()
        rounds()

        assert selectors.get_level("LAMP").level.available == 1

    def test_goes_on_when_the_wall_clock_is_set_back(
        self, stockroom: Stockroom, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class TwoHoursAhead(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:
                return datetime.now(tz) + timedelta(hours=2)

        stockroom.has(LAMP=5)
        rounds = Rounds()
        with monkeypatch.context() as patch:
            patch.setattr(reconcile, "datetime", TwoHoursAhead, raising=False)
            rounds()
        Stock.objects.update(reserved=4, version=50, updated_at=datetime.now(UTC))

        rounds()

        assert selectors.get_level("LAMP").level.available == 1
