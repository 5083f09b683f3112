"""
Writes docs/claims.md from the table of claims: ``python -m tests.claims.document``.

With ``--check`` it only says whether the page is stale.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from tests.claims.table import CLAIMS, Claim, State

PAGE = Path(__file__).resolve().parents[2] / "docs" / "claims.md"
INTRODUCTION = """\
# What the original promised

*Made by `make docs` from `tests/claims/table.py`.*

The original Nexus was a README over an empty scaffold. These are its sentences, each with what keeps it here and what
is run to show it. Of {all}, {holds} hold; prepared, that is checked as far as one machine without a container engine
allows: {prepared}; open: {open}.

| | it said | | kept by | shown by |
| --- | --- | --- | --- | --- |
{rows}
"""


def page() -> str:
    """The whole page."""
    states = Counter(claim.state for claim in CLAIMS)
    counts = {state.value: states[state] for state in State}
    return INTRODUCTION.format(rows="\n".join(map(_row, CLAIMS)), all=len(CLAIMS), **counts)


def _row(claim: Claim) -> str:
    kept = "<br>".join(f"[{path}](../{path})" for path in claim.lives_in) or "–"
    shown = "<br>".join(f"`{test}`" for test in claim.tests)
    shown = "<br>".join(filter(None, [shown, claim.note]))
    return f"| {claim.number} | {claim.says} | {claim.state.value} | {kept} | {shown} |"


def main(words: Sequence[str] | None = None) -> int:
    """The exit status: 1 when the page is stale and was only to be checked."""
    parser = argparse.ArgumentParser(description="Write docs/claims.md from the table of claims.")
    parser.add_argument("--check", action="store_true", help="only say whether the page is stale")
    if not parser.parse_args(words).check:
        PAGE.write_text(page())
    elif not PAGE.exists() or PAGE.read_text() != page():
        print(f"{PAGE.name} is stale: run `make docs`")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
