"""
Makes a service's process known to a registry, and takes it out again when it leaves: Consul
(https://developer.hashicorp.com/consul/api-docs/agent/service) or Eureka
(https://github.com/Netflix/eureka/wiki/Eureka-REST-operations).
"""

import logging
import os
import socket
import threading
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlsplit

import urllib3
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

log = logging.getLogger("nexus.web.registration")

EVERY = 10.0
"""Seconds between two signs of life; Eureka strikes off who is silent for three of its own, Consul looks by itself."""
PATIENCE = 3.0
GONE_AFTER = "60s"


class Registry(Protocol):
    """Where instances are listed."""

    def enter(self) -> None:
        """:raises urllib3.exceptions.HTTPError: it does not answer, or refuses"""

    def leave(self) -> None:
        """:raises urllib3.exceptions.HTTPError: it does not answer, or refuses"""


@dataclass(frozen=True, kw_only=True)
class Consul:
    """Consul asks `/readyz` itself, and forgets whoever fails for a minute."""

    url: str
    name: str
    address: str
    identity: str

    def enter(self) -> None:
        where = urlsplit(self.address)
        check = {"HTTP": f"{self.address}/readyz", "Interval": f"{EVERY:.0f}s", "Timeout": f"{PATIENCE:.0f}s"}
        check |= {"DeregisterCriticalServiceAfter": GONE_AFTER}
        service = {
            "ID": self.identity,
            "Name": self.name,
            "Address": where.hostname,
            "Port": where.port,
            "Check": check,
        }
        _send("PUT", f"{self.url}/v1/agent/service/register?replace-existing-checks=true", service)

    def leave(self) -> None:
        _send("PUT", f"{self.url}/v1/agent/service/deregister/{self.identity}")


@dataclass(frozen=True, kw_only=True)
class Eureka:
    """Eureka lists whoever gives a sign of life often enough."""

    url: str
    name: str
    address: str
    identity: str

    def enter(self) -> None:
        try:
            _send("PUT", self._own)
        except Unknown:
            _send("POST", f"{self.url}/apps/{self.name.upper()}", {"instance": self._instance()})

    def leave(self) -> None:
        _send("DELETE", self._own)

    @property
    def _own(self) -> str:
        return f"{self.url}/apps/{self.name.upper()}/{self.identity}"

    def _instance(self) -> dict[str, Any]:
        where = urlsplit(self.address)
        return {
            "instanceId": self.identity,
            "hostName": where.hostname,
            "app": self.name.upper(),
            "ipAddr": where.hostname,
            "vipAddress": self.name,
            "status": "UP",
            "port": {"$": where.port, "@enabled": "true"},
            "healthCheckUrl": f"{self.address}/readyz",
            "dataCenterInfo": {
                "@class": "com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo",
                "name": "MyOwn",
            },
        }


class Unknown(urllib3.exceptions.HTTPError):
    """The registry does not know what was asked about."""


def _send(method: str, url: str, body: Any = None) -> None:
    timeout = urllib3.Timeout(total=PATIENCE)
    answer = urllib3.request(method, url, json=body, timeout=timeout, retries=False)
    if answer.status == 404:
        raise Unknown(f"{url} is not known")
    if answer.status >= 300:
        raise urllib3.exceptions.HTTPError(f"{method} {url} was answered {answer.status}")


class Registration:
    """Keeps a process known while it lives."""

    def __init__(self, registry: Registry, *, every: float = EVERY) -> None:
        self._registry, self._every = registry, every
        self._leaving = threading.Event()
        self._thread = threading.Thread(target=self._stay, name="registration", daemon=True)

    def begin(self) -> None:
        self._thread.start()

    def end(self) -> None:
        """Leave; returns when the registry knows, or does not answer."""
        self._leaving.set()
        self._thread.join(3 * PATIENCE)
        self._try(self._registry.leave)

    def _stay(self) -> None:
        while not self._leaving.is_set():
            self._try(self._registry.enter)
            self._leaving.wait(self._every)

    def _try(self, what: Any) -> None:
        try:
            what()
        except (urllib3.exceptions.HTTPError, OSError) as why:
            log.warning("the registry: %s", why)


def of_settings() -> Registration | None:
    """
    The registration that ``NEXUS_REGISTER`` asks for, such as ``consul://orders@10.0.0.7:8000``; None without it.

    :raises ImproperlyConfigured: it is not of that form, or the registry's URL is not set
    """
    if not settings.REGISTER:
        return None
    parts = urlsplit(settings.REGISTER)
    urls = {"consul": settings.CONSUL_URL, "eureka": settings.EUREKA_URL}
    url = urls.get(parts.scheme, "").rstrip("/")
    if not (url and parts.username and parts.hostname and parts.port):
        raise ImproperlyConfigured(
            "NEXUS_REGISTER must look like consul://NAME@HOST:PORT or eureka://NAME@HOST:PORT, and NEXUS_CONSUL_URL or "
            "NEXUS_EUREKA_URL say where the registry is"
        )
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    # One entry for each process: when one of several workers at an address leaves, the others stay known.
    identity = f"{parts.username}-{socket.gethostname()}-{parts.port}-{os.getpid()}"
    kind = Consul if parts.scheme == "consul" else Eureka
    return Registration(kind(url=url, name=parts.username, address=f"http://{host}:{parts.port}", identity=identity))
