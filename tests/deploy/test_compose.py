"""The compose file is valid, and keeps the rules; each rule is seen to catch what it forbids."""

import copy
import json
import tomllib
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from nexus.settings.environment import VARIABLES
from tests.deploy import compose_rules as rules
from tests.deploy.tools import COMPOSE_FILE, DOCKERFILE, REPOSITORY, Config, compose, instructions

Rule = Callable[[Config], list[str]]


def clear_secrets(config: Config) -> list[str]:
    return rules.clear_secrets(config, repository=REPOSITORY)


RULES: list[Rule] = [
    rules.wrong_ports,
    rules.unpinned_images,
    rules.unconfined_services,
    rules.unlimited_services,
    rules.unattended_services,
    rules.impatient_services,
    rules.exposed_services,
    rules.open_mounts,
    rules.unknown_variables,
    clear_secrets,
]

DOCKERS = "/var/lib/docker/containers"
PLANTED: list[tuple[Rule, str, list[str], Any]] = [
    (rules.wrong_ports, "is published", ["postgres", "ports"], [{"published": "5432", "target": 5432}]),
    (rules.wrong_ports, "is not", ["web", "ports"], []),
    (rules.wrong_ports, "orders", ["orders", "ports"], [{"published": "8083", "target": 8080}]),
    (rules.wrong_ports, "kafka", ["kafka", "ports"], [{"published": "9092", "target": 9092}]),
    (rules.wrong_ports, "'grafana', None", ["grafana", "ports"], [{"published": "3000", "target": 3000}]),
    (rules.wrong_ports, "prometheus", ["prometheus", "ports"], [{"published": "9090", "target": 9090}]),
    (rules.wrong_ports, "host's network", ["valkey", "network_mode"], "host"),
    (rules.unpinned_images, "mongo:latest", ["mongo", "image"], "mongo:latest"),
    (rules.unpinned_images, "mongo", ["mongo", "image"], "mongo"),
    (rules.unpinned_images, "postgres:18", ["postgres", "image"], "postgres:18"),
    (rules.unpinned_images, "prometheus:v3", ["prometheus", "image"], "prom/prometheus:v3"),
    (rules.unpinned_images, "rabbitmq:4.3-management", ["rabbitmq", "image"], "rabbitmq:4.3-management"),
    (rules.unconfined_services, "web lacks read_only", ["web", "read_only"], False),
    (rules.unconfined_services, "mongo lacks cap_drop", ["mongo", "cap_drop"], []),
    (rules.unconfined_services, "postgres runs as root", ["postgres", "user"], "root"),
    (rules.unconfined_services, "jaeger runs as root", ["jaeger", "user"], "0"),
    (rules.unconfined_services, "kafka runs as root", ["kafka", "user"], "root"),
    (rules.unconfined_services, "filebeat has cap_add", ["filebeat", "cap_add"], ["SYS_ADMIN"]),
    (rules.unconfined_services, "relay has privileged", ["relay", "privileged"], True),
    (rules.unlimited_services, "relay has no limit of cpus", ["relay", "deploy"], {}),
    (rules.unlimited_services, "log", ["relay", "logging"], {"driver": "json-file"}),
    (rules.unattended_services, "relay has no health check", ["relay", "healthcheck"], {}),
    (rules.unattended_services, "grafana has no health check", ["grafana", "healthcheck"], {}),
    (rules.unattended_services, "relay is not restarted", ["relay", "restart"], "on-failure"),
    (rules.unattended_services, "nobody waits for relay", ["relay", "restart"], "no"),
    (rules.impatient_services, "web", ["web", "depends_on"], {"postgres": {"condition": "service_started"}}),
    (rules.impatient_services, "gateway", ["gateway", "depends_on"], {"orders": {"condition": "service_started"}}),
    (rules.exposed_services, "valkey", ["valkey", "networks"], {"backend": None, "edge": None}),
    (rules.exposed_services, "prometheus", ["prometheus", "networks"], {"backend": None, "operators": None}),
    (rules.open_mounts, "prometheus may write", ["prometheus", "volumes"], [{"type": "bind", "source": "/x/deploy/y"}]),
    (rules.open_mounts, "web sees /etc", ["web", "volumes"], [{"type": "bind", "source": "/etc", "read_only": True}]),
    (rules.open_mounts, "kibana sees", ["kibana", "volumes"], [{"type": "bind", "source": DOCKERS, "read_only": True}]),
    (rules.unknown_variables, "NEXUS_COLOUR", ["web", "environment"], {"NEXUS_COLOUR": "red"}),
    (rules.unknown_variables, "NEXUS_CURRENCY_FILE", ["web", "environment"], {"NEXUS_CURRENCY_FILE": "/x"}),
    (clear_secrets, "NEXUS_SECRET_KEY", ["web", "environment"], {"NEXUS_SECRET_KEY": "abc"}),
    (clear_secrets, "NEXUS_SECRET_KEY_FILE", ["web", "environment"], {"NEXUS_SECRET_KEY_FILE": "/run/secrets/other"}),
    (clear_secrets, "URL", ["web", "environment"], {"NEXUS_REDIS_URL": "redis://:abc@valkey"}),
    (clear_secrets, "requirepass", ["valkey", "command"], ["valkey-server --requirepass abc"]),
    (clear_secrets, "REDISCLI_AUTH", ["valkey", "healthcheck"], {"test": ["CMD-SHELL", "REDISCLI_AUTH=abc ping"]}),
]


SHOP = {"prepare", "web", "staff", "relay", "worker-orders", "worker-inventory", "worker-catalog"}
SHOP |= {"postgres", "mongo", "mongo-init", "valkey", "rabbitmq"}
APPS = ("accounts", "catalog", "inventory", "orders")
ADDED = {
    "observability": {"prometheus", "grafana"},
    "elk": {"elasticsearch", "elastic-init", "kibana", "kibana-init", "logstash", "filebeat"},
    "tracing": {"otel-collector", "jaeger"},
    "discovery": {"consul"},
    "kafka": {"kafka"},
    "services": {
        "gateway",
        "postgres-roles",
        *APPS,
        *(f"{app}-{part}" for app in APPS for part in ("relay", "prepare")),
    }
    | {f"{app}-worker" for app in APPS if app != "accounts"},
}
SUBSETS = [*(chosen for count in range(3) for chosen in combinations(ADDED, count)), tuple(ADDED)]
"""None, each, every two, and all: whatever a service lacks among more of them, it lacks with its own profile alone."""


class TestComposeItself:
    @pytest.mark.parametrize("profiles", SUBSETS, ids=lambda chosen: "+".join(chosen) or "none")
    def test_adds_to_the_shop_what_each_profile_names_and_has_nothing_to_say_about_it(
        self, planted: Path, profiles: tuple[str, ...]
    ) -> None:
        done = compose(COMPOSE_FILE, "--format", "json", folder=planted, profiles=profiles)

        assert (done.returncode, done.stderr) == (0, "")
        rendered = json.loads(done.stdout)
        assert rendered["services"].keys() == SHOP.union(*(ADDED[profile] for profile in profiles))
        assert [complaint for rule in RULES for complaint in rule(rendered)] == []

    @pytest.mark.parametrize(
        ("right", "wrong"),
        [
            ("condition: service_healthy", "condition: service_happy"),
            ("mongo-init: {condition", "mongo-unit: {condition"),
            ("    healthcheck:", "    healthchek:"),
            ("configs: [{source: mongo_init", "configs: [{source: mongo_exit"),
        ],
    )
    def test_refuses_a_planted_error(self, planted: Path, right: str, wrong: str) -> None:
        text = COMPOSE_FILE.read_text()
        assert right in text
        (planted / "docker-compose.yml").write_text(text.replace(right, wrong, 1))

        assert compose(planted / "docker-compose.yml", "--quiet", folder=planted).returncode != 0


class TestTheRules:
    @pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
    def test_are_kept(self, config: Config, rule: Rule) -> None:
        assert rule(config) == []

    @pytest.mark.parametrize(("rule", "complaint", "path", "value"), PLANTED)
    def test_catch_what_is_planted(
        self, config: Config, rule: Rule, complaint: str, path: list[str], value: object
    ) -> None:
        service, key = path
        wrong = copy.deepcopy(config)
        wrong["services"][service][key] = value

        assert any(complaint in each for each in rule(wrong)), rule(wrong)

    def test_are_each_seen_to_fail(self) -> None:
        assert {rule for rule, *_ in PLANTED} == set(RULES)

    def test_catch_a_backend_with_a_way_out(self, config: Config) -> None:
        wrong = copy.deepcopy(config)
        wrong["networks"]["backend"]["internal"] = False

        assert rules.exposed_services(wrong) == ["backend has a way out"]

    def test_catch_a_secret_that_is_no_file(self, config: Config) -> None:
        wrong = copy.deepcopy(config)
        wrong["secrets"]["redis_password"] = {"environment": "REDIS_PASSWORD"}

        assert clear_secrets(wrong) == ["redis_password is not a file under secrets/"]

    @pytest.mark.parametrize(
        "text",
        ["requirepass abc", "default_pass = abc", "ROLE x PASSWORD 'abc'", "pwd: 'abc'", 'password => "abc"'],
    )
    def test_catch_a_password_in_a_mounted_file(self, text: str) -> None:
        assert list(rules.literal_secrets(text)) != []


class TestTheMonolith:
    def test_gets_every_secret_from_a_file(self, config: Config) -> None:
        wanted = {f"{name}_FILE" for name, variable in VARIABLES.items() if variable.secret}
        # The one region has no links, and there is one server: of others the file would be as empty as the variable.
        wanted -= {"NEXUS_REGION_LINKS_FILE", "NEXUS_POSTGRES_ELSEWHERE_FILE"}

        for service in rules.shop(config).values():
            assert wanted <= service["environment"].keys()

    def test_is_one_image_of_the_version_in_pyproject(self, config: Config) -> None:
        images = {service["image"] for service in rules.shop(config).values()}
        project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]

        assert images == {f"nexus:{project['version']}"}

    def test_serves_with_the_command_that_is_the_images_default(self, config: Config) -> None:
        assert instructions("CMD") == [_exec_form(config["services"]["web"]["command"])]
        assert instructions("ENTRYPOINT") == ['["python"]']
        assert DOCKERFILE.read_text().count("HEALTHCHECK") == 0


def _exec_form(words: list[str]) -> str:
    return "[" + ", ".join(f'"{word}"' for word in words) + "]"
