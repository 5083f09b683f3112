"""The flow behind ``make run``, with stand-ins for the steps and the shop's server."""

import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nexus.embedded import wheels
from nexus.embedded.__main__ import main
from nexus.embedded.errors import EmbeddedError, PortTaken
from nexus.embedded.identity import Identity
from nexus.embedded.progress import Progress
from nexus.embedded.run import Shop, Step, server_command
from tests.eventually import eventually

from .owner import REPOSITORY, recorded
from .stand_ins import DEMO, FACTS, OPEN_SHOP, PATIENT, SEED, SERVER, python


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in wheels.VARIABLES:
        monkeypatch.setenv(name, "elsewhere://")


@pytest.fixture
def seed() -> list[str]:
    return python(SEED, "demo", json.dumps(FACTS))


@pytest.fixture
def shop(var: Path, port: int, seed: list[str]) -> Callable[..., tuple[Shop, io.StringIO]]:
    def build(*, server: list[str], steps: list[list[str]] | None = None) -> tuple[Shop, io.StringIO]:
        said = io.StringIO()
        taken = [Step(title=f"step {number}", command=words) for number, words in enumerate(steps or [seed], start=1)]
        return Shop(var=var, port=port, progress=Progress(stream=said), steps=taken, server=server), said

    return build


class TestOpenShop:
    def test_greets_takes_an_order_and_closes_on_sigterm(self, var, port, seed, monkeypatch):
        monkeypatch.setenv("NEXUS_MONGO_URL", "mongodb://elsewhere")
        monkeypatch.setenv("NEXUS_POSTGRES_URL", "postgresql://elsewhere")
        serve = python(SERVER, port, json.dumps(vars(DEMO.customer)))
        words = python(OPEN_SHOP, var, port, json.dumps(seed), json.dumps(serve))

        with subprocess.Popen(words, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True) as process:
            greeting = []
            for line in process.stdout:
                greeting.append(line)
                if line.startswith("Ctrl-C"):
                    break
            engines = recorded(var)
            answer = subprocess.run(["sh", "-c", greeting[-3]], capture_output=True, text=True, check=True).stdout
            process.send_signal(signal.SIGTERM)
            status = process.wait(timeout=30)

        assert "Nexus is open.\n" in greeting
        assert '"status": "confirmed"' in answer
        assert status == 143
        assert set(engines) == {"Valkey"}
        assert not engines["Valkey"].is_running()

    def test_takes_the_steps_in_order_with_the_addresses_set(self, var, shop, given):
        steps = [python(SEED, name, json.dumps(FACTS)) for name in ("prepare", "demo")]
        open_shop, _ = shop(steps=steps, server=["sh", "-c", "exit 9"])

        status = open_shop.run()

        assert status == 9
        assert (var / "steps").read_text() == "prepare 1 elsewhere://\ndemo 1 elsewhere://\n"

    def test_takes_the_steps_with_settings_that_were_changed_which_the_server_reads_itself(
        self, var, shop, seed, given
    ):
        tell = ["sh", "-c", 'echo "$0 $NEXUS_SERVICES" >> "$NEXUS_VAR/told"; exit $1']
        open_shop, _ = shop(steps=[[*tell, "step", "0"], seed], server=[*tell, "server", "9"])

        replace(open_shop, changed={"NEXUS_SERVICES": "inventory=http://a:1"}).run()

        assert (var / "told").read_text() == "step inventory=http://a:1\nserver \n"

    def test_stays_closed_when_a_step_fails_and_shows_why(self, var, shop, given):
        failing = ["sh", "-c", "echo no such table; exit 4"]
        open_shop, said = shop(steps=[failing], server=["touch", str(var / "served")])

        status = open_shop.run()

        assert status == 4
        assert "step 1 failed with status 4" in said.getvalue()
        assert "    no such table\n" in said.getvalue()
        assert not (var / "served").exists()

    def test_does_not_greet_when_the_server_ends_at_once(self, shop, given):
        open_shop, said = shop(server=["sh", "-c", "exit 6"])

        status = open_shop.run()

        assert status == 6
        assert "Nexus is open" not in said.getvalue()

    def test_gives_up_and_ends_a_server_that_does_not_answer(self, var, shop, given, monkeypatch):
        monkeypatch.setattr("nexus.embedded.run._OPEN_WITHIN", 0.3)
        deaf = f"echo $$ > {var}/pid; trap 'echo gone > {var}/gone; exit' TERM; while :; do sleep 0.05; done"
        open_shop, _ = shop(server=["sh", "-c", deaf])

        with pytest.raises(EmbeddedError, match="does not answer /livez within"):
            open_shop.run()

        assert (var / "gone").exists()

    def test_tells_the_server_once_however_often_it_is_told_itself(self, var, port, seed, given):
        words = python(OPEN_SHOP, var, port, json.dumps(seed), json.dumps(python(PATIENT)))
        with subprocess.Popen(
            words, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True, start_new_session=True
        ) as process:
            lines = iter(process.stdout.readline, "")
            assert "serving\n" in lines

            os.killpg(process.pid, signal.SIGTERM)
            assert "told\n" in lines
            process.send_signal(signal.SIGTERM)

            assert "told\n" not in lines
        assert process.returncode == 0

    def test_ends_a_deaf_server_by_force(self, var, shop, given, monkeypatch):
        monkeypatch.setattr("nexus.embedded.run._OPEN_WITHIN", 0.3)
        monkeypatch.setattr("nexus.embedded.foreground.END_WITHIN", 0.2)
        deaf = f"trap '' TERM; sleep 300 & echo $! > {var}/child; wait"
        open_shop, _ = shop(server=["sh", "-c", deaf])

        with pytest.raises(EmbeddedError, match="does not answer /livez within"):
            open_shop.run()

        child = int((var / "child").read_text())
        assert eventually(lambda: Identity.of(pid=child) is None)

    def test_needs_logins_it_can_read(self, shop, given):
        open_shop, _ = shop(steps=[python(SEED, "demo", "{}")], server=["true"])

        with pytest.raises(EmbeddedError, match="json does not say how to log in"):
            open_shop.run()

    def test_says_which_variable_to_set_when_the_port_is_taken(self, port, shop, given):
        open_shop, _ = shop(server=["true"])

        taken = pytest.raises(PortTaken, match=f"Port {port} is taken; set NEXUS_PORT to a free one")
        with socket.create_server(("127.0.0.1", port)), taken:
            open_shop.run()

    @pytest.mark.parametrize("wish", ["http", "0", "65536", "-1"])
    def test_says_what_a_port_is(self, wish, var, given, monkeypatch, capsys):
        monkeypatch.setenv("NEXUS_PORT", wish)

        status = main(arguments=["run", "--var", str(var)])

        assert status == 1
        assert capsys.readouterr().err == f"nexus: NEXUS_PORT is '{wish}'; set it to a number from 1 to 65535.\n"

    def test_does_not_open_in_one_process_what_was_changed_for_several(self, var, given, capsys):
        var.mkdir(parents=True, exist_ok=True)
        (var / "shop.env").write_text("NEXUS_SERVICES=inventory=http://a:1\n")

        status = main(arguments=["run", "--var", str(var)])

        assert status == 1
        assert "shop.env sets NEXUS_SERVICES for a shop of several processes" in capsys.readouterr().err


class TestServerCommand:
    def test_serves_the_whole_project_on_the_port(self):
        command = server_command(port=8123)

        assert command[:3] == [sys.executable, "-m", "nexus.web.server"]
        assert command[command.index("--port") + 1] == "8123"
