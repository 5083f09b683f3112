"""
Every environment variable that Nexus reads, in one table. `.env.example` is checked against it, and a variable that
starts with ``NEXUS_`` but is not here stops the start: a typo must not silently mean the default.
"""

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote, urlsplit, urlunsplit

from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

T = TypeVar("T")
BEFORE_A_NAME = re.compile(r"\s*,\s*(?=\w+\s*=)")


@dataclass(frozen=True)
class Variable:
    """A variable's default and what it is for. A secret may also come from the file that ``<NAME>_FILE`` names."""

    default: str
    purpose: str
    secret: bool = False


VARIABLES = {
    "NEXUS_DEMO": Variable("0", "1 on a demo: secrets are made up under NEXUS_VAR, demo logins work"),
    "NEXUS_DEBUG": Variable("0", "1 shows Django's debug pages; refused unless NEXUS_DEMO is 1"),
    "NEXUS_SECRET_KEY": Variable("", "signs sessions and cursors; 50 random characters", secret=True),
    "NEXUS_SIGNING_KEY": Variable("", "RSA private key (PEM) that signs access tokens; accounts only", secret=True),
    "NEXUS_JWKS_URL": Variable("", "where an app without accounts fetches the keys that verify access tokens"),
    "NEXUS_ISSUER": Variable("http://localhost:8080", "the issuer that access tokens name"),
    "NEXUS_ALLOWED_HOSTS": Variable("localhost,127.0.0.1,[::1]", "host names served, with commas between"),
    "NEXUS_CSRF_ORIGINS": Variable("", "origins whose browsers may log in, with commas between"),
    "NEXUS_PORT": Variable("8080", "the port that `make run` serves on"),
    "NEXUS_VAR": Variable("var", "where the embedded engines keep their data"),
    "NEXUS_POSTGRES_URL": Variable(
        "postgresql://nexus@127.0.0.1:5432/nexus",
        "the server, or a primary and its standbys with commas between; the path begins the databases' names",
    ),
    "NEXUS_POSTGRES_PASSWORD": Variable("", "goes into NEXUS_POSTGRES_URL", secret=True),
    "NEXUS_POSTGRES_ELSEWHERE": Variable("", "databases on other servers, APP=URL with commas between", secret=True),
    "NEXUS_POSTGRES_POOL": Variable("20", "connections a process may hold to one database"),
    "NEXUS_STATEMENT_SECONDS": Variable("15", "how long Postgres may take for one statement before it is given up"),
    "NEXUS_MONGO_URL": Variable(
        "mongodb://127.0.0.1:27017/nexus_catalog?replicaSet=rs0",
        "the catalog's database; members of the set with commas between",
    ),
    "NEXUS_MONGO_PASSWORD": Variable("", "goes into NEXUS_MONGO_URL", secret=True),
    "NEXUS_REDIS_URL": Variable("redis://127.0.0.1:6379/0", "stock cache and rate limits"),
    "NEXUS_REDIS_PASSWORD": Variable("", "goes into NEXUS_REDIS_URL", secret=True),
    "NEXUS_BROKER_URL": Variable(
        "amqp://guest:guest@127.0.0.1:5672//", "RabbitMQ, when the event bus is celery; nodes with semicolons between"
    ),
    "NEXUS_BROKER_PASSWORD": Variable("", "goes into NEXUS_BROKER_URL", secret=True),
    "NEXUS_BROKER_MANAGEMENT_URL": Variable("", "RabbitMQ's management API, for `bus sync` to list bindings; optional"),
    "NEXUS_EVENT_BUS": Variable("inprocess", "inprocess, celery or kafka"),
    "NEXUS_KAFKA_SERVERS": Variable("127.0.0.1:9092", "brokers with commas between, when the event bus is kafka"),
    "NEXUS_BUS_NAMESPACE": Variable("nexus", "begins the names of exchange and queues"),
    "NEXUS_REGION": Variable("", "the name of this region where there are several; see docs/regions.md"),
    "NEXUS_REGION_LINKS": Variable("", "the others, NAME=amqp://… of each one's RabbitMQ, with commas", secret=True),
    "NEXUS_SUBSCRIBER": Variable("", "the one subscriber that a worker process works for"),
    "NEXUS_CURRENCY": Variable("EUR", "the shop's currency, for orders that name none"),
    "NEXUS_RESERVATION_HOURS": Variable("72", "how long stock stays set aside for an order not yet shipped; 0: always"),
    "NEXUS_STAFF_PAGES": Variable("", "1 serves /admin at this door, 0 does not; empty: only a demo does"),
    "NEXUS_METRICS_PORT": Variable("0", "where each process answers Prometheus, on all addresses; 0: nowhere"),
    "NEXUS_TRACES_URL": Variable("", "where traces go: an OTLP/HTTP collector, down to /v1/traces; empty: nowhere"),
    "NEXUS_TRACES_SHARE": Variable("0.01", "the share of requests that are traced, 0 to 1"),
    "NEXUS_ORDER_OVERDUE_SECONDS": Variable("60", "an order still placed after that many seconds is driven on"),
    "NEXUS_RATE_LIMIT": Variable("1200/60", "requests per seconds for one customer or address; 0 switches it off"),
    "NEXUS_RATE_LIMITS": Variable("", "NAME=COUNT/SECONDS where a class of paths or a token's scope has its own"),
    "NEXUS_TRUSTED_PROXIES": Variable("0", "how many proxies in front append to X-Forwarded-For"),
    "NEXUS_SERVICES": Variable("", "apps elsewhere, NAME=ADDRESSES with commas between; see docs/gateway.md"),
    "NEXUS_SERVICE_SECONDS": Variable("", "NAME=SECONDS until a service's answer must have begun, where not 10"),
    "NEXUS_CONSUL_URL": Variable("", "Consul's HTTP API, where NEXUS_SERVICES names consul://"),
    "NEXUS_EUREKA_URL": Variable("", "Eureka's API down to /eureka, where NEXUS_SERVICES names eureka://"),
    "NEXUS_REGISTER": Variable("", "makes this process known to a registry: consul://NAME@HOST:PORT or eureka://…"),
    "NEXUS_CORS_ORIGINS": Variable("", "origins whose pages may call the API, with commas between"),
    "NEXUS_MAX_BODY": Variable("1048576", "bytes of a request body; more is answered 413"),
    "NEXUS_LOG_FORMAT": Variable("text", "text, or ecs: JSON lines for machines, one for each request too"),
    "NEXUS_LOG_LEVEL": Variable("INFO", "DEBUG, INFO, WARNING or ERROR"),
}


class Environment:
    """
    Typed reading of the variables above.

    :raises ImproperlyConfigured: an unknown ``NEXUS_*`` variable is set, or a value has the wrong type
    """

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ
        known = VARIABLES.keys() | {f"{name}_FILE" for name, variable in VARIABLES.items() if variable.secret}
        if unknown := sorted(name for name in environ if name.startswith("NEXUS_") and name not in known):
            raise ImproperlyConfigured(f"unknown variables {', '.join(unknown)}; .env.example lists those that exist")

    def text(self, name: str) -> str:
        variable = VARIABLES[name]
        if variable.secret and (path := self._environ.get(f"{name}_FILE")):
            return Path(path).read_text().strip()
        return self._environ.get(name) or variable.default

    def flag(self, name: str, *, otherwise: bool = False) -> bool:
        """0 or 1; `otherwise` when it is neither by default."""
        return self._one_of(name, {"": otherwise, "0": False, "1": True})

    def number(self, name: str) -> int:
        value = self.text(name)
        if not value.isascii() or not value.isdigit():
            raise ImproperlyConfigured(f"{name} must be a whole number, not {value!r}")
        return int(value)

    def words(self, name: str) -> list[str]:
        return [word.strip() for word in self.text(name).split(",") if word.strip()]

    def pairs(self, name: str) -> dict[str, str]:
        """``a=1, b=2`` by name."""
        pairs = [word.partition("=") for word in self.words(name)]
        if not all(key and equals and value for key, equals, value in pairs):
            raise ImproperlyConfigured(f"{name} must look like NAME=VALUE, NAME=VALUE, not {self.text(name)!r}")
        return {key.strip(): value.strip() for key, _, value in pairs}

    def seconds(self, name: str) -> dict[str, float]:
        """``a=0.5, b=20`` by name; all of them more than 0."""
        try:
            found = {key: float(value) for key, value in self.pairs(name).items()}
        except ValueError:
            found = {"": 0.0}
        if not all(0 < seconds < math.inf for seconds in found.values()):
            raise ImproperlyConfigured(f"{name} must look like NAME=SECONDS, NAME=SECONDS, not {self.text(name)!r}")
        return found

    def share(self, name: str) -> float:
        """A number from 0 to 1."""
        try:
            value = float(self.text(name))
        except ValueError:
            value = math.nan
        if not 0 <= value <= 1:
            raise ImproperlyConfigured(f"{name} must be a number from 0 to 1, not {self.text(name)!r}")
        return value

    def choice(self, name: str, *allowed: str) -> str:
        return self._one_of(name, {word: word for word in allowed})

    def rate(self, name: str) -> tuple[int, int]:
        """``1200/60`` as (1200, 60); ``0`` as (0, 1)."""
        return self._rate(name, self.text(name))

    def rates(self, name: str) -> dict[str, tuple[int, int]]:
        """``a=5/60, b=7/1`` by name; none of them 0."""
        found = {key: self._rate(name, value) for key, value in self.pairs(name).items()}
        if not all(count for count, _ in found.values()):
            raise ImproperlyConfigured(f"{name} can limit, but not switch off")
        return found

    def _rate(self, name: str, text: str) -> tuple[int, int]:
        count, _, seconds = text.partition("/")
        if not count.isdigit() or not (seconds or "1").isdigit():
            raise ImproperlyConfigured(f"{name} must look like 1200/60, not {text!r}")
        return int(count), int(seconds or "1") or 1

    def url(self, name: str, *, password: str = "") -> str:
        """The URL, with the password of another variable put in when that is set."""
        return self._complete(name, self.text(name), password)

    def urls(self, name: str, *, password: str = "") -> list[str]:
        """URLs with semicolons between, each as `url`."""
        return [self._complete(name, word.strip(), password) for word in self.text(name).split(";") if word.strip()]

    def conninfo(self, name: str, *, password: str = "") -> dict[str, str]:
        """A URL of Postgres in libpq's terms; ``host`` and ``port`` are lists when several are named."""
        try:
            return _in_terms_of_libpq(self.url(name, password=password))
        except ProgrammingError as why:
            raise ImproperlyConfigured(f"{name}: {why}") from None

    def conninfos(self, name: str) -> dict[str, dict[str, str]]:
        """``a=URL, b=URL`` of Postgres by name, each as `conninfo`; a comma before no name belongs to the URL."""
        pairs = [word.partition("=") for word in BEFORE_A_NAME.split(self.text(name).strip(" ,")) if word]
        try:
            found = {key.strip(): _in_terms_of_libpq(url.strip()) for key, _, url in pairs}
        except ProgrammingError:
            found = {"": {}}
        if not all(key and server.get("host") and server.get("dbname") for key, server in found.items()):
            # Without what is wrong with it, which may be the password.
            raise ImproperlyConfigured(f"{name} must look like APP=postgresql://…, APP=postgresql://…")
        return found

    def _complete(self, name: str, text: str, password: str) -> str:
        url = urlsplit(text)
        if not url.scheme or not url.hostname:
            raise ImproperlyConfigured(f"{name} must be a URL")
        secret = self.text(password) if password else ""
        if not secret:
            return url.geturl()
        place = f"{url.username or ''}:{quote(secret, safe='')}@{url.netloc.rpartition('@')[2]}"
        return urlunsplit(url._replace(netloc=place))

    def _one_of(self, name: str, values: Mapping[str, T]) -> T:
        try:
            return values[self.text(name)]
        except KeyError:
            raise ImproperlyConfigured(f"{name} must be one of {', '.join(values)}, not {self.text(name)!r}") from None


def _in_terms_of_libpq(url: str) -> dict[str, str]:
    return {key: str(value) for key, value in conninfo_to_dict(url).items()}
