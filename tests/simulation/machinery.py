"""What runs by itself: relays, workers and chores, each of which may die at any moment and begins anew."""

import random
from collections.abc import Callable
from types import FunctionType, MethodType
from uuid import UUID

from django.db import connections

from nexus.eventbus import dead_letters
from nexus.eventbus.delivery import TryLater, deliver
from nexus.eventbus.models import DeadLetter
from nexus.eventbus.registry import Member, members
from nexus.eventbus.wire import Record, decode
from nexus.inventory import services as inventory
from nexus.inventory.models import Location, Reason, Reservation
from tests.simulation.broker import Broker, Elsewhere, Follower, Log, Note, PublishFailed, flawed
from tests.simulation.faults import Died, Faults
from tests.simulation.stage import DATABASES, Stage

OFTEN = 300.0
"""Seconds between two rounds of a chore that is more than tidying up, at most."""
WAITING = "SELECT event_id FROM dead_letter WHERE replayed_at IS NULL"
GOODS_LEFT = "orders.order-shipped.v1"


class Machinery:
    """The processes of the shop. Each method is one turn of one of them."""

    def __init__(self, *, stage: Stage, elsewhere: Elsewhere, faults: Faults, dice: random.Random, note: Note) -> None:
        self._stage, self._faults, self._dice, self._note = stage, faults, dice, note
        self.members = {name: members[name] for name in DATABASES}
        self.broker = Broker(subscribers=list(self.members.values()), faults=faults, dice=dice, label=_label)
        logs: dict[str, Log | Elsewhere] = {name: Log(database=name, batch=faults.batch) for name in DATABASES}
        logs["elsewhere"] = elsewhere
        self.relays = {name: Follower(name=name, store=log, broker=self.broker) for name, log in logs.items()}
        self._chores = [
            (name, _fresh(chore), every) for name in DATABASES for chore, every in self.members[name].chores.items()
        ]
        self._found_nothing: dict[str, int | None] = {}
        self._trouble = False
        self._late: list[Callable[[], object]] = []

    def carry(self, log: str) -> int:
        """The relay of a log publishes a batch; how many events."""
        process = f"relay {log}"
        if self._found_nothing.get(log) == (now := self._stage.turns.get(log)) is not None:
            return 0
        self._stage.clock.enter(process)
        try:
            moved = self.relays[log].step()
        except (Died, PublishFailed) as end:
            self._stage.clock.restart(process)
            self._note(f"{type(end).__name__}; another takes over where the cursor stands")
            return 0
        if moved:
            self._note(f"publishes {moved}")
        else:
            self._found_nothing[log] = now
        return moved

    def work(self, subscriber: str) -> None:
        """A worker of a subscriber takes a message and delivers it, once or, after trouble, later again."""
        process, message = f"worker {subscriber}", self.broker.take(subscriber)
        self._begin(process, subscriber)
        fault = self._faults.first_of(
            "worker died before commit", "store away", "serialization failure", "handler failed once"
        )
        try:
            with self._faults.strike(subscriber, fault):
                outcome = deliver(member=self._member(subscriber, message.body), message=message.body)
        except (Died, TryLater) as end:
            self._trouble = True
            self.broker.give_back(subscriber, message)
            self._note(f"{type(end).__name__} over {message.label}")
            if isinstance(end, Died):
                self._stage.clock.restart(process)
            return
        self._trouble |= outcome.buried > 0
        self._faults.count(f"{subscriber} hears {message.kind}")
        self._note(f"hears {message.label}: {_tell(outcome)}")
        self.run_hooks(subscriber)
        if self._faults.happens("worker died after commit, before the ack"):
            self.broker.give_back(subscriber, message)
            self._stage.clock.restart(process)
            self._note("died before the ack")

    def drain(self, subscriber: str) -> int:
        """Work until the queue is empty; how many messages."""
        count = len(self.broker.queues[subscriber])
        while self.broker.queues[subscriber]:
            self.work(subscriber)
        return count

    def sweep(self) -> None:
        """One of the chores is due, the frequent ones more often."""
        weights = [every**-0.5 for _, _, every in self._chores]
        database, chore, _ = self._dice.choices(self._chores, weights=weights)[0]
        self._do(database, chore)

    def sweep_all(self) -> None:
        """All the chores but those that only tidy up."""
        for database, chore, every in self._chores:
            if every <= OFTEN:
                self._do(database, chore)

    def write_late(self) -> None:
        """A write to the cache that hung somewhere arrives."""
        if self._late:
            self._late.pop(self._dice.randrange(len(self._late)))()

    def mend(self, *, thoroughly: bool = False) -> None:
        """Somebody replays the dead letters; thoroughly: after stock was found for goods that have left already."""
        for subscriber in self.members:
            if not (letters := self._letters(subscriber)):
                continue
            self._begin("staff", subscriber)
            if thoroughly:
                self._find_stock([letter for letter in letters if letter.type == GOODS_LEFT])
            done, failed = dead_letters.replay(letters)
            self._note(f"replays the dead letters of {subscriber}: {done} done, {failed} failed")
            self.run_hooks(subscriber)

    def run_hooks(self, database: str) -> None:
        """What is due after commit: now, later, or never if the process has died meanwhile."""
        connection = connections[database]
        hooks, connection.run_on_commit = connection.run_on_commit, []
        for _, hook, _ in hooks:
            if self._faults.happens("cache write lost"):
                continue
            if self._faults.happens("cache write late"):
                self._late.append(hook)
            else:
                hook()

    # -- how they do it

    def _begin(self, process: str, database: str) -> None:
        self._stage.clock.enter(process)
        self._stage.begin(database)

    def _member(self, subscriber: str, body: bytes) -> Member:
        """The subscriber, at times with a mistake that one event of the message brings to light."""
        member = self.members[subscriber]
        if not self._faults.happens("handler failed until mended"):
            return member
        return flawed(member, self._dice.choice(decode(body)).id)

    def _do(self, database: str, chore: Callable[[], object]) -> None:
        self._begin("chores", database)
        name = getattr(chore, "__name__", type(chore).__name__)
        try:
            with self._faults.strike(database, self._faults.first_of("sweep died")):
                self._note(f"{name}: {chore()}")
        except Died:
            self._stage.clock.restart("chores")
            self._note(f"{name}: died")
        self.run_hooks(database)

    def _letters(self, subscriber: str) -> list[DeadLetter]:
        """Those that can be helped; not looked for while nothing can have been buried."""
        if not self._trouble:
            return []
        waiting = [row[0] for row in self._stage.query(subscriber, WAITING)]
        helpless = {event_id for name, event_id in self.broker.poison if name == subscriber}
        if not set(waiting) - helpless:
            return []
        letters = DeadLetter.objects.using(subscriber).filter(event_id__in=set(waiting) - helpless)
        return list(letters.order_by("id"))

    def _find_stock(self, letters: list[DeadLetter]) -> None:
        orders = [UUID(decode(letter.event)[0].subject) for letter in letters]
        codes = dict(Location.objects.values_list("id", "code"))
        for reservation in Reservation.objects.filter(order_id__in=orders).order_by("order_id"):
            for line in reservation.lines:
                place, quantity = codes[line["location"]], line["quantity"]
                inventory.adjust_stock(sku=line["sku"], quantity=quantity, reason=Reason.COUNTED, location=place)


def _label(record: Record) -> str:
    return f"{record.type.split('.')[1]} {record.subject}"


def _tell(outcome: object) -> str:
    return ", ".join(f"{count} {name}" for name, count in vars(outcome).items() if count)


def _fresh(chore: Callable[[], object]) -> Callable[[], object]:
    """The chore as it is when a process starts: some remember their last round."""
    return chore if isinstance(chore, FunctionType | MethodType) else type(chore)()
