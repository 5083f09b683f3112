"""Whether events arrive, and what became of those that did not."""

from collections.abc import Iterator

from nexus.eventbus.bus import backend
from nexus.eventbus.doctor.diagnosis import Diagnosis, broken, first_line_of, poorly, well
from nexus.eventbus.registry import Member, members

OLD = 30.0
"""Seconds that an event may wait in its log before somebody should look."""


def look_at_logs() -> Iterator[Diagnosis]:
    """Each app's log, dead letters and figures of its own."""
    for name, member in sorted(members.items()):
        try:
            yield from _look_at(name, member)
        except Exception as why:  # noqa: BLE001  whatever a driver raises means the same here
            seen = f"does not answer: {type(why).__name__}: {first_line_of(why)}"
            yield broken(f"store of {name}", seen, "Is its database running, and its address right?")


def _look_at(name: str, member: Member) -> Iterator[Diagnosis]:
    backlog = member.store.backlog()
    oldest = max(backlog, key=lambda each: each[2], default=("", 0, 0.0))
    if oldest[2] > OLD:
        seen = f"{oldest[1]} events wait for {oldest[0]}, the oldest for {oldest[2]:.0f} s"
        yield broken(f"log of {name}", seen, _who_carries())
    else:
        yield well(f"log of {name}", f"nothing waits for long ({len(backlog)} followers)")
    if member.handlers and (buried := member.store.count_buried(name)):
        advice = f"`manage.py bus dead {name}` shows why; once mended, `--replay`, or the admin's Dead letters."
        yield broken(f"dead letters of {name}", f"{buried} events could not be handled", advice)
    for gauge in member.gauges:
        if value := gauge.read():
            yield poorly(gauge.name, f"{gauge.meaning}: {value:g}", "See docs/operations.md.")


def _who_carries() -> str:
    if backend().CARRIED_BY_WEB:
        return "The web process carries events: does it run? If it does, its log says why it stands still."
    return "Does `manage.py relay` run? If it does, its log says why it stands still; `manage.py bus status` shows it."
