"""Which process a number means: a pid alone may have gone to somebody else since it was written down."""

import json
import os
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

_PROC = Path("/proc/self/stat").exists()


@dataclass(frozen=True, kw_only=True)
class Identity:
    """A process by its pid and the moment it began."""

    pid: int
    began: str

    @classmethod
    def of(cls, *, pid: int) -> "Identity | None":
        """Return the identity of a running process, or None when there is no such process (a zombie is none)."""
        began = _began(pid)
        return None if began is None else cls(pid=pid, began=began)

    @classmethod
    def read(cls, *, file: Path) -> "Identity | None":
        """Return the identity that :meth:`write` left, or None when there is none to read."""
        try:
            record = json.loads(file.read_text())
            return cls(pid=int(record["pid"]), began=str(record["began"]))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def write(self, *, file: Path) -> None:
        """Record it, all or nothing."""
        draft = file.with_suffix(".new")
        draft.write_text(json.dumps(asdict(self)))
        draft.replace(file)

    def is_running(self) -> bool:
        """Tell whether this very process still runs."""
        return _began(self.pid) == self.began

    def send(self, *, signum: int) -> None:
        """Signal the process if it still runs."""
        if self.is_running():
            os.kill(self.pid, signum)

    def command_line(self) -> str:
        """Return the command it was started by, words separated by spaces; empty when that cannot be read."""
        if _PROC:
            try:
                return Path(f"/proc/{self.pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                return ""
        return _ps(self.pid, "command=")


def _began(pid: int) -> str | None:
    if not _PROC:
        state, _, began = _ps(pid, "stat=,lstart=").partition(" ")
        return None if not began or state.startswith("Z") else began.strip()
    try:
        # The name of the program, in brackets, may itself hold spaces and brackets.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    # Orphans of a container without an init stay zombies for ever: those are dead.
    return None if fields[0] in "ZX" else f"{boot}/{fields[19]}"


def _ps(pid: int, columns: str) -> str:
    answer = subprocess.run(["ps", "-ww", "-o", columns, "-p", str(pid)], capture_output=True, text=True, check=False)
    return answer.stdout.strip()
