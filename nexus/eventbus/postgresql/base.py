"""Where Django looks for a backend."""

from typing import Any

from django.db.backends.postgresql import base

from nexus.eventbus.postgresql.connection import PatientConnection
from nexus.eventbus.postgresql.door import doors


class DatabaseWrapper(base.DatabaseWrapper):
    """Hands out no connection that the server has closed, and asks no server that is known not to answer."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """
        A connection from the pool, or one of its own where there is none.

        :raises psycopg.OperationalError: the server does not answer, or did not a moment ago
        """
        if self.pool is None:
            return PatientConnection.connect(**conn_params)
        door = doors[self.settings_dict["NAME"]]
        if door.forget_silence():
            self.pool.drain()
        if not door.is_open and not self.pool.get_stats().get("pool_available"):
            door.knock()
        while (connection := super().get_new_connection(conn_params)).has_hung_up():
            connection.close()
            self.pool.putconn(connection)
        return connection
