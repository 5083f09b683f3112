"""A database as whoever moves it sees it: it can be come into, shut to everybody else, and opened again."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, LiteralString
from urllib.parse import unquote, urlsplit

import psycopg
from django.conf import settings
from psycopg import sql

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
    """A database: its server, the role that comes in, which must own it, and its name."""

    host: str
    port: int
    user: str
    password: str
    name: str

    @classmethod
    def of_settings(cls, alias: str) -> "Place":
        """Where this process has that app's data."""
        found = settings.DATABASES[alias]
        return cls(
            host=found["HOST"],
            port=int(found["PORT"]),
            user=found["USER"],
            password=found["PASSWORD"],
            name=found["NAME"],
        )

    @classmethod
    def of_url(cls, url: str, *, app: str) -> "Place":
        """
        Of a server's address as NEXUS_POSTGRES_URL has it: the path begins the database's name.

        :raises CannotMove: it is no such address
        """
        parts = urlsplit(url)
        if parts.scheme not in ("postgresql", "postgres") or not parts.hostname or len(parts.path) < 2:
            raise CannotMove("--to must look like postgresql://ROLE:PASSWORD@HOST:PORT/nexus, as NEXUS_POSTGRES_URL")
        return cls(
            host=parts.hostname,
            port=parts.port or 5432,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            name=f"{parts.path.lstrip('/')}_{app}",
        )

    def __str__(self) -> str:
        return f"{self.name} at {self.host}:{self.port}"

    def connect(self, name: str = "") -> Connection:
        """
        A connection to it, or to another database of its server; each statement commits.

        :raises CannotMove: it does not let us in
        """
        try:
            return psycopg.connect(
                host=self.host,
                port=self.port,
                user=self.user,
                password=self.password,
                dbname=name or self.name,
                autocommit=True,
                connect_timeout=5,
                options=OPTIONS,
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
