"""A database as whoever moves it sees it: it can be come into, shut to everybody else, and opened again."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, LiteralString

import psycopg
from django.conf import settings
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from nexus.eventbus.stores.postgres_rows import DJANGOS_OWN

Connection = psycopg.Connection[tuple[Any, ...]]
MAINTENANCE = "postgres"
GONE_WITHIN = 20.0
LOOK_EVERY = 0.05
# Copying takes its time, and texts of the same rows have to be the same. We may write where nobody else may.
OPTIONS = (
    "-c statement_timeout=0 -c lock_timeout=10000 -c idle_in_transaction_session_timeout=0 -c timezone=UTC "
    "-c default_transaction_read_only=off"
)
LOOK = """
SELECT system_identifier || '/' || oid, datallowconn FROM pg_control_system(), pg_database WHERE datname = %s
"""
INSIDE = """
SELECT pid FROM pg_stat_activity WHERE datname = %s AND backend_type = 'client backend' AND pid <> ALL(%s)
"""


class CannotMove(Exception):
    """Why the data stays where it is."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """
    A database: its server, the role that comes in, which must own it, and its name. `host` and `port` are lists when
    the server is a primary and its standbys; `more` is whatever else libpq is told, such as ``sslmode``.
    """

    host: str
    port: str
    user: str
    password: str
    name: str
    more: Mapping[str, Any]

    @classmethod
    def of_settings(cls, alias: str) -> "Place":
        """Where this process has that app's data."""
        found = settings.DATABASES[alias]
        return cls(
            host=found["HOST"],
            port=found["PORT"],
            user=found["USER"],
            password=found["PASSWORD"],
            name=found["NAME"],
            more={name: value for name, value in found["OPTIONS"].items() if name not in DJANGOS_OWN},
        )

    @classmethod
    def of_url(cls, url: str, *, app: str) -> "Place":
        """
        Of a server's address as NEXUS_POSTGRES_URL has it: the path begins the database's name.

        :raises CannotMove: it is no such address
        """
        try:
            found: dict[str, Any] = {"user": "", "password": "", "port": "5432"} | conninfo_to_dict(url)
            host, name = found.pop("host"), found.pop("dbname")
        except (psycopg.ProgrammingError, KeyError):
            # Without what is wrong with it, which may be the password.
            raise CannotMove(
                "--to must look like postgresql://ROLE:PASSWORD@HOST:PORT/nexus, as NEXUS_POSTGRES_URL"
            ) from None
        if "," in host:
            found.setdefault("target_session_attrs", "read-write")
        place = {each: found.pop(each) for each in ("port", "user", "password")}
        return cls(host=host, name=f"{name}_{app}", more=found, **place)

    def __str__(self) -> str:
        return f"{self.name} at {self.host}:{self.port}"

    def connect(self, name: str = "") -> Connection:
        """
        A connection to it, or to another database of its server; each statement commits.

        :raises CannotMove: it does not let us in
        """
        try:
            return psycopg.connect(
                **{
                    **self.more,
                    "host": self.host,
                    "port": self.port,
                    "user": self.user,
                    "password": self.password,
                    "dbname": name or self.name,
                    "connect_timeout": 5,
                    "options": f"{self.more.get('options', '')} {OPTIONS}",
                },
                autocommit=True,
            )
        except psycopg.OperationalError as why:
            raise CannotMove(f"{name or self}: {why}") from why

    def is_open(self) -> bool:
        """Whether it lets anybody in."""
        return self._look()[1]

    def identity(self) -> str:
        """Which database of which cluster it is, whatever its address."""
        return self._look()[0]

    def _look(self) -> tuple[str, bool]:
        with self.connect(MAINTENANCE) as server:
            found = server.execute(LOOK, [self.name]).fetchone()
        if found is None:
            raise CannotMove(f"there is no {self}; `manage.py prepare --roles` makes it")
        return found[0], found[1]

    def open(self) -> None:
        """Let everybody in who may."""
        self._alter("RESET default_transaction_read_only")
        self._alter("ALLOW_CONNECTIONS true")

    def shut(self, *, but: Sequence[Connection] = ()) -> None:
        """
        Let nobody in, and end whoever is inside, but for these connections. A shop that meets it takes it for a server
        that is away. It stays so when this process ends.

        :raises CannotMove: somebody is still inside
        """
        # Whoever gets in all the same, while we come in once more, finds nothing to write to.
        self._alter("SET default_transaction_read_only = on")
        self._alter("ALLOW_CONNECTIONS false")
        ours = [each.info.backend_pid for each in but]
        deadline, quiet = time.monotonic() + GONE_WITHIN, 0
        with self.connect(MAINTENANCE) as server:
            # Twice: who was on the way in when it was shut is seen a moment later.
            while quiet < 2:
                inside = [pid for [pid] in server.execute(INSIDE, [self.name, ours]).fetchall()]
                quiet = 0 if inside else quiet + 1
                server.execute("SELECT pg_terminate_backend(pid) FROM unnest(%s::int[]) AS pid", [inside])
                if time.monotonic() > deadline:
                    raise CannotMove(f"{len(inside)} connections to {self} do not end")
                time.sleep(LOOK_EVERY)

    def enter_alone(self) -> Connection:
        """
        The only connection to it, open or shut as it may be; it is shut from then on.

        :raises CannotMove: it does not let us in, or somebody does not leave
        """
        self._alter("ALLOW_CONNECTIONS true")
        connection = self.connect()
        self.shut(but=[connection])
        return connection

    def drop(self) -> None:
        """Take it away with all it has."""
        with self.connect(MAINTENANCE) as server:
            server.execute(sql.SQL("DROP DATABASE {}").format(sql.Identifier(self.name)))

    def _alter(self, how: LiteralString) -> None:
        with self.connect(MAINTENANCE) as server:
            try:
                server.execute(sql.SQL("ALTER DATABASE {} ").format(sql.Identifier(self.name)) + sql.SQL(how))
            except psycopg.Error as why:
                raise CannotMove(f"{self}: {why}") from why
