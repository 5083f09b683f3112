"""
Finding instances. No Consul and no Eureka run here: small servers speak what their documentation says of the two
requests that we make (https://developer.hashicorp.com/consul/api-docs/health,
https://github.com/Netflix/eureka/wiki/Eureka-REST-operations).
"""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp
import pytest
from django.core.exceptions import ImproperlyConfigured

from nexus.gateway.api.elsewhere import services_of_settings
from nexus.gateway.discovery import Fixed, Source, Unfound, source_of
from nexus.gateway.discovery.sources import Consul, Dns, Eureka, Several
from nexus.gateway.upstream.call import new_session
from nexus.gateway.upstream.service import Service
from nexus.settings.environment import Environment
from tests.gateway.instances import Behave, Instance, answering, hangs_up, nobody, running

CONSUL = [
    {"Node": {"Address": "10.0.0.1"}, "Service": {"Address": "", "Port": 8000}},
    {"Node": {"Address": "10.0.0.2"}, "Service": {"Address": "192.0.2.7", "Port": 8001}},
    {"Node": {"Address": "10.0.0.2"}, "Service": {"Address": "2001:db8::7", "Port": 8001}},
]
EUREKA = {
    "application": {
        "name": "ORDERS",
        "instance": [
            {"ipAddr": "192.0.2.1", "status": "UP", "port": {"$": 8000, "@enabled": "true"}},
            {"ipAddr": "192.0.2.2", "status": "DOWN", "port": {"$": 8000, "@enabled": "true"}},
            {"ipAddr": "192.0.2.3", "status": "UP", "port": {"$": "8002", "@enabled": "true"}},
        ],
    }
}


def found_by(source: object, *behaviours: Behave) -> tuple[list[str], Sequence[str]]:
    async def run() -> tuple[list[str], Sequence[str]]:
        async with running(*behaviours) as [registry], new_session() as session:
            source.url = registry.address  # type: ignore[attr-defined]
            return await source.find(session), registry.asked  # type: ignore[attr-defined]

    return asyncio.run(run())


class TestConsul:
    def test_lists_what_passes_its_checks(self) -> None:
        found, asked = found_by(Consul("orders", ""), answering(body=json.dumps(CONSUL)))

        assert found == ["http://10.0.0.1:8000", "http://192.0.2.7:8001", "http://[2001:db8::7]:8001"]
        assert asked == ["GET /v1/health/service/orders?passing=true HTTP/1.1"]

    def test_waits_for_a_change_once_it_knows_the_index(self) -> None:
        source = Consul("orders", "")
        body = json.dumps(CONSUL)
        found_by(source, answering(body=body, headers=["X-Consul-Index: 17"]))
        _, asked = found_by(source, answering(body=body, headers=["X-Consul-Index: 18"]))

        assert asked == ["GET /v1/health/service/orders?passing=true&index=17&wait=30s HTTP/1.1"]
        assert source.index == 18

    def test_forgets_an_index_that_went_backwards(self) -> None:
        source = Consul("orders", "", index=17)
        found_by(source, answering(body="[]", headers=["X-Consul-Index: 3"]))

        assert source.index == 0


class TestEureka:
    def test_lists_what_is_up(self) -> None:
        found, asked = found_by(Eureka("orders", ""), answering(body=json.dumps(EUREKA)))

        assert found == ["http://192.0.2.1:8000", "http://192.0.2.3:8002"]
        assert asked == ["GET /apps/ORDERS HTTP/1.1"]

    def test_knows_one_instance_without_a_list(self) -> None:
        alone = {"application": {"instance": EUREKA["application"]["instance"][0]}}  # type: ignore[index]

        assert found_by(Eureka("orders", ""), answering(body=json.dumps(alone)))[0] == ["http://192.0.2.1:8000"]

    def test_an_unknown_app_has_none(self) -> None:
        assert found_by(Eureka("orders", ""), answering(404, body=""))[0] == []


@pytest.mark.parametrize("source", [Consul("orders", ""), Eureka("orders", "")], ids=["consul", "eureka"])
@pytest.mark.parametrize(
    "behave",
    [answering(500), answering(body="<html>"), answering(body='{"a": [1]}'), answering(body="[{}]"), hangs_up],
    ids=["500", "html", "other object", "other list", "hangs up"],
)
def test_an_answer_that_is_none_changes_nothing(source: object, behave: Behave) -> None:
    with pytest.raises(Unfound):
        found_by(source, behave)


def test_a_name_gives_all_its_addresses() -> None:
    async def run() -> list[str]:
        async with new_session() as session:
            return await Dns("localhost", 8000).find(session)

    assert "http://127.0.0.1:8000" in asyncio.run(run())


def test_an_unknown_name_changes_nothing() -> None:
    async def run() -> None:
        async with new_session() as session:
            await Dns("nothing.invalid", 8000).find(session)

    with pytest.raises(Unfound):
        asyncio.run(run())


class TestSourceOf:
    def test_reads_every_kind(self) -> None:
        registries = {"consul": "http://consul:8500/", "eureka": "http://eureka:8761/eureka"}

        assert source_of("http://a:1 http://b:2/", **registries) == Fixed(("http://a:1", "http://b:2"))
        assert source_of("dns://orders:8000", **registries) == Dns("orders", 8000)
        assert source_of("consul://orders", **registries) == Consul("orders", "http://consul:8500")
        assert source_of("eureka://orders", **registries) == Eureka("orders", "http://eureka:8761/eureka")
        assert source_of("http://a:1 dns://b:2", **registries) == Several([Fixed(("http://a:1",)), Dns("b", 2)])

    @pytest.mark.parametrize(
        "words", ["", "orders:8000", "ftp://a", "dns://orders", "consul://orders", "eureka://orders"]
    )
    def test_says_what_it_cannot_read(self, words: str) -> None:
        with pytest.raises(ImproperlyConfigured):
            source_of(words, consul="", eureka="")


class TestSeveral:
    def test_one_that_is_silent_takes_nothing_from_the_others(self) -> None:
        async def run() -> list[str]:
            async with new_session() as session:
                return await Several([Fixed(("http://a:1",)), Consul("orders", nobody())]).find(session)

        assert asyncio.run(run()) == ["http://a:1"]

    def test_what_one_said_last_stays_in_force(self) -> None:
        async def run() -> list[str]:
            async with running(answering(body=json.dumps(CONSUL[:1]))) as [consul], new_session() as session:
                source = Consul("orders", consul.address)
                several = Several([Fixed(("http://a:1",)), source])
                await several.find(session)
                source.url = nobody()
                return await several.find(session)

        assert asyncio.run(run()) == ["http://10.0.0.1:8000", "http://a:1"]

    def test_all_silent_is_silence(self) -> None:
        async def run() -> None:
            async with new_session() as session:
                await Several([Consul("a", nobody()), Eureka("b", nobody())]).find(session)

        with pytest.raises(Unfound):
            asyncio.run(run())


@dataclass
class Counting:
    """A source, and how often it could not be asked."""

    source: Source
    failures: int = 0

    async def find(self, session: aiohttp.ClientSession) -> list[str]:
        try:
            return await self.source.find(session)
        except Unfound:
            self.failures += 1
            raise


class TestWatching:
    def test_follows_what_the_registry_says(self) -> None:
        entries = [CONSUL[0]]
        index = 1

        async def registry(_: Instance, line: str, writer: asyncio.StreamWriter) -> None:
            await changed.wait() if f"index={index}" in line else None
            await answering(body=json.dumps(entries), headers=[f"X-Consul-Index: {index}"])(_, line, writer)

        async def run() -> None:
            nonlocal index
            async with running(registry) as [consul], new_session() as session:
                service = Service("orders", Consul("orders", consul.address))
                await service.known(session)
                assert list(service.instances) == ["http://10.0.0.1:8000"]
                first = service.instances["http://10.0.0.1:8000"]

                entries.append(CONSUL[1])
                index = 2
                changed.set()
                async with asyncio.timeout(10):
                    while len(service.instances) < 2:
                        await asyncio.sleep(0.01)
                assert service.instances["http://10.0.0.1:8000"] is first, "what is known of it is kept"
                service.stop()
                assert len(consul.asked) <= 4, "it is not hammered"

        changed = asyncio.Event()
        asyncio.run(run())

    def test_keeps_what_it_knows_while_the_registry_is_silent(self) -> None:
        async def run() -> None:
            async with new_session() as session:
                source = Counting(Consul("orders", nobody()))
                service = Service("orders", source)
                service.learn(["http://10.0.0.1:8000"])
                await service.known(session)
                async with asyncio.timeout(10):
                    while not source.failures:
                        await asyncio.sleep(0.01)
                service.stop()
                assert list(service.instances) == ["http://10.0.0.1:8000"]

        asyncio.run(run())


class TestSettings:
    """What is wrong with them stops the start; nobody has to ask first."""

    def test_a_service_without_a_route_is_named(self, settings: Any) -> None:
        settings.SERVICES = {"order": "http://a:1"}

        with pytest.raises(ImproperlyConfigured, match="names order, to which no route leads"):
            services_of_settings()

    def test_addresses_are_read_at_once(self, settings: Any) -> None:
        settings.SERVICES = {"orders": "a:1"}

        with pytest.raises(ImproperlyConfigured, match="a:1 in NEXUS_SERVICES"):
            services_of_settings()

    @pytest.mark.parametrize("given", ["orders=soon", "orders=0", "orders=-1", "orders=inf", "orders", "=1"])
    def test_seconds_that_are_none_are_refused(self, given: str) -> None:
        with pytest.raises(ImproperlyConfigured, match="NEXUS_SERVICE_SECONDS must look like"):
            Environment({"NEXUS_SERVICE_SECONDS": given}).seconds("NEXUS_SERVICE_SECONDS")
