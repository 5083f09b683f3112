"""
Opens a shop that is being upgraded: ``python -m tests.mixed.run "old web" --before TREE --var FOLDER``.

As ``make run SHAPE=…`` does it. The version before makes the shop; this one then prepares the databases, first of all,
as a rolling upgrade does; then the processes of both start.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nexus.embedded.broker import broker
from nexus.embedded.errors import EmbeddedError
from nexus.embedded.interrupts import Terminated
from nexus.embedded.progress import Progress
from nexus.embedded.run import Shop, Step
from nexus.embedded.supervised import port_of
from tests.mixed.mixes import SHOPS, Mix, in_tree, manage


@dataclass(frozen=True, kw_only=True)
class Opening:
    """What is opened where: `before` is the tree of the version before, `doors` the ports of this one's web and its."""

    mix: Mix
    before: Path
    var: Path
    doors: tuple[int, int]

    def steps(self) -> list[Step]:
        """Make the shop, if there is none yet, and only then migrate it; what is rolled back was migrated before."""
        upgrade = Step(title="preparing the databases for this version", command=manage("prepare", "--roles"))
        # Filled without a broker, so that no other process is needed. The relay, which begins where the log does, then
        # gives everything out once more.
        fill = ["/usr/bin/env", "NEXUS_EVENT_BUS=inprocess", *manage("demo", "--once")]
        if self.mix.rolled_back:
            return [upgrade, Step(title="filling the demo shop", command=fill)]
        if (self.var / "demo.json").exists():
            return [upgrade]
        make = Step(title="preparing the databases as before", command=in_tree(self.before, manage("prepare")))
        return [make, Step(title="filling the demo shop as before", command=in_tree(self.before, fill)), upgrade]

    def supervised(self) -> list[str]:
        """The command that runs the processes."""
        ports = [str(port) for port in self.doors]
        return [sys.executable, "-m", "tests.mixed.supervise", self.mix.name, str(self.before), *ports]


def main(words: Sequence[str]) -> int:
    """The exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.mixed.run", description=__doc__)
    parser.add_argument("mix", choices=SHOPS)
    parser.add_argument("--before", type=Path, required=True)
    parser.add_argument("--second-port", type=int, required=True)
    parser.add_argument("--var", type=Path, required=True)
    options = parser.parse_args(words)
    mix, var, port = SHOPS[options.mix], options.var.resolve(), int(os.environ["NEXUS_PORT"])
    opening = Opening(mix=mix, before=options.before.resolve(), var=var, doors=(port, options.second_port))
    staff = partial(port_of, "accounts", var=var) if mix.shape == "services" else lambda: 0
    shop = Shop(
        var=var,
        port=port,
        progress=Progress(stream=sys.stdout),
        steps=opening.steps(),
        server=opening.supervised(),
        broker=broker,
        staff_port=staff,
    )
    try:
        return shop.run()
    except EmbeddedError as error:
        print(f"nexus: {error}", file=sys.stderr)
        return 1
    except (Terminated, KeyboardInterrupt):
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
