"""How much may be repeated, who is ejected, and what may be said again later."""

from dataclasses import dataclass

import pytest

from nexus.gateway.upstream.budget import Budget
from nexus.gateway.upstream.outliers import INTERVAL, REST, Outliers, eject
from nexus.gateway.upstream.stale import LONGEST, StaleAnswers, may_be_kept


class TestBudget:
    @pytest.mark.parametrize("requests", [10, 100, 1000])
    def test_retries_are_a_tenth_of_the_requests(self, requests: int) -> None:
        budget = Budget(reserve=0.0)
        granted = 0
        for _ in range(requests):
            budget.deposit()
            granted += budget.withdraw()

        assert granted == requests // 10

    def test_a_shop_with_little_to_do_has_some_in_reserve(self) -> None:
        budget = Budget()

        assert [budget.withdraw() for _ in range(6)] == [True] * 5 + [False]

    def test_quiet_hours_do_not_save_up_for_a_storm(self) -> None:
        budget = Budget()
        for _ in range(100_000):
            budget.deposit()

        assert sum(budget.withdraw() for _ in range(1000)) == 50


@dataclass(eq=False)
class Each:
    answered: int = 100
    wrong: int = 0
    ejected_until: float = float("-inf")
    ejections: int = 0


class TestEject:
    def test_who_fails_far_more_than_the_others(self) -> None:
        good, usual, bad = Each(wrong=1), Each(wrong=4), Each(wrong=30)

        assert eject([good, usual, bad], now=0.0) == [bad]
        assert bad.ejected_until == REST

    def test_nobody_when_all_fail_alike(self) -> None:
        assert eject([Each(wrong=70), Each(wrong=80), Each(wrong=90)], now=0.0) == []

    def test_nobody_for_a_few_failures(self) -> None:
        assert eject([Each(), Each(), Each(wrong=9)], now=0.0) == []

    def test_nobody_among_two(self) -> None:
        assert eject([Each(), Each(wrong=100)], now=0.0) == []

    def test_nobody_who_was_hardly_asked(self) -> None:
        assert eject([Each(), Each(), Each(), Each(answered=19, wrong=19)], now=0.0) == []

    def test_no_more_than_half(self) -> None:
        bad = [Each(wrong=50), Each(wrong=60)]
        crowd = [Each(), Each(), Each(), *bad]

        assert eject(crowd, now=0.0) == [bad[1], bad[0]]
        for each in crowd:
            each.answered, each.wrong = 100, 0
        crowd[0].wrong = 100
        assert eject(crowd, now=1.0) == []

    def test_for_longer_each_time(self) -> None:
        bad = Each(wrong=50, ejections=2)
        eject([Each(), Each(), bad], now=10.0)

        assert bad.ejected_until == 10.0 + 3 * REST

    def test_counts_anew_each_time(self) -> None:
        crowd = [Each(), Each(), Each(wrong=50)]
        eject(crowd, now=0.0)

        assert [(each.answered, each.wrong) for each in crowd] == [(0, 0)] * 3

    def test_looks_only_once_in_a_while(self) -> None:
        now = 0.0
        outliers = Outliers(clock=lambda: now)
        crowd = [Each(), Each(), Each(wrong=50)]

        assert outliers.look(crowd) == []
        now = INTERVAL
        assert outliers.look(crowd) == [crowd[2]]


class TestStaleAnswers:
    def test_says_how_old_it_is(self) -> None:
        now = 0.0
        stale = StaleAnswers(clock=lambda: now)
        stale.keep((b"/a",), headers=[], body=b"one")
        now = 7.9

        kept, age = stale.find((b"/a",)) or pytest.fail("it is gone")

        assert (kept.body, age) == (b"one", 7)

    def test_forgets_what_is_too_old(self) -> None:
        now = 0.0
        stale = StaleAnswers(clock=lambda: now)
        stale.keep((b"/a",), headers=[], body=b"one")
        now = LONGEST + 1

        assert stale.find((b"/a",)) is None

    def test_forgets_first_what_was_not_needed_for_longest(self) -> None:
        stale = StaleAnswers(most=2)
        for name in (b"/a", b"/b"):
            stale.keep((name,), headers=[], body=name)
        stale.find((b"/a",))
        stale.keep((b"/c",), headers=[], body=b"/c")

        assert [bool(stale.find((name,))) for name in (b"/a", b"/b", b"/c")] == [True, False, True]

    @pytest.mark.parametrize(
        ("status", "headers", "kept"),
        [
            (200, [(b"etag", b'"1"')], True),
            (200, [(b"cache-control", b"no-cache")], True),
            (200, [(b"cache-control", b"private, max-age=5")], False),
            (200, [(b"cache-control", b"No-Store")], False),
            (200, [(b"set-cookie", b"a=1")], False),
            (200, [(b"cache-control", b"private"), (b"cache-control", b"max-age=5")], False),
            (200, [(b"vary", b"Accept, Cookie")], True),
            (200, [(b"vary", b"Accept"), (b"vary", b"X-Plan")], False),
            (200, [(b"vary", b"*")], False),
            (404, [], False),
            (206, [], False),
            (304, [], False),
        ],
    )
    def test_keeps_only_what_anybody_may_see(self, status: int, headers: list[tuple[bytes, bytes]], kept: bool) -> None:
        assert may_be_kept(status, headers) is kept
