"""The suite is run once for each shape; the shapes after each other, for together they would not fit."""

import os
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.kafka import private_kafka
from tests.shapes.shop import ShapedShop, running_shape

SHAPES = ("embedded", "monolith", "services", "services on kafka")
IN_CI = ("embedded", "services")
"""The one with the fewest processes, and the one with the most. `make nightly` has all: ``SHAPES=all`` for pytest."""


def shapes() -> tuple[str, ...]:
    return SHAPES if os.environ.get("SHAPES") == "all" else IN_CI


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """A row for each shape: the same count, or they are not the same shop."""
    for shape in shapes():
        counts = {
            outcome: sum(shape in report.nodeid.rpartition("[")[2].rstrip("]").split("-") for report in reports)
            for outcome in ("passed", "failed", "error")
            if (reports := [each for each in terminalreporter.stats.get(outcome, []) if "tests/shapes" in each.nodeid])
        }
        if counts:
            told = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
            terminalreporter.write_line(f"shape {shape}: {told}")


@pytest.fixture(scope="session", params=shapes())
def shop(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ShapedShop]:
    shape, _, on_kafka = request.param.partition(" on ")
    var = tmp_path_factory.mktemp(shape) / "var"
    with ExitStack() as stack:
        more = {}
        if on_kafka:
            servers = stack.enter_context(private_kafka()).servers
            more = {"NEXUS_EVENT_BUS": "kafka", "NEXUS_KAFKA_SERVERS": servers, "NEXUS_BUS_NAMESPACE": "shape"}
        yield stack.enter_context(running_shape(shape, var=var, **more))
