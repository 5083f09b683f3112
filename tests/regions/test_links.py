"""A link carries what is meant for another region to that region's broker, and nothing else."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.core.management.base import CommandError
from kombu import Connection
from kombu.exceptions import OperationalError

from nexus.contracts.base import enclose, uuid7
from nexus.contracts.inventory import ShareSent, StockRejected
from nexus.eventbus import bus
from nexus.eventbus.backends import celery
from nexus.eventbus.backends.celery import connecting, links
from nexus.eventbus.backends.celery.publisher import Publisher, PublishFailed
from nexus.eventbus.backends.celery.topology import Topology
from nexus.eventbus.registry import members
from nexus.eventbus.wire import Record, decode, record_of
from nexus.inventory import services
from nexus.inventory.handlers import AMONG_REGIONS
from nexus.settings import regions
from nexus.settings.environment import Environment
from tests.inventory.conftest import Stockroom, stockroom
from tests.rabbitmq import PrivateRabbitMQ
from tests.regions.brokers import NAMESPACE, link_url, own_url
from tests.regions.certificates import self_signed

__all__ = ["stockroom"]
QUEUE = f"{NAMESPACE}.inventory"


class OtherSide:
    """What the broker of us has for its inventory."""

    def __init__(self, channel: Any) -> None:
        self.channel = channel

    def declare(self) -> None:
        """As `manage.py prepare` does there."""
        handlers = {kind.type: handler for kind, handler in AMONG_REGIONS.items()}
        Topology(NAMESPACE).declare(self.channel, replace(members["inventory"], handlers=handlers))

    def clear(self) -> None:
        topology = Topology(NAMESPACE)
        for queue in (QUEUE, topology.dead_queue("inventory").name):
            self.channel.queue_delete(queue)
        for exchange in (topology.events, topology.dead):
            self.channel.exchange_delete(exchange.name)

    def taken(self) -> list[Record]:
        """Everything that waits, taken out."""
        found: list[Record] = []
        while message := self.channel.basic_get(QUEUE, no_ack=True):
            [[text], _, _] = json.loads(message.body)
            found += decode(text)
        return found


@pytest.fixture
def us(broker: PrivateRabbitMQ) -> Iterator[OtherSide]:
    with Connection(own_url(broker, "us")) as connection:
        side = OtherSide(connection.channel())
        yield side
        side.clear()


@pytest.fixture
def eu(settings: Any, broker: PrivateRabbitMQ) -> None:
    """This is eu, linked to us under the user that may do no more."""
    settings.REGION = "eu"
    settings.REGION_LINKS = {"us": link_url("eu", to="us", port=urlsplit(broker.url).port or 0)}
    settings.EVENT_BUS = settings.EVENT_BUS | {
        "BACKEND": "nexus.eventbus.backends.celery",
        "BROKER_URL": own_url(broker, "eu"),
        "NAMESPACE": NAMESPACE,
    }


def carry() -> int:
    """One link to us, from where it stands to the end of the log; how many records it passed."""
    [link] = links()
    with link.stepping() as step:
        return sum(iter(step, 0))


def position() -> str:
    """Where the link to us stands."""
    cursors = {consumer: where for consumer, where, _ in members["inventory"].store.cursors()}
    return cursors.get(f"inventory > link us {NAMESPACE}", "")


@pytest.mark.django_db(databases=["inventory"], transaction=True)
@pytest.mark.usefixtures("eu")
class TestALink:
    def test_carries_what_is_meant_for_its_region_alone(
        self, stockroom: Stockroom, us: OtherSide, settings: Any
    ) -> None:
        us.declare()
        stockroom.has(LAMP=10)
        transfer = services.send_share(sku="LAMP", to_region="us", quantity=4)
        settings.REGION_LINKS = settings.REGION_LINKS | {"asia": "amqp://127.0.0.1:1/asia"}
        services.send_share(sku="LAMP", to_region="asia", quantity=1)
        settings.REGION_LINKS.pop("asia")
        stockroom.reserve(LAMP=1)

        passed = carry()

        assert [(record.type, record.subject) for record in us.taken()] == [(ShareSent.type, str(transfer))]
        assert passed > 2, "its position moves past everything"
        assert carry() == 0

    def test_stays_where_it_is_until_the_other_broker_has_it(self, stockroom: Stockroom, us: OtherSide) -> None:
        us.declare()
        us.channel.queue_delete(QUEUE)
        stockroom.has(LAMP=10)
        services.send_share(sku="LAMP", to_region="us", quantity=4)
        before = position()

        with pytest.raises(PublishFailed, match=r"no queue is bound for inventory\.share-sent\.v1"):
            carry()

        assert position() == before
        us.declare()
        carry()
        assert [record.type for record in us.taken()] == [ShareSent.type]

    def test_that_is_cut_moves_on_while_there_is_nothing_to_carry(self, stockroom: Stockroom, settings: Any) -> None:
        settings.REGION_LINKS = {"us": "amqp://127.0.0.1:1/us"}
        stockroom.has(LAMP=10)
        stockroom.reserve(LAMP=1)

        assert carry() > 0

        services.send_share(sku="LAMP", to_region="us", quantity=4)
        before = position()
        with pytest.raises(OperationalError, match="refused"):
            carry()
        assert position() == before != ""

    def test_passes_over_a_node_that_is_gone(
        self, stockroom: Stockroom, us: OtherSide, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connecting, "_in_any_order", list)
        us.declare()
        settings.REGION_LINKS = {"us": f"amqp://127.0.0.1:1/us;{settings.REGION_LINKS['us']}"}
        stockroom.has(LAMP=10)
        services.send_share(sku="LAMP", to_region="us", quantity=4)

        carry()

        assert [record.type for record in us.taken()] == [ShareSent.type]

    def test_may_send_nothing_else_even_if_it_wanted_to(self, us: OtherSide, settings: Any) -> None:
        us.declare()
        us.channel.queue_bind(QUEUE, exchange=f"{NAMESPACE}.events", routing_key="inventory.#")
        verdict = enclose(StockRejected(order_id=uuid7(), skus=("LAMP",)), sequence=1)

        with (
            closing(Publisher(address=settings.REGION_LINKS["us"])) as publish,
            pytest.raises(Exception, match="ACCESS_REFUSED"),
        ):
            publish([record_of(verdict)])

        assert us.taken() == []


class TestAnEncryptedLink:
    @pytest.mark.parametrize(
        ("host", "trusted", "complaint"),
        [("127.0.0.1", False, "self-signed certificate"), ("127.0.0.2", True, "IP address mismatch")],
        ids=["that nobody trusts", "of another host"],
    )
    def test_goes_to_nobody_with_a_certificate(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, host: str, trusted: bool, complaint: str
    ) -> None:
        verdict = record_of(enclose(StockRejected(order_id=uuid7(), skus=()), sequence=1))
        with self_signed(tmp_path, host=host) as (port, certificate, refused):
            if trusted:
                monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
            with closing(Publisher(address=f"amqps://127.0.0.1:{port}/us")) as publish:
                with pytest.raises(OperationalError, match=complaint):
                    publish([verdict])

                assert refused.wait(10), "it did not come as far as the certificate"


class TestTheCommand:
    def test_says_what_it_takes_where_events_stay_in_one_process(self, settings: Any) -> None:
        settings.REGION, settings.REGION_LINKS = "eu", {"us": "amqp://127.0.0.1:1/us"}

        with pytest.raises(CommandError, match="it takes NEXUS_EVENT_BUS=celery"):
            call_command("link")

    def test_says_that_there_is_no_other_region(self, settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bus, "backend", lambda: celery)

        with pytest.raises(CommandError, match="names no other region"):
            call_command("link")
        settings.REGION, settings.REGION_LINKS = "eu", {"us": "amqp://127.0.0.1:1/us"}
        with pytest.raises(CommandError, match="has no mars, only us"):
            call_command("link", "mars")


class TestTheSettings:
    @pytest.mark.parametrize(
        ("given", "complaint"),
        [
            ({"NEXUS_REGION": "Europe!"}, "NEXUS_REGION must be a short name"),
            ({"NEXUS_REGION_LINKS": "us=amqp://h/us"}, "NEXUS_REGION must say what this one is"),
            ({"NEXUS_REGION": "eu", "NEXUS_REGION_LINKS": "eu=amqp://h/eu"}, "leads back to eu"),
            ({"NEXUS_REGION": "eu", "NEXUS_REGION_LINKS": "us=kafka://h/us"}, "must look like"),
            ({"NEXUS_REGION": "eu", "NEXUS_REGION_LINKS": "us"}, "must look like"),
        ],
    )
    def test_that_make_no_sense_stop_the_start(self, given: dict[str, str], complaint: str) -> None:
        with pytest.raises(ImproperlyConfigured, match=complaint):
            regions.links(Environment(given))

    def test_are_nothing_where_there_is_one_region(self) -> None:
        assert (regions.region(Environment({})), regions.links(Environment({}))) == ("", {})
        assert not {kind.type for kind in AMONG_REGIONS} & members["inventory"].handlers.keys()

    def test_name_the_others(self) -> None:
        given = {"NEXUS_REGION": "eu", "NEXUS_REGION_LINKS": "us=amqp://a:b@h:1/us, asia=amqps://h/asia"}

        assert regions.links(Environment(given)) == {"us": "amqp://a:b@h:1/us", "asia": "amqps://h/asia"}
