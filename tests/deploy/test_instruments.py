"""The instruments of the compose file find each other, and everything that they are to watch."""

import json
import re
from typing import Any

import pytest
import yaml

from nexus.settings.environment import VARIABLES
from tests.deploy import compose_rules as rules
from tests.deploy.tools import COMPOSE_FILE, REPOSITORY, Config

OBSERVABILITY = REPOSITORY / "deploy" / "observability"
TRACING = REPOSITORY / "deploy" / "tracing"
ELK = REPOSITORY / "deploy" / "elk"


def read(*parts: str) -> Any:
    return yaml.safe_load(REPOSITORY.joinpath("deploy", *parts).read_text())


def asked() -> dict[str, int]:
    """The names that Prometheus asks, with the port."""
    scrapes = read("observability", "prometheus.yml")["scrape_configs"]
    places = [place for scrape in scrapes for place in scrape["dns_sd_configs"]]
    return {name: place["port"] for place in places for name in place["names"]}


def tell(config: Config) -> dict[str, int]:
    """Nexus's services that stay, with the port on which they tell their figures."""
    services = {name: each for name, each in config["services"].items() if rules.is_nexus(each)}
    return {
        name: int(each["environment"]["NEXUS_METRICS_PORT"])
        for name, each in services.items()
        if not rules.is_one_shot(each)
    }


class TestPrometheus:
    def test_asks_every_process_that_tells_and_the_broker(self, config: Config) -> None:
        assert asked() == tell(config) | {"rabbitmq": 15692}

    def test_would_miss_one_that_nobody_named(self, config: Config) -> None:
        services = config["services"] | {"worker-kitchen": config["services"]["worker-orders"]}

        assert asked() != tell({"services": services}) | {"rabbitmq": 15692}

    def test_misses_each_of_them_when_it_is_gone(self) -> None:
        (group,) = read("observability", "rules", "watching.yml")["groups"]
        gone = next(rule["expr"] for rule in group["rules"] if rule["alert"] == "ProcessGone")

        assert set(re.findall(r'absent\(up\{process="([\w-]+)"\}\)', gone)) == set(asked())


class TestGrafana:
    def test_asks_services_that_there_are(self, config: Config) -> None:
        sources = read("observability", "grafana", "provisioning", "datasources", "sources.yml")["datasources"]

        places = {source["url"].removeprefix("http://").partition(":")[::2] for source in sources}
        assert places == {("prometheus", "9090"), ("jaeger", "16686")}
        assert {name for name, _ in places} <= config["services"].keys()

    def test_finds_the_dashboards_where_they_are_mounted(self, config: Config) -> None:
        (provider,) = read("observability", "grafana", "provisioning", "dashboards", "folder.yml")["providers"]
        mounted = {mount["target"]: mount["source"] for mount in config["services"]["grafana"]["volumes"]}

        assert mounted[provider["options"]["path"]].endswith("deploy/observability/grafana/dashboards")

    def test_knows_the_source_that_the_dashboards_name(self) -> None:
        sources = read("observability", "grafana", "provisioning", "datasources", "sources.yml")["datasources"]
        named = {
            panel["datasource"]["uid"]
            for file in (OBSERVABILITY / "grafana" / "dashboards").glob("*.json")
            for panel in json.loads(file.read_text())["panels"]
        }

        assert named == {"prometheus"}
        assert named <= {source["uid"] for source in sources}


class TestTracing:
    def test_goes_from_the_shop_to_the_collector_to_jaeger(self, config: Config) -> None:
        collector, jaeger = read("tracing", "collector.yaml"), read("tracing", "jaeger.yaml")

        assert "NEXUS_TRACES_URL=http://otel-collector:4318/v1/traces" in COMPOSE_FILE.read_text()
        assert "NEXUS_TRACES_URL" in VARIABLES
        assert collector["receivers"]["otlp"]["protocols"]["http"]["endpoint"].endswith(":4318")
        assert collector["exporters"]["otlp_grpc"]["endpoint"] == "jaeger:4317"
        assert jaeger["receivers"]["otlp"]["protocols"]["grpc"]["endpoint"].endswith(":4317")
        assert {"otel-collector", "jaeger"} <= config["services"].keys()

    @pytest.mark.parametrize("name", ["collector.yaml", "jaeger.yaml"])
    def test_uses_nothing_that_is_not_defined(self, name: str) -> None:
        content = read("tracing", name)
        for pipeline in content["service"]["pipelines"].values():
            for kind, names in pipeline.items():
                assert set(names) == content[kind].keys()
        assert set(content["service"].get("extensions", ())) == content.get("extensions", {}).keys()


class TestLogs:
    def test_go_from_filebeat_to_logstash_to_elasticsearch(self, config: Config) -> None:
        pipeline = (ELK / "logstash" / "pipeline" / "nexus.conf").read_text()

        assert read("elk", "filebeat.yml")["output.logstash"]["hosts"] == ["logstash:5044"]
        assert "beats { port => 5044 }" in pipeline
        assert 'hosts => ["http://elasticsearch:9200"]' in pipeline
        assert read("elk", "kibana", "kibana.yml")["elasticsearch.hosts"] == ["http://elasticsearch:9200"]
        assert {"filebeat", "logstash", "elasticsearch", "kibana"} <= config["services"].keys()

    def test_are_kept_as_docker_keeps_them(self, config: Config) -> None:
        """Filebeat reads the files of that driver."""
        assert {each["logging"]["driver"] for each in config["services"].values()} == {"json-file"}
        assert read("elk", "filebeat.yml")["filebeat.inputs"][0]["paths"] == [
            "/var/lib/docker/containers/*/*-json.log*"
        ]


class TestConsul:
    def test_is_where_the_compose_file_says(self, config: Config) -> None:
        assert "NEXUS_CONSUL_URL=http://consul:8500" in COMPOSE_FILE.read_text()
        assert "NEXUS_CONSUL_URL" in VARIABLES
        assert "consul" in config["services"]
