"""What an extracted app must be able to do, step by step."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import ProxyHandler, Request, build_opener

from nexus.embedded import ports
from nexus.embedded.run import server_command
from tests.architecture.hidden_rules import APPS

API = {
    "gateway": (),
    "accounts": ("/api/v1/accounts",),
    "catalog": ("/api/v1/products", "/api/v1/categories", "/api/v1/product-types"),
    "inventory": ("/api/v1/inventory",),
    "orders": ("/api/v1/orders",),
}
"""Where the paths of each app's API begin."""

PATIENCE, LONGEST_STEP, TAIL = 30.0, 1200.0, 4000


class StepFailed(Exception):
    """The app cannot do this alone; the text says what was seen."""


@dataclass(frozen=True, kw_only=True)
class LoneApp:
    """An app in a tree of its own, and the addresses of its engines."""

    app: str
    home: Path
    engines: Mapping[str, str]

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of the outer run but the engines and their passwords."""
        foreign = ("NEXUS_", "PYTEST_", "PYTHONPATH", "DJANGO_SETTINGS_MODULE")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        passwords = {name: os.environ[name] for name in os.environ if name.endswith("_PASSWORD")}
        own = {"NEXUS_DEMO": "1", "NEXUS_VAR": str(self.home / "var"), "NEXUS_LOG_LEVEL": "WARNING"}
        return kept | passwords | own | dict(self.engines) | {"DJANGO_SETTINGS_MODULE": f"nexus.settings.{self.app}"}

    def run(self, *command: str) -> str:
        """
        The output of a Python command.

        :raises StepFailed: it failed or does not end
        """
        words = f"`{' '.join(command)}`"
        try:
            done = subprocess.run(
                [sys.executable, *command],
                cwd=self.home,
                env=self.environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=LONGEST_STEP,
            )
        except subprocess.TimeoutExpired:
            raise StepFailed(f"{words} does not end") from None
        if done.returncode:
            raise StepFailed(f"{words} ended with {done.returncode}\n{done.stdout[-TAIL:]}")
        return done.stdout

    def last_line(self, *command: str) -> str:
        """The last line of the output of ``manage.py`` with these words."""
        return (self.run("manage.py", *command).strip().splitlines() or ["done"])[-1]


def find_others(lone: LoneApp) -> str:
    others = [f"nexus.{app}" for app in APPS if app != lone.app]
    lone.run("-c", f"from importlib.util import find_spec\nassert not [name for name in {others} if find_spec(name)]")
    return "none can be imported"


def answer_requests(lone: LoneApp) -> str:
    with _server(lone) as get:
        get("/livez")
        checks = json.loads(get("/readyz"))["checks"]
        paths = list(json.loads(get("/api/schema"))["paths"])
    if wrong := wrong_paths(app=lone.app, paths=paths):
        raise StepFailed(wrong)
    return f"alive, ready ({', '.join(checks) or 'needs no store'}), {len(paths)} paths in its API"


def wrong_paths(*, app: str, paths: Sequence[str]) -> str:
    """What is wrong with the paths that the OpenAPI document lists, or an empty string."""
    own = API[app]
    if foreign := [path for path in paths if not path.startswith(own or ("//",))]:
        return f"the API lists paths that are not of {app}: {', '.join(foreign)}"
    if missing := [beginning for beginning in own if not any(path.startswith(beginning) for path in paths)]:
        return f"the API lists nothing under {', '.join(missing)}"
    return ""


def find_tests(lone: LoneApp) -> str:
    files = list((lone.home / "tests" / lone.app).rglob("test_*.py"))
    if not files:
        raise StepFailed(f"there are none in tests/{lone.app}; an app that leaves takes its tests along")
    return f"{len(files)} files"


def pass_own_tests(lone: LoneApp) -> str:
    output = lone.run("-m", "pytest", "-q", "-p", "no:cacheprovider", f"tests/{lone.app}")
    summary = output.strip().splitlines()[-1]
    if " passed" not in summary:
        raise StepFailed(f"none of them passed: {summary}")
    return summary.strip("= ")


STEPS: dict[str, Callable[[LoneApp], str]] = {
    "its tests come along": find_tests,
    "the other apps are absent": find_others,
    "manage.py check": lambda lone: lone.last_line("check", "--fail-level", "WARNING"),
    "manage.py prepare": lambda lone: lone.last_line("prepare"),
    "manage.py makemigrations --check": lambda lone: lone.last_line("makemigrations", "--check", "--dry-run"),
    "the web process answers": answer_requests,
    "its own tests pass": pass_own_tests,
}


@contextmanager
def _server(lone: LoneApp) -> Iterator[Callable[[str], str]]:
    (lone.home / "var").mkdir(exist_ok=True)
    port, log = ports.choose(file=lone.home / "var" / "port"), lone.home / "var" / "server.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            server_command(port=port),
            cwd=lone.home,
            env=lone.environment,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    try:
        _wait_until_it_listens(port, process, log)
        yield lambda path: _get(f"http://{ports.LOOPBACK}:{port}{path}")
    finally:
        _stop(process)


def _wait_until_it_listens(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + PATIENCE
    while ports.is_free(port=port):
        if process.poll() is not None or time.monotonic() > deadline:
            raise StepFailed(f"the web process does not listen\n{log.read_text()[-TAIL:]}")
        time.sleep(0.1)


def _get(url: str) -> str:
    try:
        with build_opener(ProxyHandler({})).open(
            Request(url, headers={"Accept": "application/json"}), timeout=PATIENCE
        ) as answer:
            return str(answer.read().decode())
    except HTTPError as refusal:
        raise StepFailed(f"GET {url} answers {refusal.code}\n{refusal.read().decode()[-TAIL:]}") from None
    except OSError as why:
        raise StepFailed(f"GET {url} has no answer: {why}") from None


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
