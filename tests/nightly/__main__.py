"""
``python -m tests.nightly --minutes 60``: the long versions, one result row each, for as long as there is time.

The first round has everything once; the rounds after it go on with new seeds.
"""

import argparse
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HANGS_AFTER = 3600.0
GUARDS = ("confirms", "mandatory", "inbox", "guard")
CLUSTERS = {"processes": False, "rabbitmq": True, "postgres": True, "mongodb": True}
"""Clusters, and whether there is something that they can be tried without."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """A command; `mark` is in the line of its output that is the result, `wanted` the exit status that is right."""

    name: str
    words: Sequence[str]
    mark: str
    wanted: int = 0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a step."""

    step: Step
    status: int
    seconds: float
    output: str

    @property
    def passed(self) -> bool:
        return self.status == self.step.wanted

    @property
    def row(self) -> str:
        marked = [line for line in self.output.splitlines() if self.step.mark in line]
        said = marked[-1].strip() if marked else f"ended with status {self.status}, no result"
        return f"{'ok' if self.passed else 'FAILED':7} {self.step.name} ({self.seconds:.0f} s): {said}"


ONCE = (
    *(
        Step(name=f"control without {guard}", words=["tests.chaos", "--without", guard], mark="chaos without", wanted=1)
        for guard in GUARDS
    ),
    Step(name="transports", words=["pytest", "-q", "tests/eventbus/test_conformance.py"], mark=" in "),
    Step(name="shapes", words=["tests.shapes", "all"], mark="shape "),
    Step(name="mixed versions", words=["tests.mixed"], mark="mixes "),
    Step(name="disaster drill", words=["tests.restore.drill"], mark="restore drill"),
    Step(name="older moments", words=["pytest", "-q", "tests/restore/at_night.py"], mark=" in "),
    Step(name="extraction", words=["tests.extraction", "--orders", "6000"], mark="extraction orders"),
    *(
        Step(
            name=f"extraction without {guard}",
            words=["tests.extraction", "--without", guard],
            mark="extraction orders",
            wanted=1,
        )
        for guard in ("fence", "inbox")
    ),
    Step(name="images", words=["tests.deploy.image"], mark="image "),
    *(Step(name=f"cluster {drill}", words=["tests.clusters", drill], mark="cluster ") for drill in CLUSTERS),
    *(
        Step(name=f"cluster {drill} without", words=["tests.clusters", drill, "--without"], mark="cluster ", wanted=1)
        for drill, guarded in CLUSTERS.items()
        if guarded
    ),
)
"""What the first round has beside its seeds."""


def round_of(number: int, *, seed: int) -> Iterator[Step]:
    """What one round does; later ones have other seeds, and no need to see the guards missed again."""
    first, lives = seed + number * 10_000, ["--seeds", "10000", "--processes", "2"]
    words = ["tests.simulation", *lives, "--base", str(first)]
    yield Step(name=f"simulation from {first}", words=words, mark=" broken, ")
    first = seed + number * 1000
    words = ["tests.regions.lives", "--seeds", "1000", "--base", str(first)]
    yield Step(name=f"regions from {first}", words=words, mark="regions: ")
    words = ["tests.regions", "--seed", str(seed + number), "--orders", "600", "--cuts", "12"]
    yield Step(name=f"two regions {seed + number}", words=words, mark="regions seed")
    if number == 0:
        yield from ONCE
    for chaos in range(seed + number * 3, seed + number * 3 + 3):
        words = ["tests.chaos", "--seed", str(chaos), "--orders", "9000", "--faults", "60"]
        yield Step(name=f"chaos {chaos}", words=words, mark="chaos seed")


def carry_out(step: Step) -> Outcome:
    """Run the command to its end; one that hangs is asked to end, so that it takes its engines with it."""
    began, status = time.monotonic(), None
    command = [sys.executable, "-m", *step.words]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        try:
            output, _ = process.communicate(timeout=HANGS_AFTER)
        except subprocess.TimeoutExpired:
            process.terminate()
            output, _ = process.communicate()
            status = -1
    seconds = time.monotonic() - began
    return Outcome(step=step, status=process.returncode if status is None else status, seconds=seconds, output=output)


def nightly(
    *,
    seconds: float,
    rounds: Iterator[Iterator[Step]],
    do: Callable[[Step], Outcome] = carry_out,
    say: Callable[[str], None] = print,
) -> list[Outcome]:
    """
    Carry out steps until the time is up: none is begun that would likely end later, judged by the longest of its kind.
    """
    ends, outcomes, longest = time.monotonic() + seconds, list[Outcome](), dict[str, float]()
    for steps in rounds:
        for step in steps:
            kind = step.words[0]
            if time.monotonic() + longest.get(kind, 0.0) >= ends:
                return outcomes
            outcome = do(step)
            outcomes.append(outcome)
            longest[kind] = max(longest.get(kind, 0.0), outcome.seconds)
            say(outcome.row)
            if not outcome.passed:
                say("\n".join(outcome.output.splitlines()[-40:]))
    return outcomes


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.nightly", description="The long versions of the tests.")
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=int(time.time()) // 86400 * 1000, help="default: of the day")
    options = parser.parse_args(arguments)
    print(f"seeds from {options.seed}", flush=True)
    rounds = (round_of(number, seed=options.seed) for number in count())
    outcomes = nightly(seconds=options.minutes * 60, rounds=rounds, say=lambda line: print(line, flush=True))
    failed = [outcome for outcome in outcomes if not outcome.passed]
    print(f"{len(outcomes)} runs, {len(failed)} failed", *(outcome.row for outcome in failed), sep="\n")
    return 1 if failed or not outcomes else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
