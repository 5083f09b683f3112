"""How each part is, in plain words: what is wrong, what it means for the shop, and what to do."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from nexus.eventbus.doctor import State
from nexus.gateway.map.plan import BUS, REDIS, has_broker, store_of
from nexus.gateway.map.probes import SILENCE

Complaint = tuple[State, str]
Figures = dict[str, float | None]

OLD, VERY_OLD = 5.0, 30.0
"""Seconds that an event may wait in its log before it shows, and before customers notice."""
STUCK = 4.0
"""Seconds for which something waits and nothing is taken before somebody should look."""
MANY = 1000
"""Messages in a queue that show, though they are being taken."""
TOO_MANY_ERRORS = 0.05
FEW = 3
"""Requests of which a share would say nothing."""

WITHOUT = {
    store_of("accounts"): "Nobody can log in or renew a token; whoever has a token goes on buying for some minutes.",
    store_of("catalog"): "Products cannot be read, or only as they were; orders go on.",
    store_of("inventory"): "Orders are taken and wait to be confirmed until it is back.",
    store_of("orders"): "Orders can be neither placed nor read until it is back.",
    REDIS: "Stock is read from PostgreSQL and every process limits callers by itself; nothing is lost, orders go on.",
    BUS: "Orders are taken, and confirmed when it is back.",
}


@dataclass(frozen=True, kw_only=True)
class Seen:
    """A box or an arrow at one instant."""

    state: State
    says: Sequence[str]
    figures: Figures


def judged(figures: Figures, complaints: Iterable[Complaint] = ()) -> Seen:
    """The worst complaint decides; all of them are said, the worst first."""
    ranks = [State.BROKEN, State.POORLY, State.WELL]
    said = sorted(complaints, key=lambda complaint: ranks.index(complaint[0]))
    return Seen(state=said[0][0] if said else State.WELL, says=[sentence for _, sentence in said], figures=figures)


def about_answer(box: str, title: str, why: str) -> Iterable[Complaint]:
    """About an engine that gave no answer; `why` is empty when it did."""
    if why:
        yield State.BROKEN, f"{title} does not answer. {WITHOUT.get(box, '')}".rstrip()
        if why != SILENCE:
            yield State.BROKEN, f"Its driver says: {why}"


def about_store(app: str, missing: str) -> Iterable[Complaint]:
    """About an app whose own store gave no answer."""
    if missing:
        yield State.BROKEN, WITHOUT.get(store_of(app), f"The store of {app} does not answer.")


def about_events(app: str, why: str) -> Iterable[Complaint]:
    """About an app whose log and inbox could not be read, though its store answers."""
    if why:
        yield State.POORLY, f"What {app} told and heard cannot be read: {why}"


def about_requests(figures: Figures, recent: float) -> Iterable[Complaint]:
    """About answers; `recent` is how many there were."""
    if (errors := figures.get("errors")) and recent >= FEW and errors > TOO_MANY_ERRORS:
        yield State.POORLY, f"{errors:.0%} of its answers are server errors."
    if figures.get("shed"):
        yield State.POORLY, "More comes than can be answered: those who look around are sent away first."


def about_instances(app: str, share: float | None) -> Iterable[Complaint]:
    """About an app elsewhere; `share` of its instances are not asked."""
    if share is not None and share >= 1:
        yield State.BROKEN, f"No instance of {app} answers: its breakers are open, requests are refused at once."
    elif share:
        yield State.POORLY, f"{share:.0%} of the instances of {app} are not asked: their breakers are open."


def about_letters(figures: Figures) -> Iterable[Complaint]:
    """About events that could not be handled."""
    if dead := figures.get("dead"):
        yield State.POORLY, f"{dead:,.0f} events could not be handled: see its dead letters."


def about_log(app: str, figures: Figures) -> Iterable[Complaint]:
    """About what waits in an app's log to be handed on."""
    age, pending = figures.get("age") or 0, figures.get("pending") or 0
    if age > OLD:
        who = "Does `manage.py relay` run?" if has_broker() else "Does the web process stand still?"
        waits = f"{pending:,.0f} events wait in the log of {app}, the oldest for {age:.0f} s. {who}"
        yield (State.BROKEN if age > VERY_OLD else State.POORLY), waits


def about_queue(app: str, figures: Figures, *, stuck_for: float) -> Iterable[Complaint]:
    """About what waits to be taken by an app."""
    waiting = figures.get("waiting") or figures.get("pending") or 0
    if stuck_for >= STUCK:
        who = f" Does `manage.py worker {app}` run?" if has_broker() else ""
        yield State.BROKEN, f"Nobody takes what {app} should hear; {waiting:,.0f} wait.{who}"
    elif waiting > MANY:
        yield State.POORLY, f"{waiting:,.0f} wait for {app}; more workers may run at once."
    if set_aside := figures.get("set_aside"):
        yield (
            State.POORLY,
            f"{set_aside:,.0f} messages of {app} were set aside, which no worker could read or survived.",
        )
