"""Starting, stopping, refusing: the context manager in this very process."""

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from nexus.embedded import wheels
from nexus.embedded.errors import AlreadyStarted
from nexus.embedded.launcher import engines

from .owner import REPOSITORY, recorded
from .shelf import Shelf


@pytest.fixture(scope="class")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    with pytest.MonkeyPatch.context() as patch:
        for name in wheels.VARIABLES:
            patch.delenv(name, raising=False)
        var = tmp_path_factory.mktemp("engines")
        with engines(var=var, announce=print) as addresses:
            yield var, addresses


class TestStartedEngines:
    def test_answer_at_the_addresses_promised(self, shared):
        _, addresses = shared

        Shelf(addresses).put("lamp")

        assert Shelf(addresses).read() == {"PostgreSQL": "lamp", "MongoDB": "lamp", "Valkey": "lamp"}
        assert {name: address.split("127.0.0.1")[0] for name, address in addresses.items()} == {
            "NEXUS_POSTGRES_URL": "postgresql://nexus@",
            "NEXUS_MONGO_URL": "mongodb://",
            "NEXUS_REDIS_URL": "redis://",
        }

    def test_are_postgres_18_durable_and_wide_enough(self, shared):
        shelf = Shelf(shared[1])

        settings = {name: shelf.postgres_setting(name) for name in ("fsync", "max_connections")}

        assert shelf.postgres_setting("server_version").startswith("18.")
        assert settings == {"fsync": "on", "max_connections": "200"}

    def test_give_mongodb_an_eighth_of_the_memory(self, shared):
        memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        with MongoClient[dict[str, Any]](shared[1]["NEXUS_MONGO_URL"]) as mongo:
            cache = mongo.admin.command("serverStatus")["wiredTiger"]["cache"]["maximum bytes configured"]

        assert cache == pytest.approx(min(max(memory / 8, 2**28), 2**32), abs=2**24)

    def test_give_transactions_and_change_streams(self, shared):
        with MongoClient[dict[str, Any]](shared[1]["NEXUS_MONGO_URL"]) as mongo:
            lamps = mongo.get_default_database()["lamps"]
            with lamps.watch() as changes, mongo.start_session() as session:
                with session.start_transaction():
                    lamps.insert_one({"sku": "LAMP"}, session=session)

                change = next(changes)

        assert change["fullDocument"]["sku"] == "LAMP"

    def test_never_run_postgres_as_root(self, shared):
        data = shared[0] / "postgres" / "data"

        assert data.stat().st_uid != 0
        assert (data / "postmaster.pid").stat().st_uid != 0

    def test_refuse_a_second_owner_of_the_directory(self, shared):
        with pytest.raises(AlreadyStarted) as refusal, engines(var=shared[0], announce=print):
            pass

        assert f"already running for process {os.getpid()}; stop that one first" in str(refusal.value)
        assert all(engine.is_running() for engine in recorded(shared[0]).values())


class TestStopping:
    def test_leaves_no_process_and_no_record(self, var, monkeypatch):
        monkeypatch.setenv("NEXUS_MONGO_URL", "mongodb://elsewhere")
        with engines(var=var, announce=print) as addresses:
            processes = {*recorded(var).values(), *Shelf(addresses).postgres_processes()}
            alive_before = [one for one in processes if one.is_running()]

        alive_after = [one for one in processes if one.is_running()]

        assert len(alive_before) > 3
        assert alive_after == []
        assert recorded(var) == {}


class TestRestarting:
    def test_keeps_data_and_addresses(self, var):
        with engines(var=var, announce=print) as before:
            Shelf(before).put("lamp")

        with engines(var=var, announce=print) as after:
            found = Shelf(after).read()

        assert set(found.values()) == {"lamp"}
        assert after == before

    def test_moves_with_its_data_when_the_ports_were_taken(self, var):
        with engines(var=var, announce=print) as before:
            Shelf(before).put("lamp")

        with _taken(var), engines(var=var, announce=print) as after:
            found = Shelf(after).read()

        assert set(found.values()) == {"lamp"}
        assert not set(before.values()) & set(after.values())

    def test_makes_anew_what_was_half_made(self, var, monkeypatch):
        monkeypatch.setenv("NEXUS_REDIS_URL", "redis://elsewhere")
        monkeypatch.setenv("NEXUS_MONGO_URL", "mongodb://elsewhere")
        (var / "postgres/data.new").mkdir(parents=True)
        (var / "postgres/data.new/PG_VERSION").write_text("18")

        with engines(var=var, durable=False, announce=print) as addresses:
            assert set(addresses) == {"NEXUS_POSTGRES_URL"}

        assert [folder.name for folder in (var / "postgres").iterdir() if folder.is_dir()] == ["data"]


FORKING = """
import os, sys
from pathlib import Path
import redis
from nexus.embedded.throwaway import throwaway_engines

with throwaway_engines(parent=Path(sys.argv[1]), announce=print) as addresses:
    child = os.fork()
    if child == 0:
        sys.exit(0)  # leaves the block as well
    os.waitpid(child, 0)
    assert (Path(sys.argv[1]) / str(os.getpid()) / "valkey/process.json").exists()
    redis.Redis.from_url(addresses["NEXUS_REDIS_URL"]).ping()
"""


class TestForking:
    def test_leaves_the_engines_with_the_process_that_started_them(self, var, monkeypatch):
        monkeypatch.setenv("NEXUS_POSTGRES_URL", "postgresql://elsewhere")
        monkeypatch.setenv("NEXUS_MONGO_URL", "mongodb://elsewhere")

        done = subprocess.run([sys.executable, "-c", FORKING, str(var)], cwd=REPOSITORY, timeout=30, check=False)

        assert done.returncode == 0


class TestGivenEngines:
    def test_are_not_started(self, var, monkeypatch):
        monkeypatch.setenv("NEXUS_POSTGRES_URL", "postgresql://elsewhere/nexus")
        monkeypatch.setenv("NEXUS_MONGO_URL", "mongodb://elsewhere/nexus_catalog")

        with engines(var=var, announce=print) as addresses:
            running = set(recorded(var))

        assert set(addresses) == {"NEXUS_REDIS_URL"}
        assert running == {"Valkey"}

    def test_need_no_directory_when_all_three_are_given(self, tmp_path, monkeypatch):
        for name in wheels.VARIABLES:
            monkeypatch.setenv(name, "elsewhere://")

        with engines(var=tmp_path / "var", announce=print) as addresses:
            assert addresses == {}

        assert not (tmp_path / "var").exists()


AS_AN_ORDINARY_USER = """
import os, pwd, sys
from pathlib import Path
from nexus.embedded.launcher import engines

first, second = Path(sys.argv[1]), Path(sys.argv[2])
if os.geteuid() == 0:
    # An interpreter in root's home is closed to others: what it imports late has to be there before the change.
    with engines(var=first, durable=False, announce=print):
        pass
    nobody = pwd.getpwnam("nobody")
    second.mkdir()
    os.chown(second, nobody.pw_uid, nobody.pw_gid)
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)
with engines(var=second, durable=False, announce=print) as addresses:
    assert len(addresses) == 3
    print("started by", os.geteuid())
"""


class TestUsers:
    def test_need_not_be_root(self, var):
        words = [sys.executable, "-c", AS_AN_ORDINARY_USER, str(var / "first"), str(var / "second")]

        done = subprocess.run(words, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)

        assert done.returncode == 0, done.stderr
        assert "started by 0\n" not in done.stdout
        assert (var / "second" / "postgres" / "data").stat().st_uid != 0

    def test_may_keep_the_directory_closed_to_others(self, tmp_path, monkeypatch):
        monkeypatch.setenv("NEXUS_REDIS_URL", "redis://elsewhere")
        monkeypatch.setenv("NEXUS_MONGO_URL", "mongodb://elsewhere/nexus_catalog")
        tmp_path.chmod(0o700)

        with engines(var=tmp_path / "var", durable=False, announce=print) as addresses:
            assert set(addresses) == {"NEXUS_POSTGRES_URL"}


@contextmanager
def _taken(var: Path) -> Iterator[None]:
    """Hold every port remembered in the directory."""
    with ExitStack() as stack:
        for file in var.glob("*/port"):
            holder = stack.enter_context(socket.socket())
            # Said while binding, so that the engine's last connections, which linger, do not keep us out; unsaid
            # afterwards, so that others who say it are kept out. Nobody listens: MongoDB would wait for an answer.
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holder.bind(("127.0.0.1", int(file.read_text())))
            holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 0)
        yield
