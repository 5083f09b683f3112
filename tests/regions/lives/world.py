"""One life of two regions: customers, staff, faults, and how it all comes to rest."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from nexus.contracts.base import Event, enclose, uuid7
from nexus.contracts.errors import NexusError
from nexus.contracts.orders import OrderCancelled, OrderLine, OrderPlaced, OrderReturned, OrderShipped
from nexus.inventory import services
from nexus.inventory.models import Reason
from tests.regions.lives import promises
from tests.regions.lives.region import CHORES, Region
from tests.regions.lives.stage import DATABASE, SCHEMAS, TwoRegions
from tests.simulation.faults import Faults
from tests.simulation.invariants import Broken

SKUS = ("LAMP", "SHADE", "VASE")
LONGEST = 25
PAUSES = (1, 400, 30_000, 3_600_000)
RESERVED = "SELECT subject FROM event_log WHERE type = 'inventory.stock-reserved.v1' ORDER BY subject"


class World:
    """Two regions and everybody in them; `trace` tells what happened so far."""

    def __init__(self, *, seed: object, stage: TwoRegions) -> None:
        self.trace: list[str] = []
        self.stage = stage
        self._dice = random.Random(f"{seed} regions")
        self.faults = Faults(self._dice)
        self._trouble = self._dice.choice((0.0, 0.05, 0.2))
        self.regions = {
            name: Region(name, stage=stage, faults=self.faults, dice=self._dice, note=self.note) for name in SCHEMAS
        }
        self.regions["eu"].link_to(self.regions["us"])
        self.regions["us"].link_to(self.regions["eu"])
        self.received = Counter[str]()
        """Pieces that staff ever put on any shelf, less those that they took away."""
        self.placed: dict[str, list[UUID]] = {name: [] for name in SCHEMAS}
        self._over: dict[UUID, str] = {}

    @property
    def cancelled(self) -> set[UUID]:
        """Orders that were called off."""
        return {order for order, how in self._over.items() if how == "cancelled"}

    def note(self, text: str) -> None:
        passed = self.stage.clock.instant.strftime("%d %H:%M:%S.%f")[:-3]
        self.trace.append(f"{passed}  {self.stage.clock.process:14} {text}")

    def live(self) -> None:
        """:raises Broken: a promise was not kept"""
        self._fill_shelves()
        for _ in range(self._dice.randint(15, 50)):
            self.stage.clock.pass_by(timedelta(milliseconds=self._dice.choice(PAUSES)))
            self._interfere()
            turn = self._dice.choices(list(TURNS), weights=list(TURNS.values()))[0]
            before = self.stage.turns[DATABASE]
            turn(self, self.regions[self._dice.choice(tuple(SCHEMAS))])
            if self.stage.turns[DATABASE] > before:
                promises.check_always(self)
        self._heal()
        promises.check_at_rest(self)

    # -- turns

    def order(self, region: Region) -> None:
        """A customer wants one or two things; what it becomes is inventory's to say."""
        self.stage.go_to(region.name, "web")
        skus = self._dice.sample(SKUS, self._dice.choice((1, 1, 2)))
        lines = tuple(OrderLine(sku=sku, name=sku, quantity=self._dice.randint(1, 4), unit_price=1) for sku in skus)
        order = OrderPlaced(order_id=uuid7(), number="N", customer_id=uuid7(), currency="EUR", total=1, lines=lines)
        self.placed[region.name].append(order.order_id)
        self._tell(region, order)
        self.note(f"orders {', '.join(f'{line.quantity} {line.sku}' for line in lines)}: {order.order_id}")

    def settle(self, region: Region) -> None:
        """An order of this region is called off, shipped or returned, as far as the orders app would allow it."""
        if not self.placed[region.name]:
            return
        self.stage.go_to(region.name, "web")
        order = self._dice.choice(self.placed[region.name])
        reserved = str(order) in {subject for [subject] in self.stage.query(DATABASE, RESERVED)}
        match self._over.get(order, ""):
            case "shipped" if self._dice.random() < 0.5:
                after, news = "returned", OrderReturned(order_id=order)
            case "" if reserved and self._dice.random() < 0.6:
                after, news = "shipped", OrderShipped(order_id=order)
            case "" if self._dice.random() < 0.5:
                after, news = "cancelled", OrderCancelled(order_id=order, reason="")
            case _:
                return
        self._over[order] = after
        self._tell(region, news)
        self.note(f"{after}: {order}")

    def adjust(self, region: Region) -> None:
        """Staff receive a few, or take some away; or send some to the other region."""
        sku, quantity = self._dice.choice(SKUS), self._dice.choice((-3, 2, 12))
        self.stage.go_to(region.name, "staff")
        try:
            if self._dice.random() < 0.4:
                [other] = SCHEMAS.keys() - {region.name}
                services.send_share(sku=sku, to_region=other, quantity=self._dice.randint(1, 5))
            else:
                services.adjust_stock(sku=sku, quantity=quantity, reason=Reason.COUNTED)
                self.received[sku] += quantity
        except NexusError as refused:
            self.note(f"{sku}: {refused}")
        else:
            self.note(f"adjusts or sends {sku}")
        region.run_hooks()

    def carry(self, region: Region) -> None:
        region.carry(self._dice.choice(("orders", "inventory", "link")))

    def run_smoothly(self, region: Region) -> None:
        """Whatever waits here goes on."""
        for what in ("orders", "inventory", "link"):
            region.carry(what)
        for _ in range(len(region.broker.queues[DATABASE])):
            region.work()

    def sweep(self, region: Region) -> None:
        region.do(self._dice.choice(CHORES))

    # -- how

    def _tell(self, region: Region, event: Event) -> None:
        region.orders.tell(enclose(event, sequence=1))

    def _fill_shelves(self) -> None:
        for name in SCHEMAS:
            self.stage.go_to(name, "staff")
            for sku in SKUS:
                self._receive(sku, self._dice.choice((0, 3, 8, 30)))
            self.regions[name].run_hooks()

    def _receive(self, sku: str, quantity: int) -> None:
        services.open_items([promises.offer_of(sku)])
        if quantity:
            services.receive_stock({sku: quantity})
            self.received[sku] += quantity

    def _interfere(self) -> None:
        for region in self.regions.values():
            if self._dice.random() < 0.2:
                region.broker.let_go()
            if self._dice.random() < self._trouble:
                region.cut = not region.cut
                self.note(f"the link from {region.name} is {'cut' if region.cut else 'whole'}")
            if self._dice.random() < self._trouble / 4:
                self.faults.count("link began anew")
                region.begin_the_link_anew()

    def _heal(self) -> None:
        """
        Nothing goes wrong any more; then hours pass in which nobody buys and regions may ask.

        :raises Broken: it does not come to rest
        """
        self.faults.heal()
        for region in self.regions.values():
            region.cut = False
        self.note("everything is healed")
        for _ in range(LONGEST):
            self._carry_everything()
            sent = promises.count_sent(self)
            self.stage.clock.pass_by(timedelta(hours=2))
            for region in self.regions.values():
                for chore in CHORES:
                    region.do(chore)
            self._carry_everything()
            if promises.count_sent(self) == sent:
                return
        raise Broken("shares come to rest", f"still sent to and fro after {LONGEST} rounds")

    def _carry_everything(self) -> None:
        for _ in range(LONGEST):
            if not sum(region.come_to_rest() for region in self.regions.values()):
                return
        raise Broken("events come to rest", f"still on their way after {LONGEST} rounds")


TURNS: dict[Callable[[World, Region], object], float] = {
    World.order: 8,
    World.settle: 4,
    World.adjust: 2,
    World.carry: 6,
    lambda world, region: region.work(): 6,
    World.run_smoothly: 6,
    World.sweep: 4,
}
"""How often each of them takes a turn, in one region or the other."""
