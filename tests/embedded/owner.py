"""Somebody else who owns engines."""

import json
import subprocess
import sys
from pathlib import Path

from nexus.embedded.identity import Identity
from nexus.embedded.launcher import ENGINES

REPOSITORY = Path(__file__).parents[2]
SAY_ADDRESSES_AND_WAIT = """
import json, os, sys
print(json.dumps({name: value for name, value in os.environ.items() if name.startswith("NEXUS_")}), flush=True)
sys.stdin.read()
"""


class Owner:
    """``python -m nexus.embedded exec`` in a process of its own, holding engines until it is told otherwise."""

    def __init__(self, var: Path, *options: str) -> None:
        self.var = var
        words = [sys.executable, "-m", "nexus.embedded", "exec", "--var", str(var), *options]
        self.process = subprocess.Popen(
            [*words, "--", sys.executable, "-c", SAY_ADDRESSES_AND_WAIT],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def addresses(self) -> dict[str, str]:
        said = self.process.stdout.readline()
        assert said, self.process.stderr.read()
        return json.loads(said)

    def engines(self) -> dict[str, Identity]:
        return recorded(self.var)

    def end(self) -> int:
        """Let the command come to its end."""
        self.process.stdin.close()
        return self.process.wait(timeout=30)

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def recorded(var: Path) -> dict[str, Identity]:
    kinds = [kind(var=var, durable=True) for kind in ENGINES]
    return {kind.title: identity for kind in kinds if (identity := Identity.read(file=kind.record))}
