"""A shop that reaches each of its stores and its broker through a proxy that can misbehave."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

import urllib3

from tests.faultproxy import FaultProxy, Toxic
from tests.journeys.system import Answer, System

VARIABLES = {
    "postgres": "NEXUS_POSTGRES_URL",
    "mongodb": "NEXUS_MONGO_URL",
    "redis": "NEXUS_REDIS_URL",
    "rabbitmq": "NEXUS_BROKER_URL",
}
FAULTS: dict[str, Callable[[FaultProxy], None]] = {
    "down": lambda proxy: proxy.inflict(Toxic(down=True)),
    "slow": lambda proxy: proxy.inflict(Toxic(latency=5.0, jitter=0.5)),
    "reset": lambda proxy: proxy.inflict(Toxic(reset=True)),
    "half-open": FaultProxy.half_open,
    "silent": lambda proxy: proxy.inflict(Toxic(silent=True)),
    "garbage": lambda proxy: proxy.inflict(Toxic(garbage=1.0)),
}
STATEMENT_SECONDS = 2
ORDERS = "/api/v1/orders"


class ProxiedShop(System):
    """A system behind proxies; the tests themselves look into the stores past them."""

    def __init__(self, home: Path, *, broker_url: str = "", port: int | None = None) -> None:
        super().__init__(home, broker_url=broker_url, port=port)
        self.proxies: dict[str, FaultProxy] = {}
        self._http = urllib3.PoolManager(retries=False, timeout=urllib3.Timeout(60), maxsize=64)

    def environment(self) -> dict[str, str]:
        direct = super().environment()
        ours = {"NEXUS_STATEMENT_SECONDS": str(STATEMENT_SECONDS), "NEXUS_RATE_LIMIT": "100000/60"}
        return direct | ours | {VARIABLES[name]: self._through(name, direct) for name in self.proxies}

    def start_engines(self) -> None:
        super().start_engines()
        direct = super().environment()
        for name, variable in VARIABLES.items():
            url = urlsplit(direct[variable])
            self.proxies[name] = FaultProxy(url.hostname or "", url.port or 0)

    def stop(self) -> None:
        super().stop()
        for proxy in self.proxies.values():
            proxy.close()

    def slug_of(self, sku: str) -> str:
        """The product that has it as a variant."""
        found = self.call("GET", f"/api/v1/products?search={sku}").body["results"]
        [slug] = [each["slug"] for each in found if sku in {variant["sku"] for variant in each["variants"]}]
        return str(slug)

    def log_of(self, name: str) -> str:
        return (self.home / f"{name.replace(' ', '-')}.log").read_text()

    def count_held(self) -> dict[str, int]:
        """How many threads each process has, its children's included, and how many connections Postgres has from us."""
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname LIKE %s || '\\_%%' AND pid <> pg_backend_pid()"
        [(connections,)] = self.sql("orders", query, self.name)
        threads = {name: sum(map(_threads_of, _family_of(process.pid))) for name, process in self.processes.items()}
        return threads | {"connections": connections}

    def _through(self, name: str, direct: dict[str, str]) -> str:
        url = urlsplit(direct[VARIABLES[name]])
        who = f"{url.netloc.rpartition('@')[0]}@" if "@" in url.netloc else ""
        return urlunsplit(url._replace(netloc=f"{who}127.0.0.1:{self.proxies[name].port}"))


class Staff:
    """Somebody who is logged in to the admin."""

    def __init__(self, shop: ProxiedShop) -> None:
        self._shop, self._cookies = shop, dict[str, str]()
        page = self._ask("GET", "/login")
        token = re.search(rb'name="csrfmiddlewaretoken" value="([^"]+)"', page.data)
        assert token, page.data
        demo = shop.demo()["staff"]
        login = {"csrfmiddlewaretoken": token[1].decode(), "username": demo["email"], "password": demo["password"]}
        answer = self._ask("POST", "/login", fields=login)
        assert answer.status == 302, answer.data[-2000:]

    def look_at(self, path: str) -> Answer:
        found = self._ask("GET", path)
        return Answer(status=found.status, headers=found.headers, body=None)

    def _ask(self, method: str, path: str, fields: dict[str, str] | None = None) -> Any:
        sent = {"Cookie": "; ".join(f"{name}={value}" for name, value in self._cookies.items())}
        url, form = f"http://127.0.0.1:{self._shop.port}{path}", urlencode(fields) if fields else None
        if form:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        answer = self._shop._http.request(method, url, body=form, redirect=False, headers=sent)
        for cookie in answer.headers.getlist("Set-Cookie"):
            name, _, value = cookie.partition(";")[0].partition("=")
            self._cookies[name] = value
        return answer


def _family_of(pid: int) -> list[int]:
    children = (
        int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()
    )
    return [pid, *(member for child in children for member in _family_of(child))]


def _threads_of(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))
