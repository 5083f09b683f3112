"""One region: its queue, the relays that fill it, the link to the other, the worker, the chores."""

import random
from collections.abc import Callable, Sequence
from dataclasses import replace

from django.db import connections

from nexus.eventbus.crossing import meant_for
from nexus.eventbus.delivery import TryLater, deliver
from nexus.eventbus.models import RelayCursor
from nexus.eventbus.registry import members
from nexus.eventbus.relay import Relay
from nexus.eventbus.wire import Record
from nexus.inventory import handlers, services
from tests.regions.lives.stage import DATABASE, TwoRegions
from tests.simulation.broker import Broker, Elsewhere, Follower, Log, Note, PublishFailed
from tests.simulation.faults import Died, Faults

CHORES = (services.ask_for_shares, services.announce_levels)


class Region:
    """The processes of one region. Each method is one turn of one of them."""

    def __init__(self, name: str, *, stage: TwoRegions, faults: Faults, dice: random.Random, note: Note) -> None:
        self.name = name
        self.orders = Elsewhere()
        """The log of orders here, which is made up."""
        self.cut = False
        """Whether the link from here to the other region is."""
        self._stage, self._faults, self._dice, self._note = stage, faults, dice, note
        among = {kind.type: handler for kind, handler in handlers.AMONG_REGIONS.items()}
        inventory = members[DATABASE]
        self._member = replace(inventory, handlers=inventory.handlers | among)
        self.broker = Broker(subscribers=[self._member], faults=faults, dice=dice, label=_label)
        self._log = Log(database=DATABASE, batch=faults.batch)
        self._relays = {
            "orders": Follower(name="orders", store=self.orders, broker=self.broker),
            "inventory": Follower(name="inventory", store=self._log, broker=self.broker),
        }

    def link_to(self, other: "Region") -> None:
        """Lay the link; once, before anything is carried."""
        self._there = other
        self._relays["link"] = Link(to=other.name, store=self._log, publish=self._publish_there, broker=other.broker)

    def carry(self, what: str) -> int:
        """The relay of orders or inventory, or the link, hands on a batch; how many records it passed."""
        self._stage.go_to(self.name, what)
        try:
            moved = self._relays[what].step()
        except (Died, PublishFailed) as end:
            self._stage.clock.restart(f"{what} {self.name}")
            self._note(f"{type(end).__name__}; another takes over where the cursor stands")
            return 0
        if moved:
            self._note(f"passes {moved}")
        return moved

    def begin_the_link_anew(self) -> None:
        """Its position is lost, as after `bus forget`: everything is carried once more."""
        self._stage.go_to(self.name, "link")
        RelayCursor.objects.using(DATABASE).filter(consumer__contains=" > link ").delete()
        self.link_to(self._there)
        self._note("begins anew")

    def work(self) -> None:
        """The worker takes a message and delivers it, once or, after trouble, later again."""
        if not self.broker.queues[DATABASE]:
            return
        message = self.broker.take(DATABASE)
        self._stage.go_to(self.name, "worker")
        fault = self._faults.first_of(
            "worker died before commit", "store away", "serialization failure", "handler failed once"
        )
        try:
            with self._faults.strike(DATABASE, fault):
                outcome = deliver(member=self._member, message=message.body)
        except (Died, TryLater) as end:
            self.broker.give_back(DATABASE, message)
            self._note(f"{type(end).__name__} over {message.label}")
            return
        self._note(f"hears {message.label}: {', '.join(f'{n} {what}' for what, n in outcome.counts.items() if n)}")
        self.run_hooks()
        if self._faults.happens("worker died after commit, before the ack"):
            self.broker.give_back(DATABASE, message)
            self._note("died before the ack")

    def do(self, chore: Callable[[], object]) -> None:
        """One round of a chore."""
        self._stage.go_to(self.name, "chores")
        try:
            with self._faults.strike(DATABASE, self._faults.first_of("sweep died")):
                self._note(f"{chore.__name__}: {chore()}")
        except Died:
            self._note(f"{chore.__name__}: died")
        self.run_hooks()

    def run_hooks(self) -> None:
        """What is due after commit, if the process has not died meanwhile."""
        connection = connections[DATABASE]
        hooks, connection.run_on_commit = connection.run_on_commit, []
        for _, hook, _ in hooks:
            if not self._faults.happens("cache write lost"):
                hook()

    def come_to_rest(self) -> int:
        """Carry and deliver what there is here, the link included; how much it was."""
        self.broker.let_go()
        moved = sum(self.carry(what) for what in self._relays)
        moved += len(self.broker.queues[DATABASE])
        while self.broker.queues[DATABASE]:
            self.work()
        return moved

    def _publish_there(self, records: Sequence[Record]) -> None:
        if self.cut:
            self._faults.count("link was cut")
            raise PublishFailed
        self._there.broker.publish(records)


class Link(Follower):
    """The relay that `manage.py link` runs, as far as the other broker."""

    def __init__(self, *, to: str, store: Log, publish: Callable[[Sequence[Record]], None], broker: Broker) -> None:
        super().__init__(name=f"link {to}", store=store, broker=broker)
        self._relay = Relay(store=store, consumer=f"inventory > link {to}", publish=publish, only=meant_for(to))


def _label(record: Record) -> str:
    return f"{record.type.split('.')[1]} {record.subject}"
