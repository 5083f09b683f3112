"""Two revisions by turns on the same machine: A B, B A, A B … so that whatever drifts meanwhile meets both."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from benchmarks.bench import Run, running_bench
from benchmarks.figures import median
from benchmarks.options import Options
from benchmarks.scenarios import measure_orders
from benchmarks.shop import ROOT


def compare(options: Options, *, folder: Path) -> int:
    """Print the confirmed orders a second of each pair, their ratio B to A, and its median; the exit status."""
    assert options.compare
    ratios, broken = [], 0
    with checked_out(options.compare[0], folder / "a") as a, checked_out(options.compare[1], folder / "b") as b:
        for pair in range(options.runs):
            turns = [("a", a), ("b", b)] if pair % 2 == 0 else [("b", b), ("a", a)]
            found = {name: _run_once(options, root=root, var=folder / f"{name}{pair}") for name, root in turns}
            rates = {name: run["confirmed"] for name, run in found.items()}
            broken += sum(len(run["broken"]) for run in found.values())
            ratios.append(rates["b"] / rates["a"])
            print(f"pair {pair + 1}: A {rates['a']:,.0f}/s  B {rates['b']:,.0f}/s  B/A {ratios[-1]:.3f}", flush=True)
    print(f"median B/A {median(ratios):.3f}" + (f", {broken} promises broken" if broken else ""))
    return int(bool(broken))


@contextmanager
def checked_out(revision: str, folder: Path) -> Iterator[Path]:
    """
    A working tree of the revision, removed at the end.

    :raises subprocess.CalledProcessError: there is no such revision
    """
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", str(folder), revision], check=True)
    try:
        yield folder
    finally:
        subprocess.run([*git, "remove", "--force", str(folder)], check=False)


def _run_once(options: Options, *, root: Path, var: Path) -> Run:
    var.mkdir(mode=0o755)
    with running_bench(replace(options, runs=1), var=var, root=root) as bench:
        run = measure_orders(bench)
        run["broken"] = bench.shop.findings()
    shutil.rmtree(var, ignore_errors=True)
    return run
