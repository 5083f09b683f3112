"""The night's book-keeping: when it stops, and what it calls a failure."""

from collections.abc import Iterator

from tests.nightly.__main__ import GUARDS, Outcome, Step, carry_out, nightly, round_of


def steps(*names: str) -> Iterator[Step]:
    return (Step(name=name, words=[name], mark="|") for name in names)


def outcome(step: Step, *, status: int = 0, seconds: float = 0.0) -> Outcome:
    return Outcome(step=step, status=status, seconds=seconds, output="much\nfirst | row\nsecond | row\nmore")


class TestNightly:
    def test_carries_out_each_step_and_says_a_row(self) -> None:
        said: list[str] = []

        nightly(seconds=60, rounds=iter([steps("chaos", "simulation")]), do=outcome, say=said.append)

        assert said == ["ok      chaos (0 s): second | row", "ok      simulation (0 s): second | row"]

    def test_begins_nothing_that_would_not_end_in_time(self) -> None:
        rounds = iter([steps("chaos", "simulation"), steps("chaos")])

        done = nightly(seconds=60, rounds=rounds, do=lambda step: outcome(step, seconds=61), say=lambda _: None)

        assert [each.step.name for each in done] == ["chaos", "simulation"]

    def test_says_the_end_of_what_failed(self) -> None:
        said: list[str] = []

        [done] = nightly(
            seconds=60, rounds=iter([steps("chaos")]), do=lambda step: outcome(step, status=1), say=said.append
        )

        assert not done.passed
        assert said[1].endswith("second | row\nmore")

    def test_wants_a_run_without_a_guard_to_fail(self) -> None:
        controls = [step for step in round_of(0, seed=1) if step.name.startswith("control")]

        assert [step.words[-1] for step in controls] == list(GUARDS)
        assert [outcome(step, status=1).passed for step in controls] == [True] * len(GUARDS)
        assert not any(outcome(step, status=0).passed for step in controls)

    def test_has_other_seeds_each_round(self) -> None:
        names = [step.name for number in range(3) for step in round_of(number, seed=1)]

        assert len(names) == len(set(names))


class TestAStep:
    def test_is_a_module_whose_marked_line_is_the_result(self) -> None:
        done = carry_out(Step(name="three twos", words=["timeit", "-n", "1", "2 + 2 + 2"], mark="loop"))

        assert done.passed
        assert "best of" in done.row

    def test_that_ends_without_a_result_says_so(self) -> None:
        done = carry_out(Step(name="nothing", words=["no_such_module"], mark="chaos seed"))

        assert not done.passed
        assert done.row.endswith("ended with status 1, no result")
