"""One life of the shop: who takes turns, what happens between the turns, and how it all comes to rest."""

import random
from collections.abc import Callable
from datetime import timedelta

from tests.simulation.broker import Elsewhere
from tests.simulation.faults import Faults
from tests.simulation.invariants import Broken, check, check_counters
from tests.simulation.machinery import Machinery
from tests.simulation.people import People
from tests.simulation.stage import Stage

LONGEST_HEALING = 50
PAUSES = (1, 20, 400, 3_000, 30_000, 300_000)
JUMPS = (1_000_000, 3 * 3_600_000, 30 * 3_600_000)
"""Milliseconds between turns, and of a jump: past an expiry, past the life of a claim."""
EAGERNESS = (0.2, 1, 1, 4)
"""By which each life multiplies how often somebody takes a turn: rare meetings need lives with an inclination."""
WRONG = (-7_200, -600, -1, 1, 600, 7_200)
"""Seconds by which the clock of a process may be wrong."""
PROCESSES = ("relay orders", "relay inventory", "relay elsewhere", "worker orders", "worker inventory", "chores")
WAYS = (("elsewhere", "orders"), ("orders", "inventory"), ("inventory", "orders"))
"""From which log to which subscriber most events go."""
SEEN_BY_STAFF = "SELECT id, status FROM orders_order ORDER BY id"


class World:
    """A shop and everybody in it; `trace` tells what happened so far."""

    def __init__(self, *, seed: object, stage: Stage, elsewhere: Elsewhere) -> None:
        self.trace: list[str] = []
        self.stage, self.elsewhere = stage, elsewhere
        self._dice = random.Random(f"{seed} turns")
        self.faults = Faults(self._dice)
        self.people = People(dice=self._dice, faults=self.faults, elsewhere=elsewhere, note=self.note)
        self.machinery = Machinery(
            stage=stage, elsewhere=elsewhere, faults=self.faults, dice=self._dice, note=self.note
        )
        self._stopped: set[str] = set()
        self._weights = [weight * self._dice.choice(EAGERNESS) for weight in TURNS.values()]

    def note(self, text: str) -> None:
        """One more line of the trace."""
        passed = self.stage.clock.instant.strftime("%d %H:%M:%S.%f")[:-3]
        self.trace.append(f"{passed}  {self.stage.clock.process:16} {text}")

    def live(self) -> None:
        """
        Some turns under fire, then healing, at times a quiet week in which all reservations run out, then the checks.

        :raises Broken: a promise was not kept
        """
        for _ in range(self._dice.randint(10, 30)):
            self.turn()
        self.heal()
        if a_week_passes := self._dice.random() < 0.3:
            self.stage.clock.pass_by(timedelta(days=7))
            self.note("a week has passed")
            self.heal()
        self.note(f"at rest: {check(self, everything_ran_out=a_week_passes)}")

    def turn(self) -> None:
        """Somebody does something; sometimes the world does."""
        self.stage.clock.pass_by(timedelta(milliseconds=self._dice.choice(PAUSES)))
        self._interfere()
        before = self.stage.turns["inventory"]
        turn = self._dice.choices(list(TURNS), weights=self._weights)[0]
        turn(self)
        if self.stage.turns["inventory"] > before:
            check_counters(self)

    def heal(self) -> None:
        """
        Nothing goes wrong any more: what there is gets carried, done and mended.

        :raises Broken: it does not come to rest
        """
        self.faults.heal()
        self._stopped.clear()
        self.stage.clock.skew.clear()
        self.note("everything is healed")
        self._carry_everything()
        for _ in range(LONGEST_HEALING):
            self.machinery.sweep_all()
            self.machinery.mend(thoroughly=True)
            if not self._carry_everything():
                return
        raise Broken("it comes to rest", f"still busy after {LONGEST_HEALING} rounds")

    # -- turns

    def ask(self, wish: Callable[[People], None], *databases: str) -> None:
        self.stage.clock.enter("web")
        for database in databases:
            self.stage.begin(database)
        wish(self.people)
        for database in databases:
            self.machinery.run_hooks(database)

    def fulfil(self) -> None:
        self.ask(lambda people: people.fulfil(self.stage.query("orders", SEEN_BY_STAFF)), "orders")

    def carry(self) -> None:
        self._let_one_run("relay", list(self.machinery.relays), self.machinery.carry)

    def work(self) -> None:
        waiting = [name for name, queue in self.machinery.broker.queues.items() if queue]
        self._let_one_run("worker", waiting, self.machinery.work)

    def run_smoothly(self) -> None:
        """Each of the machines that run gets a turn for whatever waits for it."""
        for log, subscriber in WAYS:
            if f"relay {log}" not in self._stopped:
                self.machinery.carry(log)
            if f"worker {subscriber}" not in self._stopped:
                for _ in range(len(self.machinery.broker.queues[subscriber])):
                    self.machinery.work(subscriber)

    def sweep(self) -> None:
        if "chores" not in self._stopped:
            self.machinery.sweep()

    # -- how

    def _let_one_run(self, kind: str, names: list[str], run: Callable[[str], object]) -> None:
        running = [name for name in names if f"{kind} {name}" not in self._stopped]
        if running:
            run(self._dice.choice(running))

    def _interfere(self) -> None:
        clock, faults = self.stage.clock, self.faults
        if self._dice.random() < 0.2:
            self.machinery.write_late()
            self.machinery.broker.let_go()
        if self._stopped and self._dice.random() < 0.2:
            self._stopped.remove(self._dice.choice(sorted(self._stopped)))
        if self._dice.random() > 0.2:
            return
        if faults.happens("process stopped for a while"):
            self._stopped.add(self._dice.choice(PROCESSES))
        if faults.happens("clock jumped"):
            clock.pass_by(timedelta(milliseconds=self._dice.choice(JUMPS)))
        if faults.happens("clock of a process wrong"):
            clock.skew[self._dice.choice((*PROCESSES, "web"))] = timedelta(seconds=self._dice.choice(WRONG))

    def _carry_everything(self) -> int:
        total = 0
        for _ in range(LONGEST_HEALING):
            self.machinery.broker.let_go()
            moved = 0
            for log, subscriber in WAYS:
                moved += self.machinery.carry(log) + self.machinery.drain(subscriber)
            if not moved:
                return total
            total += moved
        raise Broken("it comes to rest", f"events still on their way after {LONGEST_HEALING} rounds")


TURNS: dict[Callable[[World], object], float] = {
    lambda world: world.ask(People.place, "orders"): 7,
    lambda world: world.ask(People.ask_again, "orders"): 1.5,
    lambda world: world.ask(People.cancel, "orders"): 3,
    lambda world: world.ask(People.adjust, "inventory"): 1,
    lambda world: world.ask(People.change_an_offer): 1,
    lambda world: world.ask(People.erase_a_customer): 0.2,
    World.fulfil: 6,
    World.carry: 9,
    World.work: 9,
    World.run_smoothly: 6,
    World.sweep: 3,
    lambda world: world.machinery.mend(): 1,
}
"""How often each of them takes a turn in an ordinary life."""
