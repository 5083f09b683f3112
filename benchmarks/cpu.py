"""CPU and memory by group of processes, from /proc; a process belongs to the group of its nearest named ancestor."""

import os
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
EVERY = 0.5


class Seen(NamedTuple):
    """A process at a moment: its parent, CPU in seconds since it began, resident bytes."""

    parent: int
    cpu: float
    resident: int


Key = tuple[int, str]
"""A pid and the moment the process began, in ticks: a pid alone may come back as another."""


class Watch:
    """
    Measures between `begin` and `end`, looking twice a second, so that what ends meanwhile counts up to its last look.

    `groups` names the groups by the pid of their root, and is asked again at each look: roots may be restarted.
    RabbitMQ is found by its name. What is in no group is `other`, from the machine's own count.
    """

    def __init__(self, groups: Callable[[], Mapping[int, str]]) -> None:
        self._groups = groups
        self._stop = threading.Event()
        self._first: dict[Key, float] = {}
        self._last: dict[Key, float] = {}
        self._group: dict[Key, str] = {}
        self.resident: dict[str, int] = {}
        """Bytes by group, the most that was seen."""

    def begin(self) -> None:
        self._look(first=True)
        self._busy = _busy()
        self._thread = threading.Thread(target=self._look_on, daemon=True)
        self._thread.start()

    def end(self) -> dict[str, float]:
        """CPU in seconds by group since `begin`."""
        self._stop.set()
        self._thread.join()
        self._look()
        found: dict[str, float] = {}
        for key, last in self._last.items():
            if group := self._group[key]:
                found[group] = found.get(group, 0.0) + last - self._first[key]
        found["other"] = max(0.0, _busy() - self._busy - sum(found.values()))
        return {group: round(seconds, 3) for group, seconds in sorted(found.items())}

    def _look_on(self) -> None:
        while not self._stop.wait(EVERY):
            self._look()

    def _look(self, *, first: bool = False) -> None:
        processes = _processes()
        roots = self._groups()
        parents = {pid: seen.parent for (pid, _), seen in processes.items()}
        resident: dict[str, int] = {}
        for key, seen in processes.items():
            if not self._group.get(key):
                self._group[key] = _group_of(key[0], roots, parents)
            self._first.setdefault(key, seen.cpu if first else 0.0)
            self._last[key] = seen.cpu
            if group := self._group[key]:
                resident[group] = resident.get(group, 0) + seen.resident
        for group, size in resident.items():
            self.resident[group] = max(size, self.resident.get(group, 0))


def _group_of(pid: int, roots: Mapping[int, str], parents: Mapping[int, int]) -> str:
    at = pid
    while at > 1:
        if at in roots:
            return roots[at]
        at = parents.get(at, 0)
    return "rabbitmq" if _name(pid) == "beam.smp" else ""


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _processes() -> dict[Key, Seen]:
    found: dict[Key, Seen] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        cpu = (int(fields[11]) + int(fields[12])) / TICK
        found[int(name), fields[19]] = Seen(int(fields[1]), cpu, int(fields[21]) * PAGE)
    return found


def _busy() -> float:
    """Seconds that all cores together have worked since boot."""
    fields = [int(each) for each in Path("/proc/stat").read_text().partition("\n")[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICK
