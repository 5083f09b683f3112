"""A process dies at each boundary of commit, publish and acknowledgement: nothing is lost, nothing done twice."""

import pytest

from tests.failpoints.apps import owner_of
from tests.failpoints.shop import FragileShop
from tests.failpoints.stories import STORIES
from tests.failpoints.table import FAILPOINTS, Failpoint


class TestTheTable:
    @pytest.mark.parametrize("target", sorted({point.target for point in FAILPOINTS}))
    def test_names_functions_that_the_code_has(self, target: str) -> None:
        owner, attribute = owner_of(target)

        assert callable(getattr(owner, attribute))

    def test_refuses_a_function_that_was_renamed(self) -> None:
        with pytest.raises(AttributeError, match="write_down"):
            owner_of("nexus.orders.services.place:write_down")

    def test_has_a_story_for_every_place_and_a_place_for_every_story(self) -> None:
        assert {point.story for point in FAILPOINTS} == STORIES.keys()

    def test_names_no_place_twice(self) -> None:
        assert len({point.name for point in FAILPOINTS}) == len(FAILPOINTS)


class TestDying:
    @pytest.mark.parametrize("point", FAILPOINTS, ids=lambda point: point.name)
    def test_loses_nothing_and_doubles_nothing(self, shop: FragileShop, point: Failpoint) -> None:
        shop.arm(point)

        STORIES[point.story](shop, shop.demo()["sku"])

        assert shop.has_died_at(point), "nobody came there"
        shop.until(shop.settled)
        assert shop.offenders() == []

    def test_leaves_every_promise_kept(self, shop: FragileShop) -> None:
        shop.manage("verify")
