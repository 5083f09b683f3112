"""A Postgres with a streaming standby, each a process with a data directory of its own."""

import contextlib
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any

import psycopg

from nexus.embedded.identity import Identity
from nexus.embedded.postgres import Postgres
from nexus.embedded.process import EngineProcess
from tests.eventually import eventually

SETTINGS = ("wal_keep_size=256MB", "wal_retrieve_retry_interval=500ms")
STATE = "SELECT count(*) FROM pg_stat_replication WHERE application_name = %s AND sync_state = %s"
STREAMING = "SELECT count(*) FROM pg_stat_replication WHERE application_name = %s AND state = 'streaming'"


class Node(Postgres):
    """Durable, because an acknowledged commit is what is to survive; known to the other by its title."""

    def __init__(self, home: Path, title: str) -> None:
        super().__init__(var=home / f"postgres-{title}", durable=True)
        self.title = title  # type: ignore[misc]
        self.process = EngineProcess(engine=self)

    def command(self, *, port: int) -> list[str]:
        more = (f"cluster_name={self.title}", *SETTINGS)
        return [*super().command(port=port), *(word for each in more for word in ("-c", each))]

    @property
    def port(self) -> int:
        return self.process.port

    def start(self) -> None:
        self.process = EngineProcess(engine=self)
        self.process.launch()
        self.process.wait_until_ready()

    def copy(self, primary: "Node") -> None:
        """Begin anew as a standby of the other, whatever was here before."""
        shutil.rmtree(self.data, ignore_errors=True)
        self.data.mkdir(parents=True, mode=0o700)
        account = self.account()
        account.own(folder=self.data)
        source = f"host=127.0.0.1 port={primary.port} user=nexus application_name={self.title} sslmode=disable"
        tool = str(self._tool("pg_basebackup"))
        words = [tool, "-D", str(self.data), "-d", source, "-R", "-X", "stream", "-c", "fast", "--no-sync"]
        done = subprocess.run(
            account.words(command=words), cwd="/", capture_output=True, text=True, timeout=120, **account.switch()
        )
        assert done.returncode == 0, done.stderr

    def kill(self) -> None:
        """As a power cut would: the server and all its children, none of which may finish what it is about to say."""
        owner = Identity.read(file=self.record)
        assert owner
        family = Path(f"/proc/{owner.pid}/task/{owner.pid}/children").read_text().split()
        for pid in (owner.pid, *map(int, family)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait_until_stopped()

    def stop(self) -> None:
        self.process.ask_to_stop()
        self.process.wait_until_stopped()

    def ask_one(self, query: str, *parameters: Any, database: str = "postgres") -> Any:
        """The first value that the query yields, if it yields any."""
        address = f"postgresql://nexus@127.0.0.1:{self.port}/{database}"
        with psycopg.connect(address, autocommit=True, connect_timeout=5) as connection:
            cursor = connection.execute(query, parameters or None)
            row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None

    def promote(self) -> None:
        """Become the primary, on a timeline of its own; it was copied before its primary waited for anybody."""
        assert self.ask_one("SELECT pg_promote()")

    def wait_for(self, standby: "Node") -> None:
        """From now on no commit is acknowledged before the standby has it on its disk."""
        self.ask_one(f"ALTER SYSTEM SET synchronous_standby_names = '{standby.title}'")
        self.ask_one("SELECT pg_reload_conf()")
        eventually(lambda: self.ask_one(STATE, standby.title, "sync"), within=60)

    def is_followed_by(self, standby: "Node") -> bool:
        return bool(self.ask_one(STREAMING, standby.title))
