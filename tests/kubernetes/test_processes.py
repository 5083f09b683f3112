"""What the manifests start is what the compose file and the shapes start, with the same words and settings."""

import copy
import tomllib
from pathlib import Path

import pytest

from nexus.embedded import shapes
from nexus.web.express.ordinary import THREADS
from tests.deploy.compose_rules import is_nexus as is_nexus_service
from tests.deploy.tools import COMPOSE_FILE, Config
from tests.deploy.tools import render as compose
from tests.kubernetes.tools import (
    MANIFESTS,
    OVERLAYS,
    REPOSITORY,
    Manifest,
    containers,
    given,
    main,
    of_kind,
    ours,
    overlay,
    settings_of,
)

CLUSTERS_OWN = {
    "DJANGO_SETTINGS_MODULE",
    "PREPARED_DATABASES",
    "NEXUS_ISSUER",
    "NEXUS_ALLOWED_HOSTS",
    "NEXUS_CSRF_ORIGINS",
    "NEXUS_TRUSTED_PROXIES",
}
"""What is said here and not in the compose file: who is in front of the shop, and which settings are meant."""
OF_SEVERAL_NODES = "quorum_queue.continuous_membership_reconciliation"
COMPOSES_OWN = {"NEXUS_KAFKA_SERVERS"}
"""What is said there and not here: where the profile's Kafka is."""
OF_A_CARRIER = 5
"""Connections of a relay or a worker, at most, as in the compose file's sum."""


@pytest.fixture(scope="session")
def config(tmp_path_factory: pytest.TempPathFactory) -> Config:
    return compose(COMPOSE_FILE, folder=tmp_path_factory.mktemp("project"))


class TestTheMonolith:
    def test_has_the_processes_of_the_compose_file(self, config: Config) -> None:
        assert ours("monolith").keys() == {name for name, each in config["services"].items() if is_nexus_service(each)}

    def test_starts_each_as_the_compose_file_does(self, config: Config) -> None:
        for name, template in ours("monolith").items():
            assert main(template)["args"] == config["services"][name]["command"]

    def test_asks_carriers_the_same_as_the_compose_file(self, config: Config) -> None:
        for name, template in ours("monolith").items():
            if command := main(template).get("readinessProbe", {}).get("exec", {}).get("command"):
                assert ["CMD", *command] == config["services"][name]["healthcheck"]["test"]

    def test_gives_each_the_settings_of_the_compose_file(self, config: Config) -> None:
        for name in ours("monolith"):
            told = given("monolith", name).keys()
            there = config["services"][name]["environment"].keys()
            # Who serves customers never asks the broker, and so is not told its password here.
            unasked = {"NEXUS_BROKER_PASSWORD_FILE"} if name == "web" else set()
            assert told - CLUSTERS_OWN == there - COMPOSES_OWN - unasked

    def test_is_the_image_of_the_version_in_pyproject(self) -> None:
        version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
        images = {name: {main(each)["image"] for each in ours(name).values()} for name in ("monolith", "minikube")}

        assert images == {"monolith": {f"registry.example.com/nexus:{version}"}, "minikube": {f"nexus:{version}"}}

    def test_has_engines_of_the_same_versions(self, config: Config) -> None:
        (postgres,), (rabbitmq,) = (of_kind(overlay("monolith"), kind) for kind in ("Cluster", "RabbitmqCluster"))
        (mongo,), (valkey,) = (of_kind(overlay("monolith"), kind) for kind in ("MongoDBCommunity", "StatefulSet"))
        images = {name: each["image"] for name, each in config["services"].items()}

        assert valkey["spec"]["template"]["spec"]["containers"][0]["image"] == images["valkey"]
        assert rabbitmq["spec"]["image"] == images["rabbitmq"]
        assert images["mongo"].startswith(f"mongo:{mongo['spec']['version']}-")
        version = images["postgres"].removeprefix("postgres:").partition("-")[0]
        assert f":{version}-" in postgres["spec"]["imageName"]

    def test_has_engines_with_the_same_settings(self) -> None:
        beside = REPOSITORY / "deploy" / "compose"
        (rabbitmq,) = of_kind(overlay("monolith"), "RabbitmqCluster")
        given, written = conf_of(rabbitmq), (beside / "rabbitmq.conf").read_text().splitlines()

        assert (MANIFESTS / "engines" / "valkey.conf").read_text() == (beside / "valkey.conf").read_text()
        assert [line for line in given if not line.startswith(OF_SEVERAL_NODES)] == [
            line for line in written if not line.startswith("#")
        ]

    def test_has_as_many_members_of_a_queue_as_nodes(self) -> None:
        (rabbitmq,) = of_kind(overlay("monolith"), "RabbitmqCluster")

        assert f"{OF_SEVERAL_NODES}.target_group_size = {rabbitmq['spec']['replicas']}" in conf_of(rabbitmq)


class TestTheServices:
    def test_are_the_processes_of_that_shape_and_a_job_for_each_app(self) -> None:
        shape = shapes.services(port=1, ports=dict.fromkeys(shapes.APPS, 1))
        carriers = {part.name.replace(" of ", "-") for part in shape.carriers}
        doors = {f"web-{part.name}" for part in shape.doors}

        assert ours("services").keys() == carriers | doors | {f"prepare-{app}" for app in shapes.APPS}

    @pytest.mark.parametrize("app", shapes.APPS)
    def test_each_have_their_own_settings_and_role(self, app: str, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("NEXUS_POSTGRES_URL", "postgresql://nexus@postgres-rw:5432/nexus")
        told = given("services", f"web-{app}")

        assert told["DJANGO_SETTINGS_MODULE"] == f"nexus.settings.{app}"
        if app in shapes.ON_POSTGRES:
            wanted = shapes.settings_of(app, keys="")["NEXUS_POSTGRES_URL"]
            assert told["NEXUS_POSTGRES_URL"] == given("services", f"relay-{app}")["NEXUS_POSTGRES_URL"] == wanted
        else:
            assert "NEXUS_POSTGRES_URL" not in told

    def test_have_tables_made_by_the_owner_and_roles_by_the_operator(self) -> None:
        (cluster,) = of_kind(overlay("services"), "Cluster")
        roles = {role["name"]: role.get("createdb", False) for role in cluster["spec"]["managed"]["roles"]}

        assert roles == {"nexus": True} | {f"nexus_{app}": False for app in shapes.ON_POSTGRES}
        for app in shapes.ON_POSTGRES:
            job = ours("services")[f"prepare-{app}"]
            assert main(job)["args"] == ["manage.py", "prepare", "--roles"]
            assert given("services", f"prepare-{app}")["NEXUS_POSTGRES_URL"].startswith("postgresql://nexus@")

    @pytest.mark.parametrize("name", ["services", "gke"])
    def test_have_an_image_each_of_the_version_in_pyproject(self, name: str) -> None:
        version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
        images = {
            (process.rpartition("-")[2], each["image"])
            for process, template in ours(name).items()
            for each in containers(template)
        }

        assert images == {(app, f"registry.example.com/nexus-{app}:{version}") for app in (*shapes.APPS, "gateway")}

    @pytest.mark.parametrize("app", [*shapes.APPS, "gateway"])
    def test_are_each_told_what_compose_tells_them(self, app: str, tmp_path: Path) -> None:
        services = compose(COMPOSE_FILE, folder=tmp_path, profiles=["services"])["services"]
        here = {"web": app, "relay": f"{app}-relay", "worker": f"{app}-worker", "prepare": f"{app}-prepare"}
        parts = {part: name for part, name in here.items() if f"{part}-{app}" in ours("services")}

        assert {name for name in services if name.partition("-")[0] == app} == set(parts.values())
        for part, name in parts.items():
            told, there = given("services", f"{part}-{app}").keys(), services[name]["environment"].keys()
            # The broker's address is told to all of them here, its password to those who ask it.
            unasked = {"NEXUS_BROKER_URL"} if part == "web" else set()
            assert told - CLUSTERS_OWN - unasked == there - CLUSTERS_OWN - COMPOSES_OWN, name

    def test_ask_relays_for_the_stores_they_follow(self) -> None:
        asked = {
            app: main(ours("services")[f"relay-{app}"])["readinessProbe"]["exec"]["command"] for app in shapes.APPS
        }

        assert {app: command[2:] for app, command in asked.items()} == {
            app: ["5432" if app in shapes.ON_POSTGRES else "27017"] for app in shapes.APPS
        }

    def test_find_each_other_where_the_gateway_looks(self) -> None:
        addresses = dict(
            pair.strip().split("=") for pair in given("services", "web-gateway")["NEXUS_SERVICES"].split(",")
        )
        headless = {
            each["metadata"]["name"]
            for each in of_kind(overlay("services"), "Service")
            if each["spec"].get("clusterIP") == "None"
        }

        assert addresses == {app: f"dns://web-{app}:8080" for app in shapes.APPS}
        assert {f"web-{app}" for app in shapes.APPS} | {"valkey"} == headless


class TestPostgres:
    @pytest.mark.parametrize("name", OVERLAYS)
    def test_takes_the_connections_of_all_processes_at_their_most(self, name: str) -> None:
        (cluster,) = of_kind(overlay(name), "Cluster")

        assert most_connections(overlay(name)) < int(cluster["spec"]["postgresql"]["parameters"]["max_connections"])

    def test_would_not_if_there_were_twice_as_many_of_web(self) -> None:
        manifests = copy.deepcopy(overlay("services"))
        for each in of_kind(manifests, "HorizontalPodAutoscaler"):
            each["spec"]["maxReplicas"] *= 2
        (cluster,) = of_kind(manifests, "Cluster")

        assert most_connections(manifests) > int(cluster["spec"]["postgresql"]["parameters"]["max_connections"])


def conf_of(rabbitmq: Manifest) -> list[str]:
    return list(rabbitmq["spec"]["rabbitmq"]["additionalConfig"].splitlines())


def most_connections(manifests: list[Manifest]) -> int:
    """All processes scaled to their most, and one more of each while a release replaces them."""
    most = {
        each["metadata"]["name"]: each["spec"]["maxReplicas"] for each in of_kind(manifests, "HorizontalPodAutoscaler")
    }
    most |= {each["metadata"]["name"]: each["spec"]["maxReplicaCount"] for each in of_kind(manifests, "ScaledObject")}
    count = 0
    for each in of_kind(manifests, "Deployment"):
        name, container = each["metadata"]["name"], main(each["spec"]["template"])
        told = settings_of(manifests, container)
        if "NEXUS_POSTGRES_URL" not in told:
            continue
        databases = len(told["PREPARED_DATABASES"].split())
        held = databases * threads(container["args"]) if "nexus.web.server" in container["args"] else OF_A_CARRIER
        count += (most.get(name) or each["spec"]["replicas"]) * held + held
    return count


def threads(args: list[str]) -> int:
    return int(args[args.index("--workers") + 1]) * THREADS
