"""
Runs the processes of a mix: ``python -m tests.mixed.supervise "old web" TREE 8080 8081``.

TREE has the version before; the second port is for its web where that of this version runs beside it.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from nexus.embedded.supervised import shape_named, supervise
from tests.mixed.mixes import SHOPS, mixed


def main(words: Sequence[str]) -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.mixed.supervise", description=__doc__)
    parser.add_argument("mix", choices=SHOPS)
    parser.add_argument("before", type=Path)
    parser.add_argument("port", type=int)
    parser.add_argument("second_port", type=int)
    options = parser.parse_args(words)
    mix = SHOPS[options.mix]
    shape = shape_named(mix.shape, port=options.port, var=Path(os.environ["NEXUS_VAR"]))
    return supervise(mixed(shape, mix=mix, before=options.before, second_door=options.second_port))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
