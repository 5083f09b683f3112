"""The shapes that the same code runs in, and of which processes each consists."""

import os
import sys
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit, urlunsplit

from .run import server_command

APPS = ("accounts", "catalog", "inventory", "orders")
SUBSCRIBERS = ("orders", "inventory", "catalog")
ON_POSTGRES = ("accounts", "inventory", "orders")
SERVES = "answers requests"
"""What each worker of the web says when its door is open."""
WORKERS = 2
"""Of the monolith's web, as in docker-compose.yml."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """
    One process: its name, its command, and what its environment has beyond the shop's. `port` if it serves HTTP; it
    does once it `says` so.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    says: str = ""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """
    `carriers` carry events, before the shop opens too, and once the `database` (its address) lets them in, where one is
    named; `doors` serve HTTP, the customers' last.
    """

    carriers: Sequence[Part]
    doors: Sequence[Part]
    database: str = ""


def monolith(*, port: int, gone: Collection[str] = ()) -> Shape:
    """Web, relay and a worker for each subscriber, all of them with all apps but those that are `gone`."""
    here = [name for name in SUBSCRIBERS if name not in gone]
    carriers = [_manage("relay", "relay"), *(_manage(f"worker {name}", "worker", name) for name in here)]
    web = Part(name="web", command=server_command(port=port, workers=WORKERS), port=port, says=SERVES)
    return Shape(carriers=carriers, doors=[web])


def apart(app: str, *, port: int, shop_port: int) -> Shape:
    """
    The processes of one app beside a shop that is open on `shop_port`. Nothing is carried before its database lets it
    in: what a worker took until then would wait in its hands.
    """
    own = settings_of(app, keys=f"http://127.0.0.1:{shop_port}/.well-known/jwks.json")
    carriers = [_manage(f"relay of {app}", "relay", **own)]
    carriers += [_manage(f"worker of {app}", "worker", app, **own)] if app in SUBSCRIBERS else []
    # What the shop's own processes are told of apps elsewhere is none of its business.
    behind = {"NEXUS_TRUSTED_PROXIES": "1", "NEXUS_SERVICES": ""}
    door = Part(name=app, command=server_command(port=port), environment=own | behind, port=port, says=SERVES)
    return Shape(carriers=carriers, doors=[door], database=_database_of(app, own["NEXUS_POSTGRES_URL"]))


def services(*, port: int, ports: Mapping[str, int]) -> Shape:
    """
    The gateway and, for each app, a web process, a relay and a worker, with its own settings and a role in the database
    that reaches nothing of the others'. `ports` are those of the apps.
    """
    keys = f"http://127.0.0.1:{ports['accounts']}/.well-known/jwks.json"
    own = {app: settings_of(app, keys=keys) for app in APPS}
    carriers = [_manage(f"relay of {app}", "relay", **own[app]) for app in APPS]
    carriers += [_manage(f"worker of {app}", "worker", app, **own[app]) for app in SUBSCRIBERS]
    behind = {"NEXUS_TRUSTED_PROXIES": "1"}
    doors = [
        Part(name=app, command=server_command(port=ports[app]), environment=own[app] | behind, port=ports[app])
        for app in APPS
    ]
    addresses = ", ".join(f"{app}=http://127.0.0.1:{ports[app]}" for app in APPS)
    front = {"DJANGO_SETTINGS_MODULE": "nexus.settings.gateway", "NEXUS_SERVICES": addresses, "NEXUS_JWKS_URL": keys}
    gateway = Part(name="gateway", command=server_command(port=port), environment=front, port=port)
    return Shape(carriers=carriers, doors=[*doors, gateway])


def settings_of(app: str, *, keys: str) -> dict[str, str]:
    """What one app's processes find in their environment: where its own data is, and nothing of the others'."""
    found = {"DJANGO_SETTINGS_MODULE": f"nexus.settings.{app}"}
    if app != "accounts":
        found["NEXUS_JWKS_URL"] = keys
    if app in ON_POSTGRES:
        found["NEXUS_POSTGRES_URL"] = with_role(os.environ.get("NEXUS_POSTGRES_URL", ""), app)
    else:
        found["NEXUS_POSTGRES_URL"] = ""
    if app != "catalog":
        found["NEXUS_MONGO_URL"] = ""
    return found


def with_role(url: str, app: str) -> str:
    """The address with the app's own role in it, and the same password: ``nexus`` becomes ``nexus_orders``."""
    parts = urlsplit(url)
    who, _, place = parts.netloc.rpartition("@")
    _, colon, password = who.partition(":")
    role = f"{parts.path.lstrip('/')}_{app}"
    return urlunsplit(parts._replace(netloc=f"{role}{colon}{password}@{place}"))


def _database_of(app: str, url: str) -> str:
    """The address of the app's database there, for libpq; empty where there is none."""
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path}_{app}")) if url else ""


def _manage(name: str, *words: str, **environment: str) -> Part:
    return Part(name=name, command=[sys.executable, "manage.py", *words], environment=environment)
