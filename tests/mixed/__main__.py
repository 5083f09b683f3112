"""
``python -m tests.mixed``: the suite over every mix of the version before with this one, and a row for each.

Mixes may be named: ``python -m tests.mixed "old web" "rolled back"``. ``--with v0.1.0`` is another version before.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence

from tests.mixed.mixes import MIXES


def main(words: Sequence[str]) -> int:
    """The exit status: that of pytest."""
    parser = argparse.ArgumentParser(prog="python -m tests.mixed", description=__doc__)
    parser.add_argument("mixes", nargs="*", metavar="MIX", help=", ".join(MIXES))
    parser.add_argument("--with", dest="before", metavar="REVISION", help="default: the newest release, or PREVIOUS")
    options = parser.parse_args(words)
    if unknown := set(options.mixes) - MIXES.keys():
        parser.error(f"no mix is called {', '.join(sorted(unknown))}")
    environment = os.environ | {"MIXES": ",".join(options.mixes) or "all"}
    if options.before:
        environment["MIXED_WITH"] = options.before
    return subprocess.call([sys.executable, "-m", "pytest", "-q", "tests/mixed"], env=environment)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
