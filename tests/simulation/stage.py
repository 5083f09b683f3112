"""
Where lives are played: both databases inside one transaction each, which is never committed. A life is a savepoint
that is rolled back, so it costs no sync and leaves nothing.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

from django.db import connections, transaction
from django.test.utils import override_settings
from psycopg.pq import ExecStatus

from nexus.inventory import cache
from nexus.inventory.cache import Level
from nexus.orders.services import numbers, remembered
from tests.simulation.clock import Clock, virtual

DATABASES = ("orders", "inventory")
RESERVATION_HOURS = 0.25
FIRST_TRANSACTION = 100
"""Of a life; those of the opening come before, and the databases' own, which are open, far behind."""

# Unqualified functions are looked up in this schema before Postgres's own. Every event of a life is written by one
# real transaction, so the log is told the number of the simulated one: its order and its reader stay the real ones.
VIRTUAL = """
CREATE SCHEMA simulation;
SET LOCAL search_path = simulation, pg_catalog, public;
ALTER TABLE event_log ALTER COLUMN xid SET DEFAULT current_setting('simulation.transaction')::xid8;
"""
FUNCTION = """
CREATE FUNCTION simulation.{name}() RETURNS timestamptz LANGUAGE sql STABLE
RETURN current_setting('simulation.now')::timestamptz;
"""
CLOCKS = ("clock_timestamp", "statement_timestamp", "transaction_timestamp", "now")
MOST_SAVEPOINTS = 500
"""In one turn: more is an endless loop."""
SAVEPOINTS = {
    "_savepoint": "SAVEPOINT",
    "_savepoint_commit": "RELEASE SAVEPOINT",
    "_savepoint_rollback": "ROLLBACK TO SAVEPOINT",
}


class StockCache:
    """Redis as inventory uses it: it keeps the newest version of each level."""

    def __init__(self) -> None:
        self.levels: dict[str, Level] = {}

    def keep_newest(self, levels: Sequence[Level]) -> bool:
        for level in levels:
            if level.sku not in self.levels or self.levels[level.sku].version < level.version:
                self.levels[level.sku] = level
        return True

    def find_levels(self, skus: Sequence[str]) -> dict[str, Level]:
        return {sku: self.levels[sku] for sku in skus if sku in self.levels}

    def forget(self, skus: Sequence[str]) -> None:
        for sku in skus:
            self.levels.pop(sku, None)


class Stage:
    """The databases, the clock and the cache; all of them as they were at the beginning in each life."""

    def __init__(self, *, databases: Sequence[str] = DATABASES) -> None:
        self.clock = Clock()
        self.cache = StockCache()
        self._databases = databases
        self.turns = dict.fromkeys(databases, 0)
        """How many transactions there have been in each database: while it stays, nothing can have changed there."""
        self._transaction = self._savepoints = 0
        self._block: dict[str, list[int]] = {}

    @contextmanager
    def set_up(self) -> Iterator[None]:
        """Virtual time and open transactions for the length of the block; afterwards all is as before."""
        with ExitStack() as stack:
            stack.enter_context(virtual(self.clock))
            stack.enter_context(override_settings(RESERVATION_HOURS=RESERVATION_HOURS))
            stack.enter_context(patch.object(numbers, "_blocks", self._block))
            stack.enter_context(patch.object(remembered, "_offers", {}))
            for name in ("keep_newest", "find_levels", "forget"):
                # Looked up late, because each life has a cache of its own.
                stack.enter_context(patch.object(cache, name, lambda them, name=name: getattr(self.cache, name)(them)))
            logging.disable(logging.CRITICAL)
            stack.callback(logging.disable, logging.NOTSET)
            for database in self._databases:
                stack.enter_context(transaction.atomic(using=database))
                stack.enter_context(self._quick_savepoints(database))
                stack.callback(transaction.set_rollback, True, using=database)
                self._prepare(database)
            self._reset("setup", transaction_number=0)
            yield

    @contextmanager
    def life(self, seed: object) -> Iterator[None]:
        """Everything done inside is undone at the end."""
        savepoints = {database: transaction.savepoint(using=database) for database in self._databases}
        self._reset(seed, transaction_number=FIRST_TRANSACTION)
        try:
            yield
        finally:
            for database, savepoint in savepoints.items():
                transaction.set_rollback(False, using=database)
                transaction.savepoint_rollback(savepoint, using=database)
                connections[database].run_on_commit.clear()

    def _reset(self, seed: object, *, transaction_number: int) -> None:
        self._transaction = transaction_number
        self.clock.reset(seed)
        remembered._offers.clear()
        self.cache = StockCache()
        name = str(connections["orders"].settings_dict["NAME"])
        self._block[name] = list(range(999, 0, -1))

    @contextmanager
    def _quick_savepoints(self, database: str) -> Iterator[None]:
        """
        A savepoint is a third of all statements; straight to libpq each costs a third. Where a fault lies in wait they
        take the ordinary way, on which faults see them.
        """
        connection = connections[database]

        def quick(name: str, command: str) -> Callable[[str], None]:
            ordinary = getattr(connection, name)

            def run(sid: str) -> None:
                self._savepoints += 1
                assert self._savepoints < MOST_SAVEPOINTS, "a turn that does not end"
                if connection.execute_wrappers:
                    ordinary(sid)
                else:
                    _run(database, f'{command} "{sid}"')

            return run

        with ExitStack() as stack:
            for name, command in SAVEPOINTS.items():
                stack.enter_context(patch.object(connection, name, quick(name, command)))
            yield

    def begin(self, database: str) -> None:
        """A new transaction, at the present instant."""
        self._transaction += 1
        self.turns[database] += 1
        self._savepoints = 0
        now = f"SET LOCAL simulation.now = '{self.clock.instant.isoformat()}'"
        _run(database, f"{now}; SET LOCAL simulation.transaction = '{self._transaction}'")

    def query(self, database: str, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """The rows of a query of the simulation's own."""
        return connections[database].connection.execute(query, parameters).fetchall()

    def _prepare(self, database: str) -> None:
        with connections[database].cursor() as cursor:
            cursor.execute(VIRTUAL + "".join(FUNCTION.format(name=name) for name in CLOCKS))


def _run(database: str, statement: str) -> None:
    result = connections[database].connection.pgconn.exec_(statement.encode())
    assert result.status == ExecStatus.COMMAND_OK, result.error_message


def sweep_up() -> None:
    """Give back the room that lives took in the tables although they were rolled back."""
    for connection in (connections[database] for database in DATABASES):
        if not connection.in_atomic_block:
            with connection.cursor() as cursor:
                cursor.execute("VACUUM")
