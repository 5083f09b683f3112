"""``python -m nexus.embedded exec``, ``beside`` and ``status``."""

import os
import pty
import signal
import subprocess
import sys
from typing import BinaryIO

import pytest

from nexus.embedded import wheels
from nexus.embedded.__main__ import main
from nexus.embedded.launcher import engines

from .owner import REPOSITORY, recorded
from .shelf import Shelf

OWNER = """
import subprocess, sys
from nexus.embedded.__main__ import main
subprocess.Popen.send_signal = lambda process, signum: print("repeated", flush=True)
command = "trap 'echo had it; exit 5' INT; echo ready; for turn in $(seq 100); do sleep 0.05; done"
status = main(arguments=["exec", "--var", sys.argv[1], "--", "sh", "-c", command])
print("ended with", status, flush=True)
"""


def _read_until(word: bytes, screen: BinaryIO) -> bytes:
    said = b""
    while word not in said:
        said += screen.read(100)
    return said


def _give_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in wheels.VARIABLES:
        monkeypatch.setenv(name, "elsewhere://")


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> None:
    _give_engines(monkeypatch)


class TestBeside:
    @pytest.fixture(autouse=True)
    def only_valkey(self, monkeypatch):
        monkeypatch.setenv("NEXUS_MONGO_URL", "mongodb://elsewhere")
        monkeypatch.setenv("NEXUS_POSTGRES_URL", "postgresql://elsewhere")

    def test_runs_a_command_in_the_shop_that_runs_and_leaves_it_running(self, var):
        shell = 'test "$NEXUS_REDIS_URL $NEXUS_VAR $NEXUS_DEMO" = "$1" && exit 7'

        with engines(var=var, announce=print) as addresses:
            told = f"{addresses['NEXUS_REDIS_URL']} {var.resolve()} 1"
            status = main(arguments=["beside", "--var", str(var), "--", "sh", "-c", shell, "sh", told])

            assert status == 7
            assert recorded(var) != {}

    def test_says_when_none_runs(self, var, capsys):
        assert main(arguments=["beside", "--var", str(var), "--", "true"]) == 1
        assert "Valkey does not run in" in capsys.readouterr().err


class TestExec:
    def test_gives_the_addresses_and_the_exit_status(self, var, monkeypatch):
        monkeypatch.setenv("NEXUS_MONGO_URL", "mongodb://elsewhere")
        monkeypatch.setenv("NEXUS_POSTGRES_URL", "postgresql://elsewhere")
        shell = 'test -n "$NEXUS_REDIS_URL" && test "$NEXUS_MONGO_URL" = mongodb://elsewhere && exit 7'

        status = main(arguments=["exec", "--var", str(var), "--", "sh", "-c", shell])

        assert status == 7
        assert recorded(var) == {}

    def test_passes_sigterm_on_and_waits_for_the_command(self, var, given):
        shell = "trap 'echo tidying up; exit 5' TERM; echo ready; for turn in $(seq 100); do sleep 0.05; done"
        words = [sys.executable, "-m", "nexus.embedded", "exec", "--var", str(var), "--", "sh", "-c", shell]
        with subprocess.Popen(words, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "ready\n"

            process.send_signal(signal.SIGTERM)

            said, _ = process.communicate(timeout=10)
        assert (said, process.returncode) == ("tidying up\n", 5)

    def test_does_not_repeat_a_ctrl_c_that_the_command_has_had_from_the_terminal(self, var, given):
        pid, terminal = pty.fork()
        if pid == 0:
            os.execv(sys.executable, [sys.executable, "-c", OWNER, str(var)])
        with open(terminal, "rb+", buffering=0) as screen:
            _read_until(b"ready", screen)

            screen.write(b"\x03")

            said = _read_until(b"ended with 5", screen)
        os.waitpid(pid, 0)
        assert b"had it" in said
        assert b"repeated" not in said

    def test_keeps_nothing_of_a_throwaway(self, var, own):
        owner = own(var, "--throwaway")
        shelf = Shelf(owner.addresses())
        shelf.put("lamp")
        fsync = shelf.postgres_setting("fsync")
        inside = var / "throwaway" / str(owner.process.pid)
        was_inside = len(recorded(inside))

        status = owner.end()

        assert (fsync, was_inside, status) == ("off", 3, 0)
        assert not inside.exists()

    def test_sweeps_up_after_a_killed_throwaway(self, var, own, monkeypatch):
        killed = own(var, "--throwaway")
        killed.addresses()
        inside = var / "throwaway" / str(killed.process.pid)
        orphans = recorded(inside)
        killed.kill()
        _give_engines(monkeypatch)

        main(arguments=["exec", "--var", str(var), "--throwaway", "--", "true"])

        assert len(orphans) == 3
        assert not any(orphan.is_running() for orphan in orphans.values())
        assert not inside.exists()

    def test_leaves_a_throwaway_alone_whose_owner_lives(self, var, own, monkeypatch):
        alive = own(var, "--throwaway")
        alive.addresses()
        _give_engines(monkeypatch)

        main(arguments=["exec", "--var", str(var), "--throwaway", "--", "true"])

        assert len(recorded(var / "throwaway" / str(alive.process.pid))) == 3
        assert all(engine.is_running() for engine in recorded(var / "throwaway" / str(alive.process.pid)).values())

    def test_says_in_a_sentence_that_there_is_no_such_command(self, var, given, capsys):
        status = main(arguments=["exec", "--var", str(var), "--", "no-such-command"])

        assert status == 1
        assert capsys.readouterr().err == "nexus: Cannot run no-such-command: No such file or directory.\n"

    def test_says_in_a_sentence_that_a_wheel_is_missing(self, var, monkeypatch, capsys):
        monkeypatch.setattr(wheels, "find_spec", lambda name: None)

        status = main(arguments=["exec", "--var", str(var), "--", "true"])

        said = capsys.readouterr().err
        assert status == 1
        assert said.startswith("nexus: MongoDB cannot start here because the wheel ")
        assert said.count("\n") == 1


class TestStatus:
    def test_has_a_line_for_each_engine(self, var, monkeypatch, capsys):
        monkeypatch.setenv("NEXUS_MONGO_URL", "mongodb://elsewhere")
        monkeypatch.setenv("NEXUS_POSTGRES_URL", "postgresql://elsewhere")
        with engines(var=var, announce=str) as addresses:
            monkeypatch.delenv("NEXUS_POSTGRES_URL")
            main(arguments=["status", "--var", str(var)])

        mongo, valkey, postgres = capsys.readouterr().out.splitlines()

        assert mongo.split() == ["MongoDB", "replaced", "by", "NEXUS_MONGO_URL"]
        assert valkey.split()[:3] == ["Valkey", "running", addresses["NEXUS_REDIS_URL"]]
        assert postgres.split() == ["PostgreSQL", "stopped"]
