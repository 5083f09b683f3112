"""The web's server as its clients and its supervisor meet it: real processes, real sockets."""

import asyncio
import errno
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NoReturn

import pytest
from uvicorn.config import STARTUP_FAILURE, Config
from uvicorn.supervisors import multiprocess

from nexus.web.server.__main__ import main
from nexus.web.server.door import NOBODY, REST, Door, Guest, Shares
from nexus.web.server.workers import Worker, Workers
from tests.eventually import eventually
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
APPLICATION = "tests.web.telling_app:app"
ASK = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@contextmanager
def serving(*words: str, application: str = APPLICATION) -> Iterator[tuple[subprocess.Popen[str], int]]:
    port = free_port()
    command = [sys.executable, "-m", "nexus.web.server", application, "--port", str(port), *words]
    process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True, start_new_session=True)
    try:
        yield process, port
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def connect(port: int, *, within: float = 10) -> socket.socket:
    def reached() -> socket.socket | None:
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=within)
        except OSError:
            return None

    return eventually(reached, within=within)


def ask(connection: socket.socket) -> str:
    """What is answered on a connection that stays open."""
    connection.sendall(ASK)
    said = b""
    while not (found := re.search(rb"content-length: (\d+).*?\r\n\r\n(.*)", said, re.DOTALL)) or len(found[2]) < int(
        found[1]
    ):
        more = connection.recv(65536)
        assert more, said
        said += more
    return found[2].decode()


def pids(port: int, *, workers: int) -> set[int]:
    """Of all workers, once so many answer."""

    def seen() -> set[int] | None:
        with ExitStack() as stack:
            inside = [stack.enter_context(connect(port)) for _ in range(2 * workers)]
            try:
                found = {int(ask(each)) for each in inside}
            except (OSError, AssertionError):
                return None  # Of a worker that is going just now.
        return found if len(found) == workers else None

    return eventually(seen)


class TestShares:
    def test_who_has_more_lets_others_go_first(self) -> None:
        counts = [NOBODY] * 4
        one, other = Shares(counts, 0), Shares(counts, 2)
        one.tell(1)
        other.tell(0)

        assert one.is_ahead()
        assert not other.is_ahead()

    def test_nobody_waits_for_who_has_left(self) -> None:
        counts = [NOBODY] * 4
        one, other = Shares(counts, 0), Shares(counts, 1)
        one.tell(1)
        other.tell(0)
        other.leave()

        assert not one.is_ahead()


def test_connections_are_shared_evenly() -> None:
    with serving("--workers", "2") as (_, port):
        workers = pids(port, workers=2)
        with ExitStack() as stack:
            shares = Counter(int(ask(stack.enter_context(connect(port)))) for _ in range(60))

    assert shares.keys() == workers
    assert min(shares.values()) >= 10


def test_a_worker_that_hangs_keeps_nobody_from_another() -> None:
    with serving("--workers", "2") as (_, port):
        hanging, well = pids(port, workers=2)
        os.kill(hanging, signal.SIGSTOP)
        with ExitStack() as stack:
            inside = [stack.enter_context(connect(port)) for _ in range(6)]

            assert {ask(each) for each in inside} == {str(well)}


def test_more_connections_than_there_may_be_wait_outside() -> None:
    with serving("--connections", "2") as (_, port), connect(port) as first, connect(port) as second:
        ask(first)
        ask(second)
        with connect(port) as third:
            third.sendall(ASK)
            third.settimeout(0.5)
            with pytest.raises(TimeoutError):
                third.recv(1)
            second.close()
            third.settimeout(10)

            assert third.recv(15).startswith(b"HTTP/1.1 200 OK")


def test_another_takes_the_place_of_a_worker_that_dies() -> None:
    with serving("--workers", "2") as (process, port):
        before = pids(port, workers=2)
        os.kill(min(before), signal.SIGKILL)
        after = eventually(lambda: (found := pids(port, workers=2)) != before and found)

        assert max(before) in after
        process.terminate()
        assert f"web worker {min(before)} is gone" in process.communicate(timeout=20)[1]


def test_workers_do_not_outlive_the_process_that_started_them() -> None:
    with serving("--workers", "2") as (process, port):
        workers = pids(port, workers=2)
        process.kill()
        process.wait(10)

        eventually(lambda: not any(_runs(pid) for pid in workers))


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_what_is_under_way_is_answered_before_the_end() -> None:
    with serving() as (process, port), connect(port) as connection:
        ask(connection)
        connection.sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n12")
        process.terminate()
        eventually(lambda: is_shut(port))
        connection.sendall(b"34")
        said = b"".join(iter(lambda: connection.recv(65536), b""))

        assert said.startswith(b"HTTP/1.1 200 OK")
        assert b"connection: close" in said
        assert process.wait(10) == 0


def is_shut(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return True
    return False


def test_workers_are_renewed_one_after_the_other() -> None:
    with serving("--workers", "2") as (process, port):
        before = pids(port, workers=2)
        process.send_signal(signal.SIGHUP)

        eventually(lambda: not before & pids(port, workers=2))


def test_says_that_the_port_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "nexus.web.server", APPLICATION, "--port", str(port)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)

    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1, port {port}" in done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--port", "99999"], "'99999' is not a port from 1 to 65535"),
        (["--port", "web"], "'web' is not a port"),
        (["--workers", "0"], "'0' is not a number of at least 1"),
        (["--connections", "-1"], "'-1' is not a number"),
    ],
)
def test_refuses_what_it_cannot_serve_with(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)

    assert ended.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("application", ["tests.web.nowhere:app", "tests.web.telling_app:nothing"])
def test_ends_when_there_is_nothing_to_serve(application: str) -> None:
    with serving(application=application) as (process, _):
        said = process.communicate(timeout=30)[1]

        assert process.returncode == 1
        assert f"{application} cannot be loaded" in said


class TestAWorker:
    """Asked whether it is well."""

    @pytest.fixture
    def worker(self) -> Iterator[Worker]:
        worker = Worker(Config(APPLICATION, log_config=None), [], shares=Shares([0], 0), most=1)
        yield worker
        worker.kill()
        worker.join()

    @pytest.mark.timeout(60)
    def test_that_ends_is_not_waited_for(self, worker: Worker) -> None:
        worker.process = get_context("spawn").Process(target=sys.exit, args=[STARTUP_FAILURE])
        worker.start()

        assert not worker.ping(timeout=600)

        worker.join()
        assert worker.exitcode == STARTUP_FAILURE

    def test_that_answers_is_well(self, worker: Worker) -> None:
        worker.process = get_context("spawn").Process(target=_answer, args=[worker.child_conn])
        worker.start()

        assert worker.ping(timeout=60)

    def test_that_says_nothing_is_not(self, worker: Worker) -> None:
        worker.process = get_context("spawn").Process(target=time.sleep, args=[600])
        worker.start()

        assert not worker.ping(timeout=0.1)


def _answer(connection: Any) -> None:
    connection.recv()
    connection.send(True)


class Full(socket.socket):
    """A listening socket of a process that may have no more files open."""

    refused = 0

    def accept(self) -> NoReturn:
        self.refused += 1
        raise OSError(errno.EMFILE, "Too many open files")


class Knocked(socket.socket):
    """A listening socket that knows how often somebody was let in."""

    taken = 0

    def accept(self) -> Any:
        found = super().accept()
        self.taken += 1
        return found


def test_who_has_more_connections_waits_before_taking_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nexus.web.server.door.AFTER_YOU", 0.3)

    async def inside() -> list[int]:
        with socket.create_server(("127.0.0.1", 0)) as listening, connect(listening.getsockname()[1]):
            knocked = Knocked(fileno=listening.detach())
            shares = Shares([NOBODY, 0], 0)
            door = Door(knocked, protocol=Guest, inside=(object(),), most=9, shares=shares)
            for _ in range(10):
                await asyncio.sleep(0)
            taken = [knocked.taken]
            while not knocked.taken:
                await asyncio.sleep(0)
            door.close()
            await door.wait_closed()
            return [*taken, knocked.taken]

    assert asyncio.run(inside()) == [0, 1]


def test_a_process_without_room_for_another_file_rests(caplog: pytest.LogCaptureFixture) -> None:
    async def inside() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening, connect(listening.getsockname()[1]):
            full = Full(fileno=listening.detach())
            door = Door(full, protocol=Guest, inside=(), most=1, shares=Shares([0], 0))
            while full.refused < 2:
                await asyncio.sleep(0)
            door.close()

    began = time.monotonic()
    asyncio.run(inside())

    assert time.monotonic() - began >= REST
    assert "Too many open files" in caplog.text


class Gone:
    """A worker that is no more."""

    pid, exitcode = 1, -9

    def __init__(self, shares: Shares) -> None:
        self.shares = shares

    def is_alive(self, timeout: float) -> bool:
        return False

    def kill(self) -> None: ...

    def join(self) -> None: ...

    def start(self) -> None: ...

    def terminate(self) -> None: ...


def test_nobody_waits_for_a_worker_that_is_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiprocess.signal, "signal", lambda *_: None)
    monkeypatch.setattr(multiprocess, "Process", multiprocess.Process)
    workers = Workers(Config(APPLICATION, port=0, log_config=None), most=1, patience=1)
    monkeypatch.setattr(multiprocess, "Process", lambda *_: Gone(Shares([0], 0)))
    counts = [0, 1]
    workers.processes = [Gone(Shares(counts, 0))]  # type: ignore[list-item]

    workers.keep_subprocess_alive()

    assert not Shares(counts, 1).is_ahead()
    assert workers.worker(workers.config, []).again
    workers.terminate_all()


def test_a_worker_that_does_not_end_is_killed() -> None:
    with serving("--patience", "1") as (process, port):
        [pid] = pids(port, workers=1)
        os.kill(pid, signal.SIGSTOP)
        process.terminate()

        assert process.wait(20) == 0


def test_whoever_enters_at_the_end_is_told() -> None:
    told: list[Guest] = []

    class Late(Guest):
        def shutdown(self) -> None:
            told.append(self)

    async def inside() -> None:
        with socket.create_server(("127.0.0.1", 0)) as listening, connect(listening.getsockname()[1]):
            knocked = Knocked(fileno=listening.detach())
            door = Door(knocked, protocol=Late, inside=(), most=9, shares=Shares([0], 0))
            while not knocked.taken:
                await asyncio.sleep(0)
            door.close()
            await door.wait_closed()

    asyncio.run(inside())

    assert len(told) == 1


def test_the_door_opens_again_for_whoever_comes_after_one_that_has_left() -> None:
    async def inside() -> int:
        with socket.create_server(("127.0.0.1", 0)) as listening:
            port = listening.getsockname()[1]
            knocked = Knocked(fileno=listening.detach())
            door = Door(knocked, protocol=Guest, inside=(), most=1, shares=Shares([0], 0))
            for count in (1, 2, 3):
                connect(port).close()
                while knocked.taken < count:
                    await asyncio.sleep(0)
            door.close()
            return knocked.taken

    assert asyncio.run(asyncio.wait_for(inside(), 10)) == 3


@pytest.mark.parametrize(("again", "status"), [(False, 3), (True, 1)])
def test_only_who_never_started_ends_all(monkeypatch: pytest.MonkeyPatch, again: bool, status: int) -> None:
    monkeypatch.setattr("nexus.web.server.workers.PAUSE", 0.0)
    config = Config("tests.web.nowhere:app", log_config=None)
    worker = Worker(config, [], shares=Shares([0], 0), most=1, again=again)

    with pytest.raises(SystemExit) as ended:
        worker.target()

    assert ended.value.code == status
