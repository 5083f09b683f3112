"""When an instance is left alone, and when it is asked again."""

from collections.abc import Callable

import pytest

from nexus.gateway.upstream.breaker import FIRST_REST, IN_A_ROW, LONGEST_REST, WINDOW, YOUNG, Breaker, State


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker(clock=clock, jitter=lambda: 1.0)


def failed(breaker: Breaker, probe: bool) -> None:
    breaker.failed(probe=probe)


def succeeded(breaker: Breaker, probe: bool) -> None:
    breaker.succeeded(probe=probe)


def abandoned(breaker: Breaker, probe: bool) -> None:
    breaker.abandoned(probe=probe)


def ask(breaker: Breaker, outcome: Callable[[Breaker, bool], None], times: int = 1) -> None:
    for _ in range(times):
        assert breaker.allows
        outcome(breaker, breaker.begin())


def test_opens_after_failures_in_a_row(breaker: Breaker) -> None:
    ask(breaker, failed, IN_A_ROW - 1)
    assert breaker.state is State.CLOSED

    ask(breaker, failed)

    assert breaker.state is State.OPEN
    assert not breaker.allows


def test_a_success_between_begins_the_row_anew(breaker: Breaker) -> None:
    ask(breaker, failed, IN_A_ROW - 1)
    ask(breaker, succeeded)
    ask(breaker, failed, IN_A_ROW - 1)

    assert breaker.state is State.CLOSED


def test_opens_when_half_of_the_last_twenty_failed(breaker: Breaker) -> None:
    for _ in range(WINDOW // 2 - 1):
        ask(breaker, succeeded)
        ask(breaker, failed)
    ask(breaker, succeeded)
    assert breaker.state is State.CLOSED

    ask(breaker, failed)

    assert breaker.state is State.OPEN


def test_lets_one_probe_pass_when_it_has_rested(breaker: Breaker, clock: Clock) -> None:
    ask(breaker, failed, IN_A_ROW)
    clock.now += FIRST_REST

    assert breaker.allows
    breaker.begin()

    assert breaker.state is State.HALF_OPEN
    assert not breaker.allows


def test_closes_when_the_probe_succeeds(breaker: Breaker, clock: Clock) -> None:
    ask(breaker, failed, IN_A_ROW)
    clock.now += FIRST_REST
    ask(breaker, succeeded)

    assert breaker.state is State.CLOSED
    ask(breaker, failed, IN_A_ROW - 1)
    assert breaker.state is State.CLOSED


def test_rests_twice_as_long_after_each_failed_probe(breaker: Breaker, clock: Clock) -> None:
    ask(breaker, failed, IN_A_ROW)
    rests = [breaker.rests_for]
    for _ in range(6):
        clock.now += breaker.rests_for
        ask(breaker, failed)
        rests.append(breaker.rests_for)

    assert rests == [FIRST_REST * 2**times for times in range(7)]
    clock.now += 1000
    ask(breaker, failed)
    assert breaker.rests_for == LONGEST_REST


def test_rests_no_longer_when_there_is_nobody_to_burden(breaker: Breaker, clock: Clock) -> None:
    ask(breaker, failed, IN_A_ROW)
    for _ in range(3):
        clock.now += breaker.rests_for
        breaker.failed(probe=breaker.begin(), reached=False)

    assert breaker.rests_for == FIRST_REST


def test_who_is_away_may_be_back_when_its_rest_is_over(breaker: Breaker) -> None:
    assert not breaker.may_be_back_within(1.0), "it is there"
    ask(breaker, failed, IN_A_ROW)

    assert breaker.may_be_back_within(FIRST_REST)
    assert not breaker.may_be_back_within(FIRST_REST / 2)


def test_who_has_only_just_gone_was_well_lately(breaker: Breaker, clock: Clock) -> None:
    assert breaker.was_well_lately
    ask(breaker, failed, IN_A_ROW)
    assert breaker.was_well_lately
    clock.now += YOUNG
    assert not breaker.was_well_lately


def test_a_probe_whose_client_left_says_nothing(breaker: Breaker, clock: Clock) -> None:
    ask(breaker, failed, IN_A_ROW)
    clock.now += FIRST_REST
    ask(breaker, abandoned)

    assert breaker.state is State.OPEN
    assert breaker.allows


@pytest.mark.parametrize("outcome", [succeeded, failed, abandoned])
def test_what_was_under_way_when_it_opened_changes_nothing(
    breaker: Breaker, clock: Clock, outcome: Callable[[Breaker, bool], None]
) -> None:
    """Whether the probe is still to come or under way itself."""
    ask(breaker, failed, IN_A_ROW)
    clock.now += FIRST_REST / 2
    outcome(breaker, False)
    assert (breaker.state, breaker.rests_for) == (State.OPEN, FIRST_REST / 2)

    clock.now += FIRST_REST / 2
    breaker.begin()
    outcome(breaker, False)

    assert breaker.state is State.HALF_OPEN
    assert not breaker.allows


def test_tells_of_each_change(clock: Clock) -> None:
    told: list[State] = []
    breaker = Breaker(clock=clock, jitter=lambda: 1.0, moved=told.append)
    ask(breaker, failed, IN_A_ROW)
    clock.now += FIRST_REST
    ask(breaker, succeeded)

    assert told == [State.OPEN, State.HALF_OPEN, State.CLOSED]
