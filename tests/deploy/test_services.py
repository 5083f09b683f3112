"""The profile `services`: each app has what is its own, waits for nobody else's, and the gateway brings all of them."""

import shutil
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from nexus.embedded import shapes
from tests.deploy.compose_rules import shop
from tests.deploy.tools import COMPOSE_FILE, REPOSITORY, Config, render

ALL = (*shapes.APPS, "gateway")
MONOLITHS = {"web", "staff", "relay", "prepare"}


def app_of(name: str) -> str:
    return name.partition("-")[0]


def brought_by(config: Config, name: str) -> set[str]:
    """What Compose starts when it is asked for one service."""
    found, waiting = set[str](), [name]
    while waiting:
        if (each := waiting.pop()) not in found and each in config["services"]:
            found.add(each)
            waiting += config["services"][each].get("depends_on", {})
    return found


@pytest.fixture(scope="module")
def services(config: Config) -> dict[str, Config]:
    return shop(config, profile="services")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project's, for an .env."""
    return tmp_path


class TestEachService:
    def test_is_of_an_app_and_has_what_the_shape_has(self, services: dict[str, Config]) -> None:
        shape = shapes.services(port=1, ports=dict.fromkeys(shapes.APPS, 1))
        carriers = {"-".join(reversed(part.name.split(" of "))) for part in shape.carriers}
        doors = {part.name for part in shape.doors}

        assert services.keys() == carriers | doors | {f"{app}-prepare" for app in shapes.APPS}

    def test_has_an_image_of_its_own_and_its_settings(self, services: dict[str, Config]) -> None:
        version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]

        for name, each in services.items():
            app = app_of(name)
            assert (each["image"], each["build"]["args"]) == (f"nexus-{app}:{version}", {"APP": app})
            assert each["environment"]["DJANGO_SETTINGS_MODULE"] == f"nexus.settings.{app}"

    def test_has_the_role_of_its_own_and_only_what_prepares_has_the_owners(
        self, services: dict[str, Config], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("NEXUS_POSTGRES_URL", "postgresql://nexus@postgres:5432/nexus")

        for name, each in services.items():
            told, app = each["environment"], app_of(name)
            owner = name.endswith("-prepare")
            password = "postgres_password" if owner else f"postgres_{app}_password"
            if app in shapes.ON_POSTGRES:
                own = shapes.settings_of(app, keys="")["NEXUS_POSTGRES_URL"]
                assert told["NEXUS_POSTGRES_URL"] == (own if not owner else "postgresql://nexus@postgres:5432/nexus")
                assert told["NEXUS_POSTGRES_PASSWORD_FILE"] == f"/run/secrets/{password}"
            else:
                assert "NEXUS_POSTGRES_URL" not in told
            assert ("NEXUS_MONGO_URL" in told) == (app == "catalog")

    def test_has_the_secrets_that_it_is_told_of_and_no_other(self, services: dict[str, Config]) -> None:
        for name, each in services.items():
            told = {value for variable, value in each["environment"].items() if variable.endswith("_FILE")}
            assert {secret["target"] for secret in each["secrets"]} == told, name

    def test_knows_where_the_others_are(self, services: dict[str, Config]) -> None:
        pairs = [pair.strip().split("=") for pair in services["gateway"]["environment"]["NEXUS_SERVICES"].split(",")]
        hosts = services["accounts"]["environment"]["NEXUS_ALLOWED_HOSTS"].split(",")

        assert dict(pairs) == {app: f"dns://{app}:8080" for app in shapes.APPS}
        for name, each in services.items():
            keys = urlsplit(each["environment"].get("NEXUS_JWKS_URL", "http://accounts"))
            assert keys.hostname in services.keys() & set(hosts), name
        assert len({each["environment"]["NEXUS_ISSUER"] for each in services.values()}) == 1


class TestWhatIsBrought:
    @pytest.mark.parametrize("app", shapes.APPS)
    def test_by_an_app_is_all_of_its_own_and_nothing_of_the_others(
        self, config: Config, services: dict[str, Config], app: str
    ) -> None:
        brought = brought_by(config, app) & (services.keys() | shop(config).keys())

        assert brought == {name for name in services if app_of(name) == app}

    def test_by_the_gateway_is_all_of_the_services_and_nothing_of_the_monolith(
        self, config: Config, services: dict[str, Config]
    ) -> None:
        assert services.keys() <= brought_by(config, "gateway")
        assert not brought_by(config, "gateway") & shop(config).keys()


class TestTheDoor:
    def test_is_beside_the_monoliths(self, config: Config, services: dict[str, Config]) -> None:
        (door,), (other,) = services["gateway"]["ports"], config["services"]["web"]["ports"]

        assert (door["published"], other["published"]) == ("8082", "8080")
        assert services["orders"]["environment"]["NEXUS_ISSUER"] == "http://localhost:8082"

    def test_is_in_its_place_where_env_says_so(self, folder: Path) -> None:
        (folder / ".env").write_text("GATEWAY_PORT=8080\n")
        services = render(COMPOSE_FILE, folder=folder, profiles=["services"])["services"]

        assert services["gateway"]["ports"][0]["published"] == "8080"
        assert services["orders"]["environment"]["NEXUS_ISSUER"] == "http://localhost:8080"

    def test_has_the_name_that_env_gives_it(self, folder: Path) -> None:
        (folder / ".env").write_text("NEXUS_ISSUER=https://shop.example.org\nNEXUS_ALLOWED_HOSTS=shop.example.org\n")
        services = render(COMPOSE_FILE, folder=folder, profiles=["services"])["services"]

        assert services["orders"]["environment"]["NEXUS_ISSUER"] == "https://shop.example.org"
        assert services["accounts"]["environment"]["NEXUS_ALLOWED_HOSTS"] == "shop.example.org,accounts"


class TestKafka:
    def test_carries_the_events_of_every_process_where_env_says_so(self, folder: Path) -> None:
        (folder / ".env").write_text("EVENT_BUS=kafka\n")
        config = render(COMPOSE_FILE, folder=folder, profiles=["services", "kafka"])

        for each in (*shop(config).values(), *shop(config, profile="services").values()):
            assert each["environment"]["NEXUS_EVENT_BUS"] == "kafka"
            assert each["environment"]["NEXUS_KAFKA_SERVERS"] == "kafka:9092"

    def test_does_not_where_env_is_a_copy_of_the_example(self, folder: Path) -> None:
        shutil.copy2(REPOSITORY / ".env.example", folder / ".env")

        config = render(COMPOSE_FILE, folder=folder)

        assert {each["environment"]["NEXUS_EVENT_BUS"] for each in shop(config).values()} == {"celery"}

    def test_is_waited_for_by_what_makes_the_topics(self, config: Config) -> None:
        for name in ("prepare", *(f"{app}-prepare" for app in shapes.APPS)):
            assert config["services"][name]["depends_on"]["kafka"]["condition"] == "service_healthy"

    def test_is_where_clients_are_sent_and_keeps_its_data_in_the_volume(self, config: Config) -> None:
        lines = (REPOSITORY / "deploy" / "compose" / "kafka.properties").read_text().splitlines()
        told = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
        kafka = config["services"]["kafka"]

        assert told["advertised.listeners"] == f"SHOP://{kafka['hostname']}:9092"
        assert [mount["target"] for mount in kafka["volumes"]] == [told["log.dirs"]]
        # The controller's port is for the container itself.
        assert told["listeners"] == "SHOP://:9092,CONTROLLER://127.0.0.1:9093"
        assert told["auto.create.topics.enable"] == "false"
