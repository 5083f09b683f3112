"""The model's tables, in docs/scale.md and on a terminal."""

from collections.abc import Callable, Mapping, Sequence

from benchmarks.capacity.model import ENGINES, MANIFESTS, PROCESSES, Need, Wall

Cell = Callable[[Need], str]


def _engine(stage: str) -> Cell:
    return lambda each: f"{each.cores[stage]:,.2f} cores"


def _process(stage: str) -> Cell:
    return lambda each: f"{each.processes[stage]:,} ({each.cores[stage]:,.2f} cores)"


ROWS: Sequence[tuple[str, Cell]] = [
    ("orders a second", lambda each: f"{each.orders_a_minute / 60:,.1f}"),
    *((f"processes: {stage}", _process(stage)) for stage in PROCESSES),
    *((stage, _engine(stage)) for stage in ENGINES),
    ("all cores, busy", lambda each: f"{each.total_cores:,.1f}"),
    ("memory of our processes", lambda each: f"{each.memory_gb:,.1f} GB"),
    ("kept on disk a day: orders", lambda each: f"{each.disk_gb_a_day['orders']:,.1f} GB"),
    ("kept on disk a day: inventory", lambda each: f"{each.disk_gb_a_day['inventory']:,.1f} GB"),
    ("WAL a second, to each standby too", lambda each: f"{each.wal_mb_a_second:,.2f} MB"),
    ("WAL a day", lambda each: f"{each.wal_gb_a_day:,.1f} GB"),
    ("commits a second", lambda each: f"{each.commits_a_second:,.0f}"),
    ("syncs of WAL a second", lambda each: f"{each.syncs_a_second:,.0f}"),
    ("connections to PostgreSQL, at most", lambda each: f"{each.connections:,}"),
    (
        "events told a second: orders, inventory",
        lambda each: ", ".join(f"{n:,.0f}" for n in each.events_a_second.values()),
    ),
    ("messages to RabbitMQ a second, at most", lambda each: f"{each.messages_a_second:,.0f}"),
]


def table_of(needs: Sequence[Need]) -> list[str]:
    """What each rate needs, a column for each."""
    heads = [f"{each.orders_a_minute:,} a minute" for each in needs]
    rows = [[name, *(cell(each) for each in needs)] for name, cell in ROWS]
    return _table(["", *heads], rows)


def walls_of(walls: Sequence[Wall]) -> list[str]:
    """Where more of the same stops to help."""
    rows = [[f"{_round(wall.orders_a_minute):,}", wall.what, wall.how_known] for wall in walls]
    return _table(["orders a minute", "wall", "how that is known"], rows)


def manifests_of(rates: Mapping[str, float]) -> list[str]:
    """What the manifests carry, stage by stage."""
    rows = [[stage, f"{MANIFESTS[stage]:.0f}", f"{_round(rate):,}"] for stage, rate in rates.items()]
    return _table(["stage", "cores at its most", "orders a minute"], rows)


def _round(rate: float) -> int:
    """Two digits: more would claim to know more."""
    return int(float(f"{rate:.1e}"))


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    ruler = ["---"] * len(heads)
    return [f"| {' | '.join(cells)} |" for cells in (heads, ruler, *rows)]
