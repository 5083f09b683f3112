"""The supervisor of a shape's processes: prefixes what they say, starts again what ends, stops all of it."""

import io
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nexus.embedded.shapes import APPS, ON_POSTGRES, Part, apart, monolith, services, with_role
from nexus.embedded.supervisor import Supervisor
from tests.eventually import eventually

SLEEP = "import time; time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); {SLEEP}"
FAMILY = (
    "import subprocess, sys; child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']);"
    f"print('child', child.pid, flush=True); {SLEEP}"
)
PORTS = dict(zip(APPS, range(9001, 9005), strict=True))


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that has ended and is not yet asked for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def part(name: str, code: str) -> Part:
    return Part(name=name, command=[sys.executable, "-c", code])


class Watched(Supervisor):
    """Watches in a thread, so that a test can look on."""

    def __init__(self) -> None:
        self.said = io.StringIO()
        super().__init__(self.said)
        self._thread = threading.Thread(target=self.watch)

    def begin(self, *parts: Part) -> None:
        self.start(parts)
        self._thread.start()

    def end(self) -> None:
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(5)
        self.stop()


@pytest.fixture
def supervisor() -> Iterator[Watched]:
    found = Watched()
    yield found
    found.end()


class TestTheSupervisor:
    def test_says_who_said_what(self, supervisor: Watched) -> None:
        supervisor.begin(part("a", "print('one'); import time; time.sleep(60)"), part("long", "print('two')"))

        eventually(
            lambda: "a    | one\n" in supervisor.said.getvalue() and "long | two\n" in supervisor.said.getvalue()
        )

    def test_starts_again_what_ended(self, supervisor: Watched) -> None:
        supervisor.begin(part("worker", "print('here')"))

        eventually(lambda: supervisor.said.getvalue().count("worker | here") >= 2)
        assert "ended with status 0; starts again in" in supervisor.said.getvalue()

    def test_waits_longer_each_time(self, supervisor: Watched) -> None:
        supervisor.begin(part("worker", "raise SystemExit(3)"))
        running = supervisor._running["worker"]

        eventually(lambda: running.failures >= 3)

        pauses = [
            float(found) for found in re.findall(r"status 3; starts again in ([\d.]+) s", supervisor.said.getvalue())
        ]
        assert pauses[2] > pauses[0]

    def test_ends_all_of_them(self, supervisor: Watched) -> None:
        supervisor.begin(part("one", SLEEP), part("two", SLEEP))

        supervisor.end()

        assert [each.process.returncode for each in supervisor._running.values()] == [-15, -15]

    def test_ends_by_force_who_does_not_hear(self, supervisor: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("nexus.embedded.supervisor.END_WITHIN", 0.2)
        supervisor.begin(part("deaf", STUBBORN))
        eventually(lambda: "deaf | deaf" in supervisor.said.getvalue())

        supervisor.end()

        assert supervisor._running["deaf"].process.returncode == -9

    def test_leaves_no_child_of_a_parent_that_was_killed(self, supervisor: Watched) -> None:
        supervisor.begin(part("web", FAMILY))
        eventually(lambda: "child" in supervisor.said.getvalue())
        first = int(re.findall(r"child (\d+)", supervisor.said.getvalue())[0])

        supervisor._running["web"].process.kill()

        eventually(lambda: supervisor.said.getvalue().count("child") == 2)
        assert not is_alive(first)

    def test_gives_each_a_port_of_its_own_for_metrics(
        self, supervisor: Watched, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NEXUS_METRICS_PORT", "9100")
        tell = f"import os; print('port', os.environ['NEXUS_METRICS_PORT'], flush=True); {SLEEP}"

        supervisor.begin(part("one", tell), part("two", tell))

        for line in ("one | port 9100\n", "two | port 9101\n"):
            eventually(lambda line=line: line in supervisor.said.getvalue())

    def test_goes_on_when_nobody_can_be_told(self, supervisor: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(_: str) -> int:
            raise BrokenPipeError

        monkeypatch.setattr(supervisor.said, "write", full)
        supervisor.begin(part("talks", "for n in range(20_000): print('x' * 100)"))
        process = supervisor._running["talks"].process

        assert process.wait(30) == 0

    def test_runs_a_command_beside_them(self, supervisor: Watched) -> None:
        supervisor.start([part("carrier", SLEEP)])

        assert supervisor.run_beside([sys.executable, "-c", "raise SystemExit(7)"]) == 7


class TestRenewing:
    def test_ends_the_old_ones_when_the_new_door_is_open(self, supervisor: Watched) -> None:
        supervisor.start([part("worker", SLEEP), part("web", SLEEP)])
        old = [each.process for each in supervisor._running.values()]
        slow = f"import time; time.sleep(1); print('open', flush=True); {SLEEP}"
        renewing = threading.Thread(
            target=supervisor.renew, args=([Part(**vars(part("web", slow)) | {"says": "open"})],)
        )

        renewing.start()

        eventually(lambda: list(supervisor._coming) == ["web"])
        assert [each.poll() for each in old] == [None, None]
        renewing.join(10)
        assert "web    | open" in supervisor.said.getvalue()
        assert [each.returncode for each in old] == [-15, -15]

    def test_ends_by_force_who_does_not_hear(self, supervisor: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("nexus.embedded.supervisor.END_WITHIN", 0.2)
        supervisor.start([part("deaf", STUBBORN)])
        old = supervisor._running["deaf"].process
        eventually(lambda: "deaf | deaf" in supervisor.said.getvalue())

        supervisor.renew([part("web", SLEEP)])

        assert old.returncode == -9

    def test_ends_old_and_new_when_it_is_told_to_stop_meanwhile(self, supervisor: Watched) -> None:
        supervisor.start([part("web", SLEEP)])
        old = supervisor._running["web"].process
        never = Part(**vars(part("web", SLEEP)) | {"says": "open"})
        renewing = threading.Thread(target=supervisor.renew, args=([never],))
        renewing.start()
        eventually(lambda: supervisor._coming)
        new = supervisor._coming["web"].process

        supervisor._stopping.set()
        renewing.join(5)
        supervisor.stop()

        assert [old.returncode, new.returncode] == [-15, -15]

    def test_leaves_the_old_ones_in_their_place_when_the_new_ones_are_not_wanted_any_more(
        self, supervisor: Watched
    ) -> None:
        supervisor.start([part("web", SLEEP)])
        old = supervisor._running["web"].process
        broken = Part(**vars(part("web", "raise SystemExit(3)")) | {"says": "open"})

        renewed = supervisor.renew([broken], unless=lambda: "status 3" in supervisor.said.getvalue())

        assert not renewed
        assert [each.process for each in supervisor._running.values()] == [old]
        assert old.poll() is None


class TestTheCommand:
    def test_ends_with_its_children_when_it_is_told(self, tmp_path: Path) -> None:
        code = (
            "import sys; from nexus.embedded import supervised as s; from nexus.embedded.shapes import Part, Shape;"
            f"code = 'import os; print(os.getpid()); {SLEEP}';"
            "part = Part(name='web', command=[sys.executable, '-c', code]);"
            "s.shape_named = lambda *a, **k: Shape(carriers=[], doors=[part]); sys.exit(s.main(['monolith', '1']))"
        )
        process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        assert process.stdout
        child = int(process.stdout.readline().rpartition("|")[2])

        process.terminate()

        assert process.wait(15) == 0
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)


class TestServices:
    def test_know_where_their_own_data_is_and_no_other(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NEXUS_POSTGRES_URL", "postgresql://nexus@127.0.0.1:5432/nexus")

        shape = services(port=9000, ports=PORTS)

        for each in (*shape.carriers, *shape.doors[:-1]):
            app = each.environment["DJANGO_SETTINGS_MODULE"].rpartition(".")[2]
            assert app in each.name
            role = f"postgresql://nexus_{app}@127.0.0.1:5432/nexus" if app in ON_POSTGRES else ""
            assert each.environment["NEXUS_POSTGRES_URL"] == role
            assert ("NEXUS_MONGO_URL" in each.environment) == (app != "catalog")

    def test_open_the_customers_door_last(self) -> None:
        doors = services(port=9000, ports=PORTS).doors

        assert [door.port for door in doors] == [9001, 9002, 9003, 9004, 9000]
        assert doors[-1].environment["NEXUS_SERVICES"].count("http://127.0.0.1:") == 4

    def test_have_a_relay_each_and_a_worker_for_each_subscriber(self) -> None:
        commands = [" ".join(each.command[1:]) for each in services(port=9000, ports=PORTS).carriers]

        assert commands.count("manage.py relay") == 4
        assert {f"manage.py worker {name}" for name in ("orders", "inventory", "catalog")} <= set(commands)


class TestMonolith:
    def test_is_web_relay_and_a_worker_for_each_subscriber(self) -> None:
        shape = monolith(port=9000)

        names = [each.name for each in (*shape.carriers, *shape.doors)]
        assert names == ["relay", "worker orders", "worker inventory", "worker catalog", "web"]

    def test_has_no_worker_for_an_app_elsewhere(self) -> None:
        names = [each.name for each in monolith(port=9000, gone={"inventory"}).carriers]

        assert names == ["relay", "worker orders", "worker catalog"]


class TestApart:
    def test_is_web_relay_and_worker_with_a_role_of_its_own(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NEXUS_POSTGRES_URL", "postgresql://nexus@127.0.0.1:6000/nexus")

        shape = apart("inventory", port=9001, shop_port=9000)

        parts = [*shape.carriers, *shape.doors]
        assert [each.name for each in parts] == ["relay of inventory", "worker of inventory", "inventory"]
        assert {each.environment["DJANGO_SETTINGS_MODULE"] for each in parts} == {"nexus.settings.inventory"}
        assert shape.database == "postgresql://nexus_inventory@127.0.0.1:6000/nexus_inventory"
        assert shape.doors[0].environment["NEXUS_JWKS_URL"].startswith("http://127.0.0.1:9000/")

    def test_waits_for_its_database_at_whichever_node_has_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NEXUS_POSTGRES_URL", "postgresql://nexus:x@a:6000,b:6001/nexus?sslmode=require")

        assert (
            apart("inventory", port=9001, shop_port=9000).database
            == "postgresql://nexus_inventory:x@a:6000,b:6001/nexus_inventory?sslmode=require"
        )

    def test_waits_for_no_database_where_it_has_none(self) -> None:
        assert apart("catalog", port=9001, shop_port=9000).database == ""


def test_a_role_is_named_as_its_database() -> None:
    assert with_role("postgresql://root:x@db:5/shop", "orders") == "postgresql://shop_orders:x@db:5/shop"
