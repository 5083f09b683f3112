"""
One statement on the event loop, asked again and again by a connection of its own, in libpq's own words.

A thread that asks has to be given the work and the interpreter, and gives both back: that costs more than the question.
"""

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import psycopg
from django.conf import settings
from psycopg.errors import error_from_result
from psycopg.pq import ConnStatus, ExecStatus

from nexus.eventbus.postgresql.connection import GRACE, PatientConnection
from nexus.eventbus.postgresql.door import Door, doors
from nexus.eventbus.stores.postgres_rows import connect

NAME = b"asked"
Rows = list[tuple[bytes | None, ...]]
"""Values as PostgreSQL writes them."""


class Line:
    """
    Connects when first asked, and anew after a failure.

    :param statement: with ``$1`` and so on for its parameters
    """

    def __init__(self, database: str, statement: str) -> None:
        self._database, self._statement = database, statement
        self._connection: PatientConnection | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._socket = -1
        self._answer: asyncio.Future[Rows] | None = None
        self._results: list[Any] = []
        self._silences = 0
        """How often the server had fallen silent when this connection was made."""

    async def ask(self, *parameters: bytes) -> Rows:
        """
        Its rows. One question at a time; who gives up waiting hangs up.

        :raises psycopg.Error: there are none; of a server that keeps silent nobody can tell what it did
        """
        if self._answer:
            raise RuntimeError("one question at a time")
        self._answer = answer = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(settings.STATEMENT_SECONDS + GRACE):
                return await self._asked(answer, parameters)
        except TimeoutError as silence:
            self._door.fell_silent()
            self.hang_up()
            raise psycopg.OperationalError("the database does not answer") from silence
        except BaseException:
            # What is still to come would be taken for the answer to another question.
            self.hang_up()
            raise
        finally:
            self._answer = None

    async def reach(self) -> PatientConnection:
        """
        Connect, unless there is a connection that nobody has a doubt about.

        :raises psycopg.Error: nobody is there, or was a moment ago (`LeftAlone`); nothing was asked
        """
        loop = asyncio.get_running_loop()
        if self._loop is not loop or self._silences != self._door.silences:
            self.hang_up()
        if self._connection:
            return self._connection
        self._door.knock()
        return await self._connect(loop)

    def hang_up(self) -> None:
        """Let the connection go."""
        connection, self._connection = self._connection, None
        if connection is not None:
            if self._loop and not self._loop.is_closed():
                # A connection that is lost does not say any more which it was.
                self._loop.remove_reader(self._socket)
                self._loop.remove_writer(self._socket)
            connection.close()
        self._results.clear()

    @property
    def _door(self) -> Door:
        return doors[str(settings.DATABASES[self._database]["NAME"])]

    async def _asked(self, answer: "asyncio.Future[Rows]", parameters: Sequence[bytes]) -> Rows:
        wire = (await self.reach()).pgconn
        wire.send_query_prepared(NAME, parameters)
        while not answer.done() and wire.flush():
            await self._writable(answer.get_loop(), answer)
        return await answer

    async def _connect(self, loop: asyncio.AbstractEventLoop) -> PatientConnection:
        dialing = loop.run_in_executor(None, self._dial)
        try:
            connection = await asyncio.shield(dialing)
        except asyncio.CancelledError:
            dialing.add_done_callback(_close)
            raise
        self._connection, self._loop, self._socket = connection, loop, connection.pgconn.socket
        self._silences = self._door.silences
        loop.add_reader(self._socket, partial(self._heard, connection))
        return connection

    def _dial(self) -> PatientConnection:
        connection = connect(self._database)
        try:
            _check(connection.pgconn.prepare(NAME, self._statement.encode()), ExecStatus.COMMAND_OK)
        except psycopg.Error:
            connection.close()
            raise
        connection.pgconn.nonblocking = 1
        return connection

    async def _writable(self, loop: asyncio.AbstractEventLoop, answer: "asyncio.Future[Rows]") -> None:
        ready = loop.create_future()
        loop.add_writer(self._socket, _now, ready)
        try:
            # Whatever is heard meanwhile, that the connection is lost above all, ends the waiting too.
            await asyncio.wait([ready, answer], return_when=asyncio.FIRST_COMPLETED)
        finally:
            if self._connection:
                loop.remove_writer(self._socket)

    def _heard(self, connection: PatientConnection) -> None:
        wire = connection.pgconn
        try:
            wire.consume_input()
            while not wire.is_busy():
                if (result := wire.get_result()) is None:
                    break
                self._results.append(result)
            else:
                return
            if wire.status != ConnStatus.OK:
                raise psycopg.OperationalError("the connection is gone")
            if self._results:
                results, self._results = self._results, []
                self._tell(_rows(results[-1]))
        except psycopg.Error as why:
            self._tell(why)
            self.hang_up()

    def _tell(self, found: Rows | psycopg.Error) -> None:
        if self._answer and not self._answer.done():
            if isinstance(found, psycopg.Error):
                self._answer.set_exception(found)
            else:
                self._answer.set_result(found)


def _check(result: Any, wanted: ExecStatus) -> None:
    if result.status != wanted:
        raise error_from_result(result)


def _rows(result: Any) -> Rows:
    _check(result, ExecStatus.TUPLES_OK)
    places = range(result.nfields)
    return [tuple(result.get_value(row, place) for place in places) for row in range(result.ntuples)]


def _now(ready: "asyncio.Future[None]") -> None:
    if not ready.done():
        ready.set_result(None)


def _close(dialing: "asyncio.Future[PatientConnection]") -> None:
    if not dialing.cancelled() and not dialing.exception():
        dialing.result().close()
