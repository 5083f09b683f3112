"""A shop as `make run SHAPE=…` starts it, and what is known of it from outside: its port, and the demo's logins."""

import json
import os
import re
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import urllib3

from nexus.embedded.ports import is_free
from tests.eventually import eventually
from tests.journeys.system import Answer
from tests.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
OPENS_WITHIN = 240
MOST_PROCESSES = 16
GREETING = "Ctrl-C stops the shop"


class ShapedShop:
    """What is seen from outside, over HTTP; and what its operator may do."""

    def __init__(self, shape: str, *, var: Path, port: int, environment: Mapping[str, str]) -> None:
        self.shape, self.var, self.port = shape, var, port
        self.metrics_port = int(environment["NEXUS_METRICS_PORT"])
        self._environment = dict(environment)
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(30), maxsize=16)
        self.demo: dict[str, Any] = json.loads((var / "demo.json").read_text())
        self.sku: str = self.demo["sku"]

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        sent = {"Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items() if value}
        answer = self._http.request(
            method, f"http://127.0.0.1:{self.port}{path}", body=json.dumps(body) if body else None, headers=sent
        )
        is_json = "json" in answer.headers.get("Content-Type", "")
        return Answer(
            status=answer.status, headers=answer.headers, body=answer.json() if is_json and answer.data else None
        )

    def staff_page(self) -> int:
        """The status of the page that the greeting sends staff to."""
        [address] = re.findall(r"staff admin +(\S+)", self.var.with_suffix(".log").read_text())
        return self._http.request("GET", f"{address}login/").status

    def told(self, line: str) -> bool:
        """Whether one of the shop's processes tells Prometheus something that begins so."""
        for place in range(MOST_PROCESSES):
            with suppress(urllib3.exceptions.HTTPError):
                text = self._http.request("GET", f"http://127.0.0.1:{self.metrics_port + place}/metrics").data.decode()
                if any(each.startswith(line) for each in text.splitlines()):
                    return True
        return False

    def log_in(self, who: str) -> str:
        """The value of an ``Authorization`` header for the demo's ``staff`` or ``customer``."""
        return self.token_of(self.demo[who])

    def token_of(self, login: Mapping[str, str]) -> str:
        answer = self.call("POST", "/api/v1/accounts/token", dict(login))
        assert answer.status == 200, answer.body
        return f"Bearer {answer.body['access_token']}"

    def order(self, quantity: int = 1, *, by: str = "", sku: str = "", **headers: str) -> Answer:
        """
        An order of the customer's, or of another's whose header is `by`, with its verdict: what is under way would
        still change the stock while the next test looks at it.
        """
        wanted = {"lines": [{"sku": sku or self.sku, "quantity": quantity}]}
        headers = {"Prefer": "wait=20"} | headers
        return self.call("POST", "/api/v1/orders", wanted, Authorization=by or self.log_in("customer"), **headers)

    def available(self) -> int:
        """What can be sold of the demo's sku."""
        answer = self.call("GET", f"/api/v1/inventory/stock/{self.sku}")
        assert answer.status == 200, answer.body
        return int(answer.body["available"])

    def product(self) -> dict[str, Any]:
        """The product that has the demo's sku."""
        found = self.call("GET", f"/api/v1/products?search={self.sku}").body["results"]
        [slug] = [each["slug"] for each in found if self.sku in {variant["sku"] for variant in each["variants"]}]
        product: dict[str, Any] = self.call("GET", f"/api/v1/products/{slug}").body
        return product

    def variant(self) -> dict[str, Any]:
        """The demo's sku in its product."""
        return next(each for each in self.product()["variants"] if each["sku"] == self.sku)

    def manage(self, *words: str, tree: Path = ROOT) -> "subprocess.CompletedProcess[str]":
        """What ``make manage ARGS=…`` does and says; the command is that of the version in `tree`."""
        command = [sys.executable, str(tree / "manage.py"), *words]
        beside = ["-m", "nexus.embedded", "beside", "--var", str(self.var), "--", *command]
        return subprocess.run(
            [sys.executable, *beside], env=self._environment, cwd=ROOT, capture_output=True, text=True, timeout=180
        )

    def connect(self, app: str, *, as_app: str) -> "psycopg.Connection[tuple[object, ...]]":
        """
        A connection to one app's database with another's role.

        :raises psycopg.OperationalError: it is refused
        """
        port = (self.var / "postgres" / "port").read_text().strip()
        return psycopg.connect(f"postgresql://nexus_{as_app}@127.0.0.1:{port}/nexus_{app}", connect_timeout=5)


@contextmanager
def running_shape(shape: str, *, var: Path, **more: str) -> Iterator[ShapedShop]:
    """The shop in that shape, from the command that the README names, to Ctrl-C."""
    command = ["-m", "nexus.embedded", "run", "--shape", shape, "--var", str(var)]
    with running_shop(command, var=var, **more) as environment:
        yield ShapedShop(shape, var=var, port=int(environment["NEXUS_PORT"]), environment=environment)


@contextmanager
def running_shop(words: Sequence[str], *, var: Path, **more: str) -> Iterator[Mapping[str, str]]:
    """A shop that Python starts with these words, until it has greeted and to Ctrl-C; yields its environment."""
    port = free_port()
    plain = {name: value for name, value in os.environ.items() if not name.startswith(("NEXUS_", "DJANGO_"))}
    environment = plain | {"NEXUS_PORT": str(port), "NEXUS_RATE_LIMIT": "0"} | more
    environment |= {"NEXUS_METRICS_PORT": str(_free_ports())}
    log = var.with_suffix(".log")
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *words],
            env=environment,
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        try:
            eventually(lambda: _has_greeted(process, log), within=OPENS_WITHIN, every=0.2)
        except AssertionError as late:
            raise AssertionError(log.read_text()[-3000:]) from late
        yield environment
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)


def _free_ports() -> int:
    """The first of as many free ports in a row as a shape has processes."""
    while True:
        first = free_port()
        if first + MOST_PROCESSES < 2**16 and all(is_free(port=first + place) for place in range(MOST_PROCESSES)):
            return first


def _has_greeted(process: "subprocess.Popen[bytes]", log: Path) -> bool:
    said = log.read_text(errors="replace")
    assert process.poll() is None, said[-4000:]
    return GREETING in said


def new_customer(shop: ShapedShop) -> str:
    """Somebody who has just registered; the value of their ``Authorization`` header."""
    login = {"email": f"{secrets.token_hex(6)}@nexus.example", "password": secrets.token_urlsafe(18)}
    answer = shop.call("POST", "/api/v1/accounts/register", login)
    assert answer.status == 201, answer.body
    return shop.token_of(login)
