"""Every overlay is what Kubernetes takes, in three of its versions, and keeps our rules; each rule is seen to bite."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.kubernetes import names, rules
from tests.kubernetes.tools import MANIFESTS, OVERLAYS, VERSIONS, Manifest, kustomize, overlay, titled, wrong_by_schema

Rule = Callable[[list[Manifest]], list[str]]

RULES: list[Rule] = [
    rules.runs_as_root,
    rules.unconfined,
    rules.unlimited,
    rules.unprobed,
    rules.inexact_images,
    rules.reaches_the_host,
    rules.asks_the_cluster,
    rules.undisruptable,
    rules.ends_too_soon,
    rules.ambiguous,
    names.unknown_settings,
    names.clear_secrets,
    names.missing_secret_files,
    names.dangling,
    names.missing_secrets,
    names.unknown_hosts,
]

POD = "spec.template.spec"
BOX = f"{POD}.containers.0"
WEB, RELAY, JOB, VALKEY = "Deployment web-orders", "Deployment relay-orders", "Job prepare-orders", "StatefulSet valkey"
SECRET_FILES = f"{POD}.volumes.0.projected.sources"
PLANTED: list[tuple[Rule, str, str, str, Any]] = [
    (rules.runs_as_root, "web-orders may run as root", WEB, f"{POD}.securityContext.runAsNonRoot", False),
    (rules.runs_as_root, "web-orders may run as root", WEB, f"{BOX}.securityContext.runAsNonRoot", False),
    (rules.runs_as_root, "prepare-orders runs as root", JOB, f"{POD}.securityContext.runAsUser", 0),
    (rules.runs_as_root, "valkey runs as root", VALKEY, f"{BOX}.securityContext.runAsUser", 0),
    (rules.runs_as_root, "not the image's user", WEB, f"{POD}.securityContext.runAsUser", 1000),
    (rules.runs_as_root, "any system call", WEB, f"{POD}.securityContext.seccompProfile", {"type": "Unconfined"}),
    (rules.unconfined, "readOnlyRootFilesystem", WEB, f"{BOX}.securityContext.readOnlyRootFilesystem", False),
    (rules.unconfined, "capabilities", JOB, f"{BOX}.securityContext.capabilities", {"drop": ["ALL"], "add": ["KILL"]}),
    (rules.unconfined, "allowPriv", RELAY, f"{POD}.initContainers.0.securityContext.allowPrivilegeEscalation", True),
    (rules.unconfined, "is privileged", VALKEY, f"{BOX}.securityContext.privileged", True),
    (rules.unlimited, "relay-orders/nexus has no limit of memory", RELAY, f"{BOX}.resources.limits", {"cpu": "1"}),
    (rules.unlimited, "has no limit of cpu", JOB, f"{BOX}.resources", {}),
    (rules.unprobed, "web-orders is asked /", WEB, f"{BOX}.livenessProbe", {"httpGet": {"path": "/"}}),
    (rules.unprobed, "web-orders has no startupProbe", WEB, f"{BOX}.startupProbe", None),
    (rules.unprobed, "relay-orders has no readinessProbe", RELAY, f"{BOX}.readinessProbe", None),
    (rules.inexact_images, "nexus:latest", WEB, f"{BOX}.image", "registry.example.com/nexus:latest"),
    (rules.inexact_images, "nexus is", JOB, f"{BOX}.image", "registry.example.com/nexus"),
    (rules.inexact_images, "rabbitmq:4.3", "RabbitmqCluster rabbitmq", "spec.image", "rabbitmq:4.3-management"),
    (rules.inexact_images, "postgresql:18", "Cluster postgres", "spec.imageName", "cloudnative-pg/postgresql:18"),
    (rules.reaches_the_host, "hostNetwork", WEB, f"{POD}.hostNetwork", True),
    (rules.reaches_the_host, "hostPID", JOB, f"{POD}.hostPID", True),
    (rules.reaches_the_host, "mounts the host", WEB, f"{POD}.volumes.1", {"name": "x", "hostPath": {"path": "/"}}),
    (rules.reaches_the_host, "port of the host", WEB, f"{BOX}.ports.0.hostPort", 80),
    (rules.asks_the_cluster, "automountServiceAccountToken", WEB, f"{POD}.automountServiceAccountToken", True),
    (rules.asks_the_cluster, "enableServiceLinks", JOB, f"{POD}.enableServiceLinks", None),
    (rules.undisruptable, "web-orders has no disruption budget", "PodDisruptionBudget web-orders", "spec.selector", {}),
    (rules.undisruptable, "not spread over kubernetes.io/h", RELAY, f"{POD}.topologySpreadConstraints", []),
    (
        rules.undisruptable,
        "spread among others",
        RELAY,
        f"{POD}.topologySpreadConstraints.0.labelSelector",
        {"matchLabels": {"app.kubernetes.io/part-of": "nexus"}},
    ),
    (rules.ends_too_soon, "web-orders ends at once", WEB, f"{BOX}.lifecycle", {}),
    (rules.ends_too_soon, "killed amid", WEB, f"{POD}.terminationGracePeriodSeconds", 20),
    (
        rules.ambiguous,
        "selects web-accounts",
        "Service web-orders",
        "spec.selector",
        {"app.kubernetes.io/component": "web"},
    ),
    (rules.ambiguous, "selects nothing", "Service web-orders", "spec.selector", {"app.kubernetes.io/name": "order"}),
    (names.unknown_settings, "NEXUS_COLOUR", WEB, f"{BOX}.env", [{"name": "NEXUS_COLOUR", "value": "red"}]),
    (names.clear_secrets, "Secret", WEB, "kind", "Secret"),
    (names.clear_secrets, "NEXUS_SECRET_KEY is", WEB, f"{BOX}.env", [{"name": "NEXUS_SECRET_KEY", "value": "x"}]),
    (names.clear_secrets, "URL", JOB, f"{BOX}.env.1", {"name": "NEXUS_POSTGRES_URL", "value": "postgresql://a:b@c/d"}),
    (names.clear_secrets, "requirepass", VALKEY, f"{BOX}.args", ["valkey-server --requirepass abc"]),
    (names.missing_secret_files, "nothing is mounted at", WEB, SECRET_FILES, []),
    (names.missing_secret_files, "nothing reads /run/secrets/broker_password", RELAY, f"{BOX}.env", []),
    (names.dangling, "ConfigMap shop", WEB, f"{BOX}.envFrom.0.configMapRef.name", "shop"),
    (names.dangling, "ServiceAccount nexsu", WEB, f"{POD}.serviceAccountName", "nexsu"),
    (names.dangling, "Deployment web", "HorizontalPodAutoscaler web-orders", "spec.scaleTargetRef.name", "web"),
    (
        names.dangling,
        "Service web",
        "Ingress door-gateway",
        "spec.rules.0.http.paths.0.backend.service.name",
        "web",
    ),
    (
        names.missing_secrets,
        "key of Secret mongo",
        "MongoDBCommunity mongo",
        "spec.users.0.passwordSecretRef.key",
        "key",
    ),
    (
        names.missing_secrets,
        "Secret rabbit",
        "RabbitmqCluster rabbitmq",
        "spec.secretBackend.externalSecret.name",
        "rabbit",
    ),
    (names.missing_secrets, "Secret order", WEB, f"{SECRET_FILES}.0.secret.name", "order"),
    (names.missing_secrets, "Secret owner", "Cluster postgres", "spec.bootstrap.initdb.secret.name", "owner"),
    (
        names.unknown_hosts,
        "NEXUS_POSTGRES_URL leads to postgres",
        JOB,
        f"{BOX}.env.2",
        {"name": "NEXUS_POSTGRES_URL", "value": "postgresql://nexus@postgres:5432/nexus"},
    ),
]


def changed(manifests: list[Manifest], title: str, path: str, value: Any) -> list[Manifest]:
    """A copy with one thing in it changed; None takes it away."""
    wrong = copy.deepcopy(manifests)
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    place: Any = next(each for each in wrong if titled(each) == title)
    for step in steps:
        place = place[step]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return wrong


class TestKubernetes:
    @pytest.mark.parametrize("version", VERSIONS)
    @pytest.mark.parametrize("name", OVERLAYS)
    def test_takes_every_manifest(self, name: str, version: str) -> None:
        assert wrong_by_schema(overlay(name), version) == []

    @pytest.mark.parametrize(
        ("title", "path", "value"),
        [
            (WEB, f"{POD}.restartPolcy", "Always"),
            (RELAY, "spec.replicas", "2"),
            (JOB, f"{BOX}.image", 1),
            ("Ingress door-gateway", "apiVersion", "networking.k8s.io/v1beta1"),
            ("NetworkPolicy to-dns", "spec.egress.0.ports.0.prot", 53),
            ("Cluster postgres", "spec.instancs", 3),
            ("MongoDBCommunity mongo", "spec.users.0.password", "x"),
        ],
    )
    def test_would_refuse_what_is_planted(self, title: str, path: str, value: Any) -> None:
        assert [each.split(":")[0].split(" has ")[0] for each in self._complaints(title, path, value)] == [title]

    @staticmethod
    def _complaints(title: str, path: str, value: Any) -> list[str]:
        return wrong_by_schema(changed(overlay("services"), title, path, value), VERSIONS[0])

    def test_is_given_each_thing_once(self) -> None:
        for name in OVERLAYS:
            titles = [titled(each) for each in overlay(name)]
            assert len(titles) == len(set(titles))

    def test_is_given_all_of_it_in_one_namespace(self) -> None:
        for name in OVERLAYS:
            places = {each["metadata"].get("namespace") for each in overlay(name) if each["kind"] != "Namespace"}
            assert places == {"nexus"}


class TestKustomize:
    def test_has_nothing_to_say_about_any_overlay(self) -> None:
        assert [kustomize(MANIFESTS / "overlays" / name).stderr for name in OVERLAYS] == [""] * len(OVERLAYS)

    def test_refuses_what_is_not_there(self, tmp_path: Path) -> None:
        (tmp_path / "kustomization.yaml").write_text("resources: [nothing.yaml]\n")

        assert kustomize(tmp_path).returncode != 0


class TestTheRules:
    @pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
    @pytest.mark.parametrize("name", OVERLAYS)
    def test_are_kept(self, name: str, rule: Rule) -> None:
        assert rule(overlay(name)) == []

    @pytest.mark.parametrize(("rule", "complaint", "title", "path", "value"), PLANTED)
    def test_catch_what_is_planted(self, rule: Rule, complaint: str, title: str, path: str, value: Any) -> None:
        complaints = rule(changed(overlay("services"), title, path, value))

        assert any(complaint in each for each in complaints), complaints

    def test_are_each_seen_to_fail(self) -> None:
        assert {rule for rule, *_ in PLANTED} == set(RULES)
