"""Whatever the manifests name must be there: settings, files, ConfigMaps, Secrets, workloads, Services."""

import runpy
from collections.abc import Iterator
from typing import Any

from nexus.settings.environment import VARIABLES
from tests.deploy.compose_rules import literal_secrets
from tests.kubernetes.tools import MANIFESTS, Manifest, containers, is_nexus, of_kind, pods, settings_of, titled

PLACE = "/run/secrets/"
FROM_OUTSIDE = {"shop-tls"}
"""Secrets that are not ours to make: the certificate."""
NAMING = {
    "configMapRef": "ConfigMap",
    "configMap": "ConfigMap",
    "scaleTargetRef": "Deployment",
    "service": "Service",
    "backendRefs": "Service",
    "targetRef": "Service",
    "parentRefs": "Gateway",
}
"""Under which key a manifest names one of which kind, where it does not say the kind itself."""
BY_OPERATORS = {"postgres-rw", "mongo-svc", "rabbitmq"}
"""Services that the operators make of our resources."""


def made_secrets() -> dict[str, set[str]]:
    """The keys of each Secret that `make_secrets.py` makes."""
    script: dict[str, Any] = runpy.run_path(str(MANIFESTS / "make_secrets.py"))
    return {each["metadata"]["name"]: set(each["stringData"]) for each in script["secrets"]()}


def unknown_settings(manifests: list[Manifest]) -> list[str]:
    known = VARIABLES.keys() | {f"{name}_FILE" for name, variable in VARIABLES.items() if variable.secret}
    return [
        f"{name}: {variable} is no setting of Nexus"
        for name, container in _ours(manifests)
        for variable in settings_of(manifests, container)
        if variable.startswith("NEXUS_") and variable not in known
    ]


def clear_secrets(manifests: list[Manifest]) -> list[str]:
    complaints = [f"{titled(each)} is in the repository" for each in of_kind(manifests, "Secret")]
    for each in manifests:
        complaints += [f"{titled(each)}: {wrong}" for text in _texts(each) for wrong in literal_secrets(text)]
    for name, container in _ours(manifests):
        given = settings_of(manifests, container)
        complaints += [f"{name}: {one} is in clear" for one in given if one in VARIABLES and VARIABLES[one].secret]
    return complaints


def missing_secret_files(manifests: list[Manifest]) -> list[str]:
    """A process has the files that its settings name, and no secret that it is not told of."""
    complaints = []
    for name, template in pods(manifests):
        if not is_nexus(template):
            continue
        sources = template["spec"]["volumes"][0]["projected"]["sources"]
        mounted = {PLACE + item["path"] for source in sources for item in source["secret"]["items"]}
        told: set[str] = set()
        for container in containers(template):
            given = settings_of(manifests, container)
            named = {value for variable, value in given.items() if variable.endswith("_FILE")}
            complaints += [f"{name}: nothing is mounted at {path}" for path in sorted(named - mounted)]
            told |= named
        complaints += [f"{name}: nothing reads {path}" for path in sorted(mounted - told)]
    return complaints


def dangling(manifests: list[Manifest]) -> list[str]:
    there = {titled(each) for each in manifests}
    complaints = []
    for each in manifests:
        complaints += [f"{titled(each)} names {one}, which is not there" for one in _named(each) if one not in there]
    return complaints


def missing_secrets(manifests: list[Manifest]) -> list[str]:
    made = made_secrets()
    wanted = {(name, key) for each in manifests for name, key in _secrets(each) if name not in FROM_OUTSIDE}
    return [f"nobody makes {key} of Secret {name}" for name, key in sorted(wanted) if key not in made.get(name, set())]


def unknown_hosts(manifests: list[Manifest]) -> list[str]:
    """Who is named in an address is a Service here."""
    services = {each["metadata"]["name"] for each in of_kind(manifests, "Service")} | BY_OPERATORS
    complaints = []
    for name, container in _ours(manifests):
        for variable, value in settings_of(manifests, container).items():
            if variable.endswith(("_URL", "_SERVICES")):
                hosts = {part.split("@")[-1].split(":")[0].split("/")[0] for part in value.split("://")[1:]}
                complaints += [f"{name}: {variable} leads to {host}" for host in sorted(hosts - services)]
    return complaints


def _ours(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    for name, template in pods(manifests):
        if is_nexus(template):
            yield from ((name, container) for container in containers(template))


def _named(manifest: Manifest) -> Iterator[str]:
    """What a manifest names of the others, as kind and name."""
    for found in _dictionaries(manifest):
        if "serviceAccountName" in found:
            yield f"ServiceAccount {found['serviceAccountName']}"
        for key, kind in NAMING.items():
            named = found.get(key) or []
            for each in named if isinstance(named, list) else [named]:
                if isinstance(each, dict) and "name" in each:
                    yield f"{each.get('kind', kind)} {each['name']}"


def _secrets(manifest: Manifest) -> Iterator[tuple[str, str]]:
    if manifest["kind"] == "Cluster":
        roles = [manifest["spec"]["bootstrap"]["initdb"]["secret"]]
        roles += [role["passwordSecret"] for role in manifest["spec"]["managed"]["roles"]]
        yield from ((role["name"], key) for role in roles for key in ("username", "password"))
    if manifest["kind"] == "RabbitmqCluster":
        name = manifest["spec"]["secretBackend"]["externalSecret"]["name"]
        yield from ((name, key) for key in ("username", "password", "default_user.conf"))
    for found in _dictionaries(manifest):
        if "items" in (secret := found.get("secret") or {}):
            yield from ((secret["name"], item["key"]) for item in secret["items"])
        if "passwordSecretRef" in found:
            yield found["passwordSecretRef"]["name"], found["passwordSecretRef"]["key"]
        if "secretName" in found:
            yield found["secretName"], "password"


def _dictionaries(value: Any) -> Iterator[dict[str, Any]]:
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _dictionaries(each)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _texts(each)
