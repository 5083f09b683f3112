"""Where Django looks for a backend."""

from typing import Any

from django.db import connections
from django.db.backends.postgresql import base

from nexus.eventbus.postgresql.connection import PatientConnection
from nexus.eventbus.postgresql.door import doors


class DatabaseWrapper(base.DatabaseWrapper):
    """Hands out no connection that the server has closed, and asks no server that is known not to answer."""

    _silences = 0
    """How often the server had fallen silent when the present connection was handed out."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """
        A connection from the pool, or one of its own where there is none.

        :raises psycopg.OperationalError: the server does not answer, or did not a moment ago
        """
        if self.pool is None:
            return PatientConnection.connect(**conn_params)
        door = doors[self.settings_dict["NAME"]]
        self._silences = door.silences
        if door.forget_silence():
            self.pool.drain()
        if not door.is_open and not self.pool.get_stats().get("pool_available"):
            door.knock()
        while (connection := super().get_new_connection(conn_params)).has_hung_up():
            connection.close()
            self.pool.putconn(connection)
        return connection

    def close_unless_good(self) -> None:
        """
        Let the connection go if anything is wrong with it. One that is good stays with its thread.

        Taking another from the pool for each piece of work costs as much as a statement, and each time a process of
        Postgres whose caches are cold; Django's own `close_if_unusable_or_obsolete` does so where there is a pool.
        """
        ours = self.connection
        if ours is not None and (
            self.errors_occurred
            or ours.closed
            or self.get_autocommit() != self.settings_dict["AUTOCOMMIT"]
            or self._silences != doors[self.settings_dict["NAME"]].silences
            or ours.has_hung_up()
        ):
            self.close()


def close_broken_connections() -> None:
    """Between pieces of work, for threads that do nothing else: what `close_old_connections` is between requests."""
    for connection in connections.all(initialized_only=True):
        if isinstance(connection, DatabaseWrapper):
            connection.close_unless_good()
        else:
            connection.close_if_unusable_or_obsolete()
