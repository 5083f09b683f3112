"""The real kubectl, which has kustomize in it, the schemas of Kubernetes, and the manifests that they judge."""

import json
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from jsonschema.exceptions import best_match  # type: ignore[import-untyped]
from referencing import Registry, Resource

from tests.kubernetes.custom import FIELDS

REPOSITORY = Path(__file__).parents[2]
MANIFESTS = REPOSITORY / "deploy" / "k8s"
OVERLAYS = ("monolith", "services", "minikube", "gke")
VERSIONS = ("1.35", "1.36", "1.37")
"""Of Kubernetes, whose schemas the manifests must keep."""
WORKLOADS = ("Deployment", "StatefulSet", "Job")

Manifest = dict[str, Any]


def kustomize(folder: Path) -> subprocess.CompletedProcess[str]:
    binary = Path(sys.executable).parent / "kubectl"
    return subprocess.run([binary, "kustomize", folder], capture_output=True, text=True, check=False)


def render(folder: Path) -> list[Manifest]:
    """What `kubectl apply --kustomize` would send."""
    done = kustomize(folder)
    assert done.returncode == 0, done.stderr
    return list(yaml.safe_load_all(done.stdout))


@cache
def overlay(name: str) -> list[Manifest]:
    """Whoever changes it makes a copy."""
    return render(MANIFESTS / "overlays" / name)


def titled(manifest: Manifest) -> str:
    return f"{manifest['kind']} {manifest['metadata']['name']}"


def of_kind(manifests: list[Manifest], *kinds: str) -> list[Manifest]:
    return [each for each in manifests if each["kind"] in kinds]


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """Each workload's name and pod template."""
    for each in of_kind(manifests, *WORKLOADS):
        yield each["metadata"]["name"], each["spec"]["template"]


def containers(template: Manifest) -> list[Manifest]:
    return [*template["spec"].get("initContainers", []), *template["spec"]["containers"]]


def is_nexus(template: Manifest) -> bool:
    return bool(template["metadata"]["labels"].get("app.kubernetes.io/part-of") == "nexus")


def settings_of(manifests: list[Manifest], container: Manifest) -> dict[str, str]:
    """The variables that a container finds: of its ConfigMaps, and on top its own."""
    maps = {each["metadata"]["name"]: each["data"] for each in of_kind(manifests, "ConfigMap")}
    found: dict[str, str] = {}
    for source in container.get("envFrom", []):
        found |= maps[source["configMapRef"]["name"]]
    return found | {each["name"]: each["value"] for each in container.get("env", [])}


def ours(name: str) -> dict[str, Manifest]:
    """Nexus's processes in an overlay: pod templates by workload."""
    return {each: template for each, template in pods(overlay(name)) if is_nexus(template)}


def main(template: Manifest) -> Manifest:
    """The container that is the process itself."""
    container: Manifest = template["spec"]["containers"][0]
    return container


def given(name: str, process: str) -> dict[str, str]:
    return settings_of(overlay(name), main(ours(name)[process]))


def wrong_by_schema(manifests: list[Manifest], version: str) -> list[str]:
    """What Kubernetes, or an operator, would refuse or silently leave out."""
    complaints = []
    for each in manifests:
        if fields := FIELDS.get(f"{each['apiVersion']} {each['kind']}"):
            unknown = sorted(set(_paths(each["spec"])) - fields)
            complaints += [f"{titled(each)} has no field {path}" for path in unknown]
        elif validator := _validator(each["kind"], each["apiVersion"], version):
            wrong = best_match(validator.iter_errors(each))
            complaints += [f"{titled(each)}: {wrong.message}"] if wrong else []
        else:
            complaints.append(f"{titled(each)}: there is no {each['apiVersion']} of it")
    return complaints


@cache
def _validator(kind: str, api_version: str, version: str) -> Draft202012Validator | None:
    """For a kind in a version of Kubernetes; it knows all fields and takes no others."""
    group, _, number = api_version.rpartition("/")
    name = "-".join(part for part in (kind.lower(), group.partition(".")[0], number) if part)
    file = _schemas(version) / f"{name}.json"
    if not file.exists():
        return None
    return Draft202012Validator(json.loads(file.read_text()), registry=_definitions(version))


@cache
def _definitions(version: str) -> Registry[Any]:
    definitions = Resource.from_contents(json.loads((_schemas(version) / "_definitions.json").read_text()))
    return definitions @ Registry()


def _schemas(version: str) -> Path:
    spec = find_spec("kubernetes_validate")
    assert spec is not None, "kubernetes_validate is not installed"
    assert spec.submodule_search_locations is not None
    return Path(spec.submodule_search_locations[0], "kubernetes-json-schema", f"v{version}.0-local-strict")


def _paths(value: Any, path: str = "") -> Iterator[str]:
    """The dotted path of every leaf; the items of a list stand at the list's own."""
    if isinstance(value, dict) and value:
        for name, each in value.items():
            yield from _paths(each, f"{path}.{name}".lstrip("."))
    elif isinstance(value, list) and any(isinstance(each, dict) for each in value):
        for each in value:
            yield from _paths(each, path)
    else:
        yield path
