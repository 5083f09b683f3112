"""The services of the compose file start, are healthy when they are, are not when they are not, and end on SIGTERM."""

import os
import secrets
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from kombu import Connection
from psycopg import sql
from pymongo import MongoClient

from tests.deploy.processes import Deployment, bus_of_its_own, password_of, renamed
from tests.deploy.tools import Config
from tests.eventually import eventually
from tests.kafka import private_kafka

NAME = f"deploy_{os.getpid()}"
WORKERS = ["orders", "inventory", "catalog"]


@pytest.fixture(scope="module")
def broker() -> Iterator[str]:
    with bus_of_its_own(NAME) as url:
        yield url


@pytest.fixture(scope="module")
def addresses(broker: str) -> dict[str, SplitResult]:
    """Stores under a name of our own."""
    return {
        "NEXUS_POSTGRES_URL": renamed(os.environ["NEXUS_POSTGRES_URL"], f"/{NAME}"),
        "NEXUS_MONGO_URL": renamed(os.environ["NEXUS_MONGO_URL"], f"/{NAME}"),
        "NEXUS_BROKER_URL": urlsplit(broker),
    }


@pytest.fixture
def deployment(config: Config, addresses: dict[str, SplitResult], tmp_path: Path) -> Iterator[Deployment]:
    """The stores behind forwarders, and secrets in files."""
    with _deployment(config, addresses, tmp_path) as deployment:
        yield deployment


@pytest.fixture(scope="module")
def stores(
    config: Config, addresses: dict[str, SplitResult], tmp_path_factory: pytest.TempPathFactory
) -> list[subprocess.CompletedProcess[str]]:
    """What two said that prepared them at the same time, as the monolith and the services do when both begin."""
    with (
        _deployment(config, addresses, tmp_path_factory.mktemp("prepare")) as deployment,
        ThreadPoolExecutor(2) as pool,
    ):
        return list(pool.map(deployment.run, ["prepare", "prepare"]))


@pytest.fixture
def prepared(stores: list[subprocess.CompletedProcess[str]], deployment: Deployment) -> Deployment:
    assert [done.returncode for done in stores] == [0, 0], [done.stderr for done in stores]
    return deployment


@pytest.fixture(scope="module", autouse=True)
def nothing_left() -> Iterator[None]:
    yield
    server = urlsplit(os.environ["NEXUS_POSTGRES_URL"])
    password = os.environ.get("NEXUS_POSTGRES_PASSWORD") or server.password
    address = renamed(server.geturl(), "/postgres").geturl()
    with psycopg.connect(address, password=password, autocommit=True) as connection:
        for app in ("accounts", "orders", "inventory"):
            name = sql.Identifier(f"{NAME}_{app}")
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))
    with MongoClient(os.environ["NEXUS_MONGO_URL"]) as client:
        client.drop_database(NAME)


class TestPrepare:
    def test_readies_empty_stores_and_does_no_harm_a_second_time(self, prepared: Deployment) -> None:
        assert prepared.run("prepare").returncode == 0

    def test_fails_when_a_store_is_away(self, deployment: Deployment) -> None:
        deployment.forwarders["NEXUS_BROKER_URL"].cut()

        assert deployment.run("prepare").returncode != 0


class TestWeb:
    def test_is_healthy_whatever_its_hosts_and_only_while_its_databases_answer(self, prepared: Deployment) -> None:
        assert not prepared.is_healthy("web")

        with prepared.running("web", NEXUS_ALLOWED_HOSTS="shop.example.org") as process:
            eventually(lambda: prepared.is_healthy("web"), within=60)
            prepared.forwarders["NEXUS_POSTGRES_URL"].cut()
            eventually(lambda: not prepared.is_healthy("web"), within=30)

        assert process.returncode == 0


class TestRelay:
    @pytest.mark.parametrize("store", ["NEXUS_POSTGRES_URL", "NEXUS_MONGO_URL"])
    def test_is_healthy_only_while_it_is_connected_to_the_logs(self, prepared: Deployment, store: str) -> None:
        with prepared.running("relay") as process:
            eventually(lambda: prepared.is_healthy("relay"), within=60)
            prepared.forwarders[store].cut()
            eventually(lambda: not prepared.is_healthy("relay"), within=30)

        assert process.returncode == 0


class TestWorkers:
    def test_are_healthy_only_while_they_are_connected_to_the_broker(self, prepared: Deployment, broker: str) -> None:
        services = [f"worker-{name}" for name in WORKERS]
        with ExitStack() as stack:
            processes = [stack.enter_context(prepared.running(service)) for service in services]
            for name in WORKERS:
                eventually(lambda name=name: _consumers(broker, f"{NAME}.{name}") == 1, within=60)
            assert all(prepared.is_healthy(service) for service in services)

        assert [process.returncode for process in processes] == [0, 0, 0]

    def test_are_unhealthy_once_the_broker_is_cut_off(self, prepared: Deployment) -> None:
        with prepared.running("worker-orders") as process:
            eventually(lambda: prepared.is_healthy("worker-orders"), within=60)
            prepared.forwarders["NEXUS_BROKER_URL"].cut()
            eventually(lambda: not prepared.is_healthy("worker-orders"), within=30)
            # How long it takes to end in peace now is another test's.
            process.kill()

    def test_ask_kafka_instead_where_that_carries_the_events(self, prepared: Deployment) -> None:
        with private_kafka() as kafka:
            prepared.more |= {"NEXUS_EVENT_BUS": "kafka", "NEXUS_KAFKA_SERVERS": kafka.servers}
            assert prepared.run("prepare").returncode == 0
            assert not prepared.is_healthy("worker-orders")

            with prepared.running("worker-orders") as process:
                eventually(lambda: prepared.is_healthy("worker-orders"), within=60)
                kafka.stop()
                eventually(lambda: not prepared.is_healthy("worker-orders"), within=30)
                process.kill()


def _consumers(broker: str, queue: str) -> int:
    with Connection(broker) as connection:
        return connection.default_channel.queue_declare(queue, passive=True).consumer_count


@contextmanager
def _deployment(config: Config, addresses: dict[str, SplitResult], folder: Path) -> Iterator[Deployment]:
    (folder / "broker_password").write_text(password_of(addresses["NEXUS_BROKER_URL"]) + "\n")
    (folder / "secret_key").write_text(secrets.token_urlsafe(50))
    (folder / "signing_key").write_text(_rsa_key())
    deployment = Deployment(config, addresses=addresses, folder=folder, namespace=NAME)
    yield deployment
    deployment.close()


def _rsa_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
