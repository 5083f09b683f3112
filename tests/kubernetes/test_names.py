"""Whatever the manifests name exists in the code: commands, files, ports, pages, databases, variables, figures."""

import os
import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from django.urls import resolve

from nexus.embedded import shapes
from nexus.telemetry import figures
from tests.deploy.test_commands import understand
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
    render,
    settings_of,
    titled,
)


@pytest.mark.parametrize("name", OVERLAYS)
class TestWhatIsNamed:
    def test_commands_are_understood(self, name: str) -> None:
        for template in ours(name).values():
            if (words := main(template)["args"])[0] == "manage.py":
                understand(words[1:])
        understand(["migrate", "--check", "--database", "orders"])

    def test_files_are_there(self, name: str) -> None:
        words = [word for template in ours(name).values() for each in containers(template) for word in _words(each)]
        files = {word for word in words if word.endswith(".py")}

        assert files == {"manage.py", "deploy/image/connected.py"}
        assert all((REPOSITORY / file).exists() for file in files)

    def test_ports_are_those_that_processes_listen_on(self, name: str) -> None:
        for process, template in ours(name).items():
            args, ports = (
                main(template)["args"],
                {each["name"]: each["containerPort"] for each in main(template).get("ports", [])},
            )
            if "--port" in args:
                assert ports["http"] == int(args[args.index("--port") + 1])
            if ports:
                assert ports["metrics"] == int(given(name, process)["NEXUS_METRICS_PORT"])

    def test_probes_are_pages(self, name: str) -> None:
        for template in ours(name).values():
            for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
                if page := main(template).get(probe, {}).get("httpGet"):
                    assert resolve(page["path"])
                    assert page["httpHeaders"] == [{"name": "Host", "value": "localhost"}]

    def test_databases_that_are_waited_for_are_those_of_the_settings(self, name: str) -> None:
        for process, template in ours(name).items():
            for each in template["spec"].get("initContainers", []):
                told = settings_of(overlay(name), each)
                module = REPOSITORY / f"{told['DJANGO_SETTINGS_MODULE'].replace('.', '/')}.py"
                aliases = re.findall(r'"(\w+)": postgres\(', module.read_text())
                assert told["PREPARED_DATABASES"].split() == aliases, process

    def test_workers_work_for_whom_they_are_named_after(self, name: str) -> None:
        workers = {each: main(t)["args"][2:] for each, t in ours(name).items() if each.startswith("worker-")}

        assert workers == {f"worker-{app}": [app] for app in shapes.SUBSCRIBERS}


class TestSettings:
    @pytest.mark.parametrize(
        ("name", "process"),
        [("monolith", "relay"), ("services", "web-gateway"), *(("services", f"web-{app}") for app in shapes.APPS)],
    )
    def test_let_the_process_begin(self, name: str, process: str, tmp_path: Path) -> None:
        for file, text in _secret_files().items():
            (tmp_path / file).write_text(text)
        told = {key: value.replace("/run/secrets", str(tmp_path)) for key, value in given(name, process).items()}
        told |= {"NEXUS_VAR": str(tmp_path), "PATH": os.environ["PATH"]}

        done = subprocess.run(
            [sys.executable, "-c", "import django; django.setup()"],
            cwd=REPOSITORY,
            env=told,
            capture_output=True,
            text=True,
            check=False,
        )

        assert done.returncode == 0, done.stderr


class TestHosts:
    def test_are_taken_from_probes_customers_and_those_who_fetch_keys(self) -> None:
        taken = given("services", "web-accounts")["NEXUS_ALLOWED_HOSTS"].split(",")
        (door,) = of_kind(overlay("services"), "Ingress")

        assert set(taken) == {"localhost", door["spec"]["rules"][0]["host"], "web-accounts"}
        assert "//web-accounts:" in given("services", "web-orders")["NEXUS_JWKS_URL"]

    @pytest.mark.parametrize("name", ["monolith", "services", "minikube"])
    def test_are_one_wherever_the_shop_is_named(self, name: str) -> None:
        (door,) = of_kind(overlay(name), "Ingress")
        host, told = door["spec"]["rules"][0]["host"], next(iter(ours(name)))

        assert door["spec"]["tls"][0]["hosts"] == [host]
        assert given(name, told)["NEXUS_ISSUER"] == given(name, told)["NEXUS_CSRF_ORIGINS"] == f"https://{host}"
        assert host in given(name, told)["NEXUS_ALLOWED_HOSTS"].split(",")

    def test_know_how_many_proxies_are_in_front(self) -> None:
        behind = {given("services", f"web-{app}")["NEXUS_TRUSTED_PROXIES"] for app in (*shapes.APPS, "gateway")}

        assert behind == {given("monolith", "web")["NEXUS_TRUSTED_PROXIES"]} == {"1"}
        # Google's balancer adds the caller's address and its own.
        assert given("gke", "web-gateway")["NEXUS_TRUSTED_PROXIES"] == "2"


class TestTheWaitingContainer:
    def test_asks_for_each_database_until_its_tables_are_there(self, tmp_path: Path) -> None:
        (waiting,) = ours("monolith")["relay"]["spec"]["initContainers"]
        told = settings_of(overlay("monolith"), waiting)
        # The second database is not there when it is asked for first.
        _program(tmp_path / "python", 'echo "$*" >> asked; [ "$(wc -l < asked)" != 2 ]')
        _program(tmp_path / "sleep", "true")

        done = subprocess.run(
            [*waiting["command"], *waiting["args"]],
            cwd=tmp_path,
            env={**told, "PATH": f"{tmp_path}:/usr/bin:/bin"},
            check=False,
            timeout=30,
        )

        assert done.returncode == 0
        databases = [line.split()[-1] for line in (tmp_path / "asked").read_text().splitlines()]
        assert databases == ["default", "orders", "orders", "inventory"]


@pytest.mark.parametrize("name", OVERLAYS)
class TestScaling:
    def test_is_there_for_every_process_that_serves_or_delivers(self, name: str) -> None:
        scalers = of_kind(overlay(name), "HorizontalPodAutoscaler", "ScaledObject")
        scaled = [each["spec"]["scaleTargetRef"]["name"] for each in scalers]

        assert sorted(scaled) == sorted(each for each in ours(name) if each.startswith(("web", "worker")))

    def test_is_left_the_number_of_processes(self, name: str) -> None:
        scalers = of_kind(overlay(name), "HorizontalPodAutoscaler", "ScaledObject")
        scaled = {each["spec"]["scaleTargetRef"]["name"] for each in scalers}
        fixed = {
            each["metadata"]["name"] for each in of_kind(overlay(name), "Deployment") if "replicas" in each["spec"]
        }

        # A number in the manifest would undo what the scaler did, with every release.
        assert not scaled & fixed


class TestScalingByLag:
    def test_asks_for_figures_that_are_told(self) -> None:
        scaled = of_kind(overlay("gke"), "ScaledObject")
        queries = [
            t["metadata"]["query"] for each in scaled for t in each["spec"]["triggers"] if "query" in t["metadata"]
        ]
        asked = set(re.findall(r"nexus_\w+", " ".join(queries)))
        told = Path(figures.__file__).read_text() + (REPOSITORY / "nexus" / "eventbus" / "metrics.py").read_text()

        assert {each["spec"]["scaleTargetRef"]["name"] for each in scaled} == {
            f"worker-{a}" for a in shapes.SUBSCRIBERS
        }
        assert all(f'"{each.removesuffix("_bucket")}"' in told for each in asked)

    def test_takes_the_place_of_scaling_by_cpu_for_workers_alone(self) -> None:
        left = {each["metadata"]["name"] for each in of_kind(overlay("gke"), "HorizontalPodAutoscaler")}

        assert left == {f"web-{app}" for app in (*shapes.APPS, "gateway")}


class TestMonitoring:
    def test_names_processes_as_the_rules_know_them(self) -> None:
        monitor = next(each for each in of_kind(overlay("gke"), "PodMonitor") if each["metadata"]["name"] == "nexus")
        steps = monitor["spec"]["podMetricsEndpoints"][0]["relabelings"]
        process = next(step for step in steps if step["targetLabel"] == "process")
        scrapes = yaml.safe_load((REPOSITORY / "deploy/observability/prometheus.yml").read_text())["scrape_configs"]
        known = {name for scrape in scrapes for place in scrape["dns_sd_configs"] for name in place["names"]}
        services = {name for name in known if name.partition("-")[0] in (*shapes.APPS, "gateway")}

        controllers = [f"{name}-5b8f4d9c7" for name in ours("monolith") if name != "prepare"]
        found = {match[1] for each in controllers if (match := re.fullmatch(process["regex"], each))}
        assert found | {"rabbitmq"} == known - services

    @pytest.mark.parametrize(
        ("component", "added"), [("monitoring", "PodMonitor nexus"), ("keda", "ScaledObject worker-orders")]
    )
    def test_and_scaling_by_lag_can_be_added_to_the_monolith(self, component: str, added: str, tmp_path: Path) -> None:
        way = os.path.relpath(MANIFESTS, tmp_path.resolve())
        (tmp_path / "kustomization.yaml").write_text(
            f"resources: [{way}/overlays/monolith]\ncomponents: [{way}/components/{component}]\n"
        )

        assert added in map(titled, render(tmp_path))


def _program(file: Path, text: str) -> None:
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


def _words(container: Manifest) -> list[str]:
    probe = container.get("readinessProbe", {}).get("exec", {}).get("command", [])
    return [word for text in [*container.get("args", []), *probe] for word in text.split()]


def _secret_files() -> dict[str, str]:
    script = runpy.run_path(str(REPOSITORY / "deploy" / "compose" / "make_secrets.py"))
    return {name: make() for name, make in script["SECRETS"].items()}
