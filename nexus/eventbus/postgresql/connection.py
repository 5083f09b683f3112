"""A connection that waits for an answer as long as a statement may take, and no longer."""

import select
from typing import Any

import psycopg
from django.conf import settings
from psycopg.errors import _WaitTimeout
from psycopg.pq import ConnStatus

from nexus.eventbus.postgresql.door import LeftAlone, doors

INTERVAL = 0.1
LATE = 1.0
"""Seconds after which an answer is late."""
GRACE = 1.0
"""Seconds beyond what a statement may take: the server that ends it says so, and that has to arrive."""


class PatientConnection(psycopg.Connection[Any]):
    """
    Gives up a server that keeps silent.

    The server ends a statement that takes too long, and TCP notices a host that has vanished. A server that stands
    still, or a connection of which it knows nothing any more, is noticed by nobody else.
    """

    takes_its_time = False
    """Set where a statement may run for minutes: then nothing but TCP ends the waiting."""

    @classmethod
    def connect(cls, conninfo: str = "", **parameters: Any) -> "PatientConnection":
        """As psycopg's; what comes of it is remembered for all who want to."""
        door = doors[parameters["dbname"]]
        try:
            connection = super().connect(conninfo, **parameters)
        except psycopg.OperationalError:
            door.failed()
            raise
        door.answered()
        return connection

    def wait(self, gen: Any, interval: float = INTERVAL, timeout: float | None = None) -> Any:
        """
        As psycopg's; without a `timeout` of its own it ends after the time that a statement may take.

        :raises psycopg.OperationalError: the server does not answer, or says what no server says
        """
        try:
            if timeout is not None or self.takes_its_time:
                return super().wait(gen, interval, timeout)
            try:
                return super().wait(gen, interval, LATE)
            except _WaitTimeout:
                return self._wait_on(gen, interval)
        except psycopg.DatabaseError as failure:
            # For libpq that is an error like any other; it has given the connection up all the same.
            if type(failure) is psycopg.DatabaseError and self.pgconn.status != ConnStatus.OK:
                raise psycopg.OperationalError(str(failure)) from failure
            raise

    def has_hung_up(self) -> bool:
        """Whether the server said something unasked, which it does only to take its leave."""
        poll = select.poll()
        poll.register(self.fileno(), select.POLLIN)
        return bool(poll.poll(0))

    def _wait_on(self, gen: Any, interval: float) -> Any:
        door = doors[self.info.dbname]
        try:
            with door.late():
                return super().wait(gen, interval, settings.STATEMENT_SECONDS + GRACE - LATE)
        except (_WaitTimeout, LeftAlone) as silence:
            door.fell_silent()
            # What was asked may still be answered, and would be taken for the answer to something else.
            self.pgconn.finish()
            raise psycopg.OperationalError("the database does not answer") from silence
