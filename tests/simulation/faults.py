"""What can go wrong, how likely each of it is in one life of the shop, and how often it did."""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import OperationalError, connections, transaction

FAULTS = (
    "relay died before publishing",
    "relay died between two messages",
    "relay died before moving its cursor",
    "publishing was not confirmed",
    "message doubled",
    "message held back",
    "message taken out of order",
    "worker died before commit",
    "worker died after commit, before the ack",
    "store away",
    "serialization failure",
    "handler failed once",
    "handler failed until mended",
    "poison among the neighbours",
    "request died",
    "answer lost",
    "request sent twice",
    "key used for another request",
    "sweep died",
    "cache write lost",
    "cache write late",
    "process stopped for a while",
    "clock jumped",
    "clock of a process wrong",
)
LIKELIHOODS = (0.0, 0.0, 0.05, 0.2, 0.5)
"""Each life draws one for each fault: with all of them always on, they would hide each other's consequences."""

BATCHES = (1, 1, 2, 3)
LARGEST_BATCH = 500
BOOKKEEPING = ("SAVEPOINT", "ROLLBACK")


class Died(BaseException):
    """A process ended at this very statement, as by SIGKILL: no handler of exceptions sees it."""


class HandlerFailed(Exception):
    """A handler's own mistake."""


class Faults:
    """The dice for everything that goes wrong."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._likelihood = {fault: dice.choice(LIKELIHOODS) for fault in FAULTS}
        self._healed = False
        self.happened: Counter[str] = Counter()

    def heal(self) -> None:
        """Nothing goes wrong any more."""
        self._likelihood = dict.fromkeys(FAULTS, 0.0)
        self._healed = True

    def batch(self) -> int:
        """How many events to read, or to put into a message: where a batch ends is chance."""
        return LARGEST_BATCH if self._healed else self._dice.choice(BATCHES)

    def happens(self, fault: str) -> bool:
        """Whether it happens now; counted if so."""
        return self.looms(fault) and self.count(fault)

    def looms(self, fault: str) -> bool:
        """Whether it is about to happen; whoever lets it happen counts it."""
        return self._dice.random() < self._likelihood[fault]

    def count(self, fault: str) -> bool:
        self.happened[fault] += 1
        return True

    def first_of(self, *faults: str) -> str:
        """The first of these that looms, or an empty string."""
        return next((fault for fault in faults if self.looms(fault)), "")

    @contextmanager
    def strike(self, database: str, fault: str) -> Iterator[None]:
        """Let the work inside come to grief at one of its first statements, if it has so many; without a fault, not."""
        make = ERRORS.get(fault)
        if make is None:
            yield
            return
        bolt = _Bolt(self._dice.randint(1, 12), make(), lambda: self.count(fault))
        try:
            with connections[database].execute_wrapper(bolt):
                yield
        finally:
            # What commits by itself has no transaction of its own here; one statement of it has failed, without effect.
            transaction.set_rollback(False, using=database)


ERRORS: dict[str, Callable[[], BaseException]] = {
    "worker died before commit": Died,
    "request died": Died,
    "sweep died": Died,
    "store away": lambda: OperationalError("server closed the connection unexpectedly"),
    "serialization failure": lambda: OperationalError("could not serialize access due to concurrent update"),
    "handler failed once": lambda: HandlerFailed("once"),
}


class _Bolt:
    """Raises an error in place of one statement."""

    def __init__(self, statement: int, error: BaseException, fired: Callable[[], object]) -> None:
        self._left, self._error, self._fired = statement, error, fired
        self._last = ""

    def __call__(self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        counts, self._last = self._counts(sql), sql
        if self._left and counts:
            self._left -= 1
            if not self._left:
                self._fired()
                raise self._error
        return execute(sql, params, many, context)

    def _counts(self, sql: str) -> bool:
        # A savepoint's release stands for a commit, which a database may refuse; a process that dies there has not
        # committed, which is the same as dying one statement earlier.
        if sql.startswith("RELEASE"):
            return isinstance(self._error, OperationalError) and not self._last.startswith("ROLLBACK")
        if isinstance(self._error, HandlerFailed) and "dead_letter" in sql:
            return False
        return not sql.startswith(BOOKKEEPING)
