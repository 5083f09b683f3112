"""What we demand of the compose file. Each rule looks at what Compose made of it and returns its complaints."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nexus.embedded.shapes import APPS
from nexus.settings.environment import VARIABLES
from tests.deploy.tools import Config

PUBLISHED = {
    ("web", None, "8080", 8080),
    ("gateway", None, "8082", 8080),
    ("staff", "127.0.0.1", "8081", 8080),
    ("grafana", "127.0.0.1", "3000", 3000),
    ("kibana", "127.0.0.1", "5601", 5601),
    ("jaeger", "127.0.0.1", "16686", 16686),
}
"""Service, the host's address (all of them), the host's port, the service's: the shop, and pages for operators."""
PROFILES = ("observability", "elk", "tracing", "discovery", "services", "kafka")
PAGES = ("staff", "grafana", "kibana", "jaeger")
DOORS = ("web", "gateway")
NETWORKS = {name: {"backend", "edge"} for name in DOORS} | {name: {"backend", "operators"} for name in PAGES}
"""Who is on more than backend."""
READS_AS_ROOT = {"filebeat"}
"""What Docker writes belongs to root; without capabilities root is nobody special."""
NOTHING_TO_CHECK_WITH = {"otel-collector"}
"""The image has nothing inside that could ask, and nobody waits for it."""
HOST_FOLDERS = {"filebeat": {"/var/lib/docker/containers"}}
EXACT_PARTS = {"postgres": 2}
"""How many numbers make a version exact; three unless named."""
STARTED_IS_ENOUGH = {("mongo-init", "mongo")}
STARTED_IS_ENOUGH |= {(app, f"{app}-{part}") for app in APPS for part in ("relay", "worker")}
"""Who may wait for less than health: mongo gets well by what mongo-init does, an app serves without its carriers."""
SECRET_NAME = re.compile(r"PASSWORD|SECRET|KEY|TOKEN|CREDENTIAL|_PASS\b|_AUTH\b")
PASSWORD_IN_URL = re.compile(r"://[^/@\s:]*:[^/@\s]+@")
SECRET_VALUE = re.compile(r"(?i)\w*(?:password|requirepass|_pass|_auth|pwd)\b[\"']?(?:\s*=>?\s*|:\s+|\s+)[\"'`]?(\S+)")
READ_FROM_FILE = re.compile(r"\$?\$\(cat|cat$|:'|secret\(|encodeURIComponent\(secret\(|/run/secrets/|\$\{[A-Z_]+\}")
"""A variable in braces too: what a container is given under such a name must come from a file, by the rule below."""


def is_nexus(service: Config) -> bool:
    return "build" in service


def is_one_shot(service: Config) -> bool:
    return service.get("restart") == "no"


def shop(config: Config, *, profile: str | None = None) -> dict[str, Config]:
    """Nexus's own services: the monolith's, which are in no profile, or those of one."""
    wanted = [profile] if profile else []
    return {
        name: each for name, each in config["services"].items() if is_nexus(each) and each.get("profiles", []) == wanted
    }


def manage_commands(config: Config) -> dict[str, list[str]]:
    """The words after ``manage.py``, by service."""
    return {
        name: service["command"][1:]
        for name, service in config["services"].items()
        if is_nexus(service) and service["command"][0] == "manage.py"
    }


def wrong_ports(config: Config) -> list[str]:
    services = config["services"]
    found = {
        (name, port.get("host_ip"), port.get("published"), port["target"])
        for name, each in services.items()
        for port in each.get("ports", [])
    }
    wanted = {where for where in PUBLISHED if where[0] in services}
    hosts = [f"{name} shares the host's network" for name, each in services.items() if each.get("network_mode")]
    return (
        [f"{where} is published" for where in found - wanted] + [f"{where} is not" for where in wanted - found] + hosts
    )


def unpinned_images(config: Config) -> list[str]:
    images = {service["image"] for service in config["services"].values()}
    return [f"{image} is not an exact version" for image in sorted(images) if not is_exact(image)]


def is_exact(image: str) -> bool:
    name, _, tag = image.partition("@")[0].rpartition(":")
    numbers = re.match(r"v?(\d+(\.\d+)*)", tag)
    return bool(name and numbers) and len(numbers[1].split(".")) >= EXACT_PARTS.get(name.rpartition("/")[2], 3)


def unconfined_services(config: Config) -> list[str]:
    wanted: dict[str, Any] = {
        "init": True,
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
    }
    complaints = []
    for name, service in config["services"].items():
        complaints += [f"{name} lacks {key}: {value}" for key, value in wanted.items() if service.get(key) != value]
        if not is_nexus(service) and name not in READS_AS_ROOT and service.get("user", "root") in ("root", "0"):
            complaints.append(f"{name} runs as root")
        complaints += [f"{name} has {key}" for key in ("privileged", "cap_add", "devices", "pid") if service.get(key)]
    return complaints


def unlimited_services(config: Config) -> list[str]:
    complaints = []
    for name, service in config["services"].items():
        limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
        complaints += [f"{name} has no limit of {what}" for what in ("cpus", "memory", "pids") if not limits.get(what)]
        if {"max-size", "max-file"} - service.get("logging", {}).get("options", {}).keys():
            complaints.append(f"{name} may fill the disk with its log")
    return complaints


def unattended_services(config: Config) -> list[str]:
    services = config["services"]
    awaited = {other for each in services.values() for other in _awaited(each, "service_completed_successfully")}
    complaints = []
    for name, service in services.items():
        if is_one_shot(service):
            complaints += [] if name in awaited else [f"nobody waits for {name} to succeed"]
            continue
        test = service.get("healthcheck", {}).get("test") or ["NONE"]
        complaints += [f"{name} has no health check"] if test[0] == "NONE" and name not in NOTHING_TO_CHECK_WITH else []
        complaints += [f"{name} is not restarted"] if service.get("restart") != "unless-stopped" else []
    return complaints


def impatient_services(config: Config) -> list[str]:
    return [
        f"{name} does not wait until {other} is healthy"
        for name, service in config["services"].items()
        for other in _awaited(service, "service_started")
        if (name, other) not in STARTED_IS_ENOUGH
    ]


def _awaited(service: Config, condition: str) -> list[str]:
    return [other for other, each in service.get("depends_on", {}).items() if each["condition"] == condition]


def exposed_services(config: Config) -> list[str]:
    networks = {name: set(service.get("networks", {})) for name, service in config["services"].items()}
    wrong = {name: on for name, on in networks.items() if on != NETWORKS.get(name, {"backend"})}
    complaints = [f"{name} is on {', '.join(sorted(on))}" for name, on in wrong.items()]
    return complaints + ([] if config["networks"]["backend"].get("internal") else ["backend has a way out"])


def open_mounts(config: Config) -> list[str]:
    """The host's files are ours, under deploy/, and nobody writes to them."""
    complaints = []
    for name, service in config["services"].items():
        for mount in service.get("volumes", []):
            if mount["type"] != "bind":
                continue
            if not _is_ours(mount["source"]) and mount["source"] not in HOST_FOLDERS.get(name, set()):
                complaints.append(f"{name} sees {mount['source']} of the host")
            complaints += [] if mount.get("read_only") else [f"{name} may write to {mount['source']}"]
    return complaints


def _is_ours(path: str) -> bool:
    return "deploy" in Path(path).parts


def _in_repository(path: str, repository: Path) -> Path:
    """Compose names it as if the project lay elsewhere."""
    parts = Path(path).parts
    return repository.joinpath(*parts[parts.index("deploy") :])


def _mounted_texts(config: Config, repository: Path) -> Iterator[tuple[str, str]]:
    for name, mounted in config.get("configs", {}).items():
        yield name, _in_repository(mounted["file"], repository).read_text()
    binds = [
        mount for each in config["services"].values() for mount in each.get("volumes", []) if mount["type"] == "bind"
    ]
    for source in sorted({mount["source"] for mount in binds if _is_ours(mount["source"])}):
        place = _in_repository(source, repository)
        for file in [place] if place.is_file() else sorted(each for each in place.rglob("*") if each.is_file()):
            yield str(file.relative_to(repository)), file.read_text()


def clear_secrets(config: Config, *, repository: Path) -> list[str]:
    """Passwords that can be read in the compose file, or in the files that it mounts."""
    complaints = [f"{name} is not a file under secrets/" for name in _secrets_elsewhere(config)]
    for name, service in config["services"].items():
        complaints += [f"{name}: {each}" for each in _clear_variables(service)]
        texts = [*(service.get("command") or []), *(service.get("entrypoint") or [])]
        texts += [*service.get("healthcheck", {}).get("test", []), *map(str, service.get("environment", {}).values())]
        complaints += [f"{name}: {each}" for text in texts for each in literal_secrets(text)]
    for name, text in _mounted_texts(config, repository):
        complaints += [f"config {name}: {each}" for each in literal_secrets(text)]
    return complaints


def _secrets_elsewhere(config: Config) -> list[str]:
    # The names are part of the rule: whoever reads a service's list knows the file.
    return [
        name
        for name, secret in config["secrets"].items()
        if Path(secret.get("file", "")).parts[-2:] != ("secrets", name)
    ]


def _clear_variables(service: Config) -> Iterator[str]:
    mounted = {secret["target"] for secret in service.get("secrets", [])}
    for name, value in service.get("environment", {}).items():
        if SECRET_NAME.search(name) and not (name.endswith("_FILE") and value in mounted):
            yield f"{name} is not read from a secret that the service has"


def literal_secrets(text: str) -> Iterator[str]:
    """Passwords written out in a text."""
    if PASSWORD_IN_URL.search(text.replace("${password}", "")):
        yield "a URL carries a password"
    for found in SECRET_VALUE.finditer(text):
        if not READ_FROM_FILE.match(found[1]):
            yield f"{found[0]!r} is not read from a file"


def unknown_variables(config: Config) -> list[str]:
    known = VARIABLES.keys() | {f"{name}_FILE" for name, variable in VARIABLES.items() if variable.secret}
    return [
        f"{name}: {variable} is no setting of Nexus"
        for name, service in config["services"].items()
        for variable in service.get("environment", {})
        if variable.startswith("NEXUS_") and variable not in known
    ]
