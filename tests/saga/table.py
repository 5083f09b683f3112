"""The table in docs/saga.md: what happens, and what comes of it."""

from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "saga.md"


def outcomes() -> dict[str, tuple[str, str]]:
    """The order's status and the reservation's state by what happens; the key is the name of the row's test."""
    rows = [line.strip("| ") for line in DOCUMENT.read_text().splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in row.split(" | ")] for row in rows[2:]]
    return {f"test_{happens.replace(' ', '_')}": (order, reservation) for happens, order, reservation, _ in cells}
