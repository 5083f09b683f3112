"""Owners that are told to go, owners that are killed, and what they leave behind."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from nexus.embedded import interrupts
from nexus.embedded.identity import Identity
from nexus.embedded.launcher import ENGINES, engines
from nexus.embedded.valkey import Valkey
from tests.eventually import eventually

from .owner import recorded
from .shelf import Shelf


@pytest.fixture
def default_sigterm() -> Iterator[None]:
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


@pytest.fixture
def only_valkey(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_POSTGRES_URL", "postgresql://elsewhere/nexus")
    monkeypatch.setenv("NEXUS_MONGO_URL", "mongodb://elsewhere/nexus_catalog")


@pytest.fixture
def only_postgres(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEXUS_REDIS_URL", "redis://elsewhere")
    monkeypatch.setenv("NEXUS_MONGO_URL", "mongodb://elsewhere/nexus_catalog")


class TestTerminatedOwner:
    def test_leaves_no_process(self, var, own):
        owner = own(var)
        shelf = Shelf(owner.addresses())
        processes = {*owner.engines().values(), *shelf.postgres_processes()}

        owner.process.send_signal(signal.SIGTERM)

        assert owner.process.wait(timeout=30) == 143
        assert len(processes) > 3
        assert [one for one in processes if one.is_running()] == []

    def test_leaves_no_process_on_ctrl_c_either(self, var, own, only_valkey):
        owner = own(var)
        owner.addresses()
        valkey = owner.engines()["Valkey"]

        owner.process.send_signal(signal.SIGINT)

        assert owner.process.wait(timeout=30) == 130
        assert not valkey.is_running()

    def test_leaves_no_process_when_it_is_still_starting(self, var, own):
        owner = own(var)
        assert eventually(lambda: "Valkey" in owner.engines())

        owner.process.send_signal(signal.SIGTERM)

        assert owner.process.wait(timeout=30) == 143
        assert recorded(var) == {}
        assert not any(_is_mentioned_by_a_process(kind(var=var, durable=True).data) for kind in ENGINES)


class TestKilledOwner:
    def test_is_followed_by_one_that_finds_the_data(self, var, own):
        killed = own(var)
        Shelf(killed.addresses()).put("lamp")
        orphans = killed.engines()
        killed.kill()
        assert all(orphan.is_running() for orphan in orphans.values())

        with engines(var=var, announce=print) as addresses:
            found = Shelf(addresses).read()
            successors = recorded(var)

        assert set(found.values()) == {"lamp"}
        assert set(orphans) == set(successors) == {"PostgreSQL", "MongoDB", "Valkey"}
        assert not any(orphan.is_running() for orphan in orphans.values())

    def test_may_take_its_engines_down_with_it(self, var, own):
        killed = own(var)
        Shelf(killed.addresses()).put("lamp")
        dead = killed.engines()
        killed.kill()
        for engine in dead.values():
            engine.send(signum=signal.SIGKILL)
        assert eventually(lambda: not any(engine.is_running() for engine in dead.values()))
        locks = [path.name for path in var.glob("*/data/*") if path.name in {"postmaster.pid", "mongod.lock"}]

        with engines(var=var, announce=print) as addresses:
            found = Shelf(addresses).read()

        assert sorted(locks) == ["mongod.lock", "postmaster.pid"]
        assert set(found.values()) == {"lamp"}

    def test_may_have_been_killed_before_it_wrote_down_what_it_started(self, var, own):
        killed = own(var, "--throwaway")
        killed.addresses()
        inside = var / "throwaway" / str(killed.process.pid)
        orphans = recorded(inside)
        killed.kill()
        for record in inside.glob("*/process.json"):
            record.unlink()

        with engines(var=inside, durable=False, announce=print):
            successors = recorded(inside)

        assert len(orphans) == len(successors) == 3
        assert not any(orphan.is_running() for orphan in orphans.values())

    def test_may_have_left_a_backend_that_still_writes(self, var, own, only_postgres):
        killed = own(var)
        backends = Shelf(killed.addresses()).postgres_processes()
        lingering = next(iter(backends))
        lingering.send(signum=signal.SIGSTOP)
        server = killed.engines()["PostgreSQL"]
        killed.kill()
        server.send(signum=signal.SIGKILL)
        assert eventually(lambda: not server.is_running())

        with _let_go_once_it_is_noticed(lingering, var / "postgres") as noticed, engines(var=var, announce=print):
            successor = recorded(var)["PostgreSQL"]

        assert successor != server
        assert noticed == ["pre-existing shared memory block"]
        assert not lingering.is_running()


class TestStaleLock:
    def test_of_postgres_that_names_a_stranger_does_not_prevent_a_start(self, var, only_postgres, stranger):
        with engines(var=var, announce=print):
            lock = (var / "postgres/data/postmaster.pid").read_text()
        stale = var / "postgres/data/postmaster.pid"
        stale.write_text("\n".join([str(stranger.pid), *lock.splitlines()[1:]]))
        owner = (var / "postgres/data").stat()
        os.chown(stale, owner.st_uid, owner.st_gid)

        with engines(var=var, announce=print) as addresses:
            assert set(addresses) == {"NEXUS_POSTGRES_URL"}

        assert stranger.poll() is None

    def test_that_makes_no_sense_does_not_prevent_a_start(self, var, only_valkey):
        (var / "valkey/data").mkdir(parents=True)
        (var / "valkey/data/valkey.pid").write_text("not a number")
        (var / "valkey/process.json").write_text("{")
        (var / "valkey/port").write_text("none")

        with engines(var=var, announce=print) as addresses:
            assert set(addresses) == {"NEXUS_REDIS_URL"}


class TestRecycledPid:
    def test_is_not_killed(self, var, only_valkey, stranger):
        engine = Valkey(var=var, durable=True)
        engine.data.mkdir(parents=True)
        Identity(pid=stranger.pid, began="long ago").write(file=engine.record)

        with engines(var=var, announce=print):
            assert recorded(var)["Valkey"].pid != stranger.pid

        assert stranger.poll() is None


class TestIdentity:
    def test_is_lost_when_the_process_ends(self):
        child = subprocess.Popen(["sleep", "300"])
        identity = Identity.of(pid=child.pid)
        was_running = identity.is_running()

        child.kill()

        assert was_running
        assert eventually(lambda: not identity.is_running()), "a zombie counts as ended"
        child.wait()

    def test_is_not_shared_by_a_process_that_began_at_another_time(self):
        me = Identity.of(pid=os.getpid())

        assert not Identity(pid=me.pid, began=f"{me.began}0").is_running()


class TestSignals:
    def test_act_after_the_block_that_holds_them(self):
        done = []

        def work() -> None:
            with interrupts.held():
                os.kill(os.getpid(), signal.SIGINT)
                done.append("the whole block")

        with pytest.raises(KeyboardInterrupt):
            work()

        assert done == ["the whole block"]

    def test_that_ask_to_terminate_are_raised(self, default_sigterm):
        with pytest.raises(interrupts.Terminated) as end, interrupts.termination_raised():
            os.kill(os.getpid(), signal.SIGTERM)

        assert end.value.signum == signal.SIGTERM
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL

    def test_stay_with_whoever_handles_them_already(self, default_sigterm):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)

        with interrupts.termination_raised():
            os.kill(os.getpid(), signal.SIGTERM)

        assert signal.getsignal(signal.SIGTERM) == signal.SIG_IGN


@contextmanager
def _let_go_once_it_is_noticed(lingering: Identity, postgres: Path) -> Iterator[list[str]]:
    """Wake the stopped backend as soon as a new server's log complains of it."""
    noticed: list[str] = []
    complaint = "pre-existing shared memory block"
    over = threading.Event()

    def watch() -> None:
        while not over.wait(0.01):
            with suppress(FileNotFoundError):  # logs are renamed meanwhile
                if any(complaint in log.read_text() for log in postgres.glob("log*.txt")):
                    noticed.append(complaint)
                    return

    watcher = threading.Thread(target=lambda: (watch(), lingering.send(signum=signal.SIGCONT)))
    watcher.start()
    try:
        yield noticed
    finally:
        over.set()
        watcher.join()


def _is_mentioned_by_a_process(data: Path) -> bool:
    everyone = subprocess.run(["ps", "-axww", "-o", "command="], capture_output=True, text=True, check=True).stdout
    return str(data) in everyone
