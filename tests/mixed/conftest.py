"""
The suite is run once for each mix, after each other: together they would not fit.

What the version before did not promise yet is not asked of a shop that it is half of: tests which its own suite does
not have are left out, and counted.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.mixed.mixes import IN_CI, MIXES
from tests.mixed.previous import NoHistory, export, previous_revision, suite_of
from tests.mixed.shop import MixedShop, running_mix

HERE = Path(__file__).parent
SUITE = HERE / "test_mixed.py"
_newer = pytest.StashKey[int]()


def mixes() -> tuple[str, ...]:
    """`make nightly` has all: ``MIXES=all`` for pytest; or some by name, with commas between."""
    wanted = os.environ.get("MIXES", "")
    return tuple(MIXES) if wanted == "all" else tuple(wanted.split(",")) if wanted else IN_CI


IS_A_CLONE = (HERE.parents[1] / ".git").exists()
"""What was unpacked from an archive has no version before; a clone that lacks it is an error."""
collect_ignore = [] if os.environ.get("MIXES") == "all" else ["test_upgrade.py"]
if not IS_A_CLONE:
    collect_ignore += ["test_mixed.py", "test_contracts.py"]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    asked = [item for item in items if item.path == SUITE and "shapes" in _module_of(item)]
    if not asked:
        return
    # Where there is no history every test of ours says so; nobody else's need suffer.
    with suppress(NoHistory):
        promised = suite_of(previous_revision())
        newer = [item for item in asked if promised and _name_of(item) not in promised]
        config.stash[_newer] = len({_name_of(item) for item in newer})
        config.hook.pytest_deselected(items=newer)
        items[:] = [item for item in items if item not in newer]


def _module_of(item: pytest.Item) -> str:
    group = item.getparent(pytest.Class)
    return group.obj.__module__ if group else ""


def _name_of(item: pytest.Item) -> str:
    return "::".join(item.nodeid.split("::")[1:]).partition("[")[0]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """A row for each mix, and one for all of them."""
    if not IS_A_CLONE:
        terminalreporter.write_line("mixes: none, for this is no clone and has no version before")
    whole = 0
    for mix in mixes():
        counts = {
            outcome: sum(f"{SUITE.name}::" in report.nodeid and f"[{mix}" in report.nodeid for report in reports)
            for outcome in ("passed", "failed", "error")
            for reports in [terminalreporter.stats.get(outcome, [])]
        }
        if sum(counts.values()):
            told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items() if count)
            newer = config.stash.get(_newer, 0)
            terminalreporter.write_line(f"mix {mix} with {previous_revision()[:12]}: {told}, {newer} not promised then")
            whole += sum(counts.values()) == counts.get("passed")
    if _newer in config.stash:
        terminalreporter.write_line(f"mixes of which all was passed: {whole} of {len(mixes())}")


@pytest.fixture(scope="session")
def before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tree of the version before."""
    return export(previous_revision(), to=tmp_path_factory.mktemp("before") / "tree")


@pytest.fixture(scope="session", params=mixes())
def shop(request: pytest.FixtureRequest, before: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[MixedShop]:
    mix = MIXES[request.param]
    with running_mix(mix, before=before, var=tmp_path_factory.mktemp(mix.name.replace(" ", "-")) / "var") as shop:
        yield shop
