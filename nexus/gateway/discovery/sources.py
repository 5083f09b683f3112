"""The ways to find instances, behind one small interface."""

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

import aiohttp
import msgspec
from django.core.exceptions import ImproperlyConfigured

PATIENCE = 3.0
EVERY = 5.0
"""Seconds between two questions to a source that cannot say when something changes."""
WATCH = 30.0
"""Seconds that Consul may keep a question until something changes."""


class Unfound(Exception):
    """The source could not be asked; what was known stays in force."""


class Source(Protocol):
    """Finds the addresses of one service."""

    async def find(self, session: aiohttp.ClientSession) -> list[str]:
        """
        Base URLs of the instances; returns when they may have changed, at the latest after half a minute.

        :raises Unfound: the source does not answer, or not as documented
        """


@dataclass(frozen=True)
class Fixed:
    """Addresses that never change."""

    addresses: tuple[str, ...]

    async def find(self, session: aiohttp.ClientSession) -> list[str]:
        return list(self.addresses)


@dataclass
class Dns:
    """Every address of a host name."""

    host: str
    port: int

    async def find(self, session: aiohttp.ClientSession) -> list[str]:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(PATIENCE):
                found = await loop.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM)
        except (OSError, TimeoutError) as why:
            raise Unfound(f"the name {self.host} cannot be looked up") from why
        return sorted({base_url(str(each[4][0]), self.port) for each in found})


@dataclass
class Consul:
    """
    Instances whose checks pass, by a blocking query: Consul answers when something changes
    (https://developer.hashicorp.com/consul/api-docs/features/blocking).
    """

    name: str
    url: str
    index: int = 0

    async def find(self, session: aiohttp.ClientSession) -> list[str]:
        query = {"passing": "true"} | ({"index": str(self.index), "wait": f"{WATCH:.0f}s"} if self.index else {})
        address = f"{self.url}/v1/health/service/{self.name}"
        # Consul adds up to a sixteenth of the wait, so that not all watchers come back at once.
        entries, headers = await _ask(session, address, params=query, within=PATIENCE + WATCH * 17 / 16)
        index = headers.get("X-Consul-Index", "0")
        # An index that went backwards is to be forgotten, says the documentation.
        self.index = int(index) if index.isdigit() and int(index) >= self.index else 0
        return sorted(base_url(*address_in(entry)) for entry in _list(entries))


def address_in(entry: Mapping[str, Any]) -> tuple[str, int]:
    """The service's own address, or its node's when it named none."""
    try:
        service = entry["Service"]
        return service.get("Address") or entry["Node"]["Address"], int(service["Port"])
    except (KeyError, TypeError, ValueError, AttributeError) as why:
        raise Unfound("Consul's answer is not as documented") from why


@dataclass
class Eureka:
    """Instances that are up, asked for every few seconds as Eureka's own clients do (``GET /eureka/apps/NAME``)."""

    name: str
    url: str

    async def find(self, session: aiohttp.ClientSession) -> list[str]:
        answer, _ = await _ask(session, f"{self.url}/apps/{self.name.upper()}", within=PATIENCE)
        try:
            listed = answer["application"]["instance"]
            # One instance alone may come without a list around it, as the XML behind it has none.
            instances = listed if isinstance(listed, list) else [listed]
            return sorted(
                base_url(each["ipAddr"], int(each["port"]["$"])) for each in instances if each["status"] == "UP"
            )
        except (KeyError, TypeError, ValueError) as why:
            raise Unfound("Eureka's answer is not as documented") from why


@dataclass
class Several:
    """Addresses from several sources, such as a fixed one beside a registry."""

    sources: list[Source] = field(default_factory=list)
    last: dict[int, list[str]] = field(default_factory=dict, compare=False)

    async def find(self, session: aiohttp.ClientSession) -> list[str]:
        """What each says now; of one that says nothing, what it said last."""
        for source in self.sources:
            if isinstance(source, Consul):
                # One that waits for a change would keep the others waiting.
                source.index = 0
        found = await asyncio.gather(*(source.find(session) for source in self.sources), return_exceptions=True)
        for number, each in enumerate(found):
            if isinstance(each, list):
                self.last[number] = each
            elif not isinstance(each, Unfound):
                raise each
        if not self.last:
            raise Unfound("none of the sources answers")
        return sorted({address for each in self.last.values() for address in each})


def source_of(words: str, *, consul: str, eureka: str) -> Source:
    """
    The source that the setting names: one address or several, with spaces between.

    :raises ImproperlyConfigured: it is none of the four kinds, or its registry's URL is not set
    """
    parts = words.split()
    if parts and all(urlsplit(part).scheme in ("http", "https") for part in parts):
        return Fixed(tuple(part.rstrip("/") for part in parts))
    sources = [_one(part, consul=consul, eureka=eureka) for part in parts]
    if not sources:
        raise ImproperlyConfigured("NEXUS_SERVICES names a service without an address")
    return sources[0] if len(sources) == 1 else Several(sources)


def _one(word: str, *, consul: str, eureka: str) -> Source:
    parts = urlsplit(word)
    host = parts.hostname or ""
    match parts.scheme:
        case "http" | "https":
            return Fixed((word.rstrip("/"),))
        case "dns" if host and parts.port:
            return Dns(host, parts.port)
        case "consul" if host and consul:
            return Consul(host, consul.rstrip("/"))
        case "eureka" if host and eureka:
            return Eureka(host, eureka.rstrip("/"))
    raise ImproperlyConfigured(
        f"{word} in NEXUS_SERVICES: an address is http://host:port, dns://name:port, consul://name with "
        "NEXUS_CONSUL_URL, or eureka://name with NEXUS_EUREKA_URL"
    )


def base_url(host: str, port: int) -> str:
    """``http://host:port``; an IPv6 address gets its brackets."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


async def _ask(
    session: aiohttp.ClientSession, url: str, *, within: float, params: Mapping[str, str] | None = None
) -> tuple[Any, Mapping[str, str]]:
    """
    :raises Unfound: no answer, none with status 200, or none in JSON
    """
    timeout = aiohttp.ClientTimeout(total=within, connect=PATIENCE)
    headers = {"Accept": "application/json"}
    try:
        async with session.get(url, params=params, timeout=timeout, headers=headers) as response:
            if response.status == 404:
                # Eureka's way to say that there is no instance.
                return {"application": {"instance": []}}, response.headers
            if response.status != 200:
                raise Unfound(f"{url} answers {response.status}")
            return msgspec.json.decode(await response.read()), response.headers
    except (aiohttp.ClientError, OSError, TimeoutError, msgspec.DecodeError) as why:
        raise Unfound(f"{url} does not answer: {type(why).__name__}") from why


def _list(answer: Any) -> list[Any]:
    if not isinstance(answer, list):
        raise Unfound("Consul's answer is not as documented")
    return answer
