"""The book-keeping of the drills; they themselves are in test_drills.py."""

from collections import Counter
from types import SimpleNamespace

import pytest

from tests.chaos.checker import Finding
from tests.clusters.__main__ import DRILLS, GUARDS
from tests.clusters.result import DrillResult, longest_gap
from tests.clusters.shopkeeper import Shopkeeper
from tests.nightly.__main__ import CLUSTERS


class TestTheResult:
    def test_says_what_customers_saw_and_what_was_found(self) -> None:
        result = DrillResult(title="cluster postgres", statuses=Counter(confirmed=2), accepted=2, refused=7)

        assert "orders placed: 2 | accepted: 2 | confirmed: 2 | refused with 503: 7 | no answer: 0" in result.row
        assert result.row.endswith("| lost: 0 | double effects: 0 | oversold: 0 | drift: 0 | stuck: 0 | "
                                   "duplicates absorbed: 0 | PASSED")  # fmt: skip

    def test_fails_with_a_finding(self) -> None:
        lost = Finding("an order that was answered is there", "lost", 3, "one")

        assert DrillResult(title="cluster postgres", findings=[lost]).row.endswith("FAILED")

    @pytest.mark.parametrize(("moments", "gap"), [([], 0), ([4.0], 0), ([9.0, 1.0, 4.0], 5.0)])
    def test_knows_the_longest_pause(self, moments: list[float], gap: float) -> None:
        assert longest_gap(moments) == gap


class TestTheShopkeeper:
    @pytest.mark.parametrize(
        ("names", "shown", "lost"),
        [
            (["Change 1. red", "Change 11. red"], "Change 11.", []),
            (["Change 11. red"], "Change 11.", ["a change that was answered is told"]),
            (["Change 1. red", "Change 11. red"], "Change 1.", ["a change that was answered is there"]),
        ],
    )
    def test_misses_what_was_answered(self, names: list[str], shown: str, lost: list[str]) -> None:
        keeper = Shopkeeper.__new__(Shopkeeper)
        keeper.done = {1: "lamp", 11: "lamp"}
        keeper.shop = SimpleNamespace(call=lambda *_: SimpleNamespace(body={"name": shown}))
        log = SimpleNamespace(find=lambda *_: [{"data": f'{{"name":"{name}"}}'} for name in names])

        assert [finding.name for finding in keeper.findings({"event_log": log})] == lost


class TestTheNight:
    def test_has_every_drill_and_tries_each_without_its_guard(self) -> None:
        assert {name: name in GUARDS for name in DRILLS} == CLUSTERS
