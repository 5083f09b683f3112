"""Which processes of a shop are the version before, and which are this one."""

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nexus.embedded.shapes import Part, Shape

SERVER = """
import json, sys
from nexus.embedded.run import server_command
print(json.dumps(server_command(port=int(sys.argv[1]), workers=int(sys.argv[2]))))
"""
NOTHING: frozenset[str] = frozenset()
WORKERS = frozenset({"worker orders", "worker inventory", "worker catalog"})


@dataclass(frozen=True, kw_only=True)
class Mix:
    """
    A shape, and the names of those of its parts that are of the version `before`, or there twice, as `both`.

    The demo shop in it was made by the version before, and this one brought its databases up to date; one that is
    `rolled_back` was made by this version.
    """

    name: str
    shape: str = "monolith"
    before: frozenset[str] = NOTHING
    both: frozenset[str] = NOTHING
    rolled_back: bool = False

    def versions_of(self, part: str) -> tuple[str, ...]:
        """``before``, ``now`` or both of them, of the part of that name."""
        if part in self.both:
            return ("before", "now")
        return ("before",) if part in self.before else ("now",)


EVERYTHING = frozenset({"web", "relay"}) | WORKERS
SOME = frozenset({"relay", "worker orders"})
INVENTORY = frozenset({"inventory", "relay of inventory", "worker of inventory"})
BESIDE_INVENTORY = frozenset(
    {"accounts", "relay of accounts", "catalog", "relay of catalog", "worker of catalog"}
    | {"orders", "relay of orders", "worker of orders"}
)
MIXES = {
    mix.name: mix
    for mix in (
        Mix(name="both doors", both=frozenset({"web", "worker inventory"}), before=SOME),
        Mix(name="old web", before=frozenset({"web"})),
        Mix(name="new web", before=frozenset({"relay"}) | WORKERS),
        Mix(name="side by side", both=EVERYTHING),
        Mix(name="rolled back", before=EVERYTHING, rolled_back=True),
        Mix(name="old inventory", shape="services", before=INVENTORY),
        Mix(name="new inventory", shape="services", before=BESIDE_INVENTORY),
    )
}
STAGES = ("all before", "all now", "rolled back")
"""A shop's way through an upgrade and back, one after the other over the same data."""
SHOPS = MIXES | {"all before": Mix(name="all before", before=EVERYTHING), "all now": Mix(name="all now")}
"""All that can be opened by name."""
IN_CI = ("both doors",)
"""All kinds of meeting at once: requests reach both versions in turn, and an order's messages pass between them."""


def mixed(shape: Shape, *, mix: Mix, before: Path, second_door: int) -> Shape:
    """The shape with its parts in the versions that the mix says; `before` is the tree of the version before."""

    def versions(parts: Sequence[Part]) -> Iterator[Part]:
        for part in parts:
            versions = mix.versions_of(part.name)
            if "before" in versions:
                door = second_door if part.port and len(versions) > 1 else part.port
                yield _of_before(part, tree=before, port=door)
            if "now" in versions:
                yield part

    return Shape(carriers=list(versions(shape.carriers)), doors=list(versions(shape.doors)))


def _of_before(part: Part, *, tree: Path, port: int) -> Part:
    command = _served_by(tree, port=port, like=part.command) if part.port else part.command
    return replace(part, name=f"{part.name}, before", command=in_tree(tree, command), port=port)


def _served_by(tree: Path, *, port: int, like: Sequence[str]) -> list[str]:
    """The command by which that version serves, with as many workers as in this one's."""
    workers = like[like.index("--workers") + 1]
    words = [sys.executable, "-c", SERVER, str(port), workers]
    said = subprocess.run(words, cwd=tree, capture_output=True, text=True, check=True, timeout=60).stdout
    command: list[str] = json.loads(said)
    return command


def in_tree(tree: Path, command: Sequence[str]) -> list[str]:
    """The command as run in the folder: Python finds the code of that version there."""
    return ["/bin/sh", "-c", 'cd "$0" && exec "$@"', str(tree), *command]


def manage(*words: str) -> list[str]:
    """A management command of whichever version the folder has."""
    return [sys.executable, "manage.py", *words]
