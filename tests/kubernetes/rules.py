"""What we demand of the pods. Each rule looks at what kustomize made of an overlay and returns its complaints."""

import re
from collections.abc import Iterator
from typing import Any

from tests.kubernetes.tools import Manifest, containers, is_nexus, of_kind, pods

USER = 10001
"""Of the image, whose files belong to root."""
PROBES = {"startupProbe": "/startupz", "readinessProbe": "/readyz", "livenessProbe": "/livez"}
EXACT_PARTS = {"postgresql": 2}
"""How many numbers make a version exact; three unless named."""
HOSTS = ("hostNetwork", "hostPID", "hostIPC")


def runs_as_root(manifests: list[Manifest]) -> list[str]:
    complaints = []
    for name, template in pods(manifests):
        users = [template["spec"].get("securityContext", {})]
        users += [each.get("securityContext", {}) for each in containers(template)]
        if users[0].get("runAsNonRoot") is not True or any(each.get("runAsNonRoot") is False for each in users):
            complaints.append(f"{name} may run as root")
        if any(each.get("runAsUser", USER) == 0 for each in users) or not users[0].get("runAsUser"):
            complaints.append(f"{name} runs as root")
        if is_nexus(template) and users[0].get("runAsUser") != USER:
            complaints.append(f"{name} is not the image's user")
        if users[0].get("seccompProfile") != {"type": "RuntimeDefault"}:
            complaints.append(f"{name} may make any system call")
    return complaints


def unconfined(manifests: list[Manifest]) -> list[str]:
    wanted: dict[str, Any] = {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    complaints = []
    for name, each in _containers(manifests):
        found = each.get("securityContext", {})
        complaints += [f"{name} lacks {key}" for key, value in wanted.items() if found.get(key) != value]
        complaints += [f"{name} is privileged"] if found.get("privileged") else []
    return complaints


def unlimited(manifests: list[Manifest]) -> list[str]:
    return [
        f"{name} has no limit of {what}"
        for name, each in _containers(manifests)
        for what in ("cpu", "memory")
        if what not in each.get("resources", {}).get("limits", {})
    ]


def unprobed(manifests: list[Manifest]) -> list[str]:
    complaints = []
    for workload in of_kind(manifests, "Deployment", "StatefulSet"):
        for each in workload["spec"]["template"]["spec"]["containers"]:
            name = workload["metadata"]["name"]
            serves = any(port["name"] == "http" for port in each["ports"])
            wanted = PROBES if serves else {"readinessProbe": ""}
            found = {probe: each.get(probe, {}).get("httpGet", {}).get("path", "") for probe in wanted if probe in each}
            complaints += [f"{name} has no {probe}" for probe in wanted.keys() - found.keys()]
            complaints += [f"{name} is asked {path}" for probe, path in found.items() if path != wanted[probe]]
    return complaints


def inexact_images(manifests: list[Manifest]) -> list[str]:
    found = {each["image"] for _, each in _containers(manifests)}
    found |= {
        each["spec"].get(key) for each in manifests for key in ("image", "imageName") if key in each.get("spec", {})
    }
    return [f"{image} is not an exact version" for image in sorted(found) if not _is_exact(image)]


def _is_exact(image: str) -> bool:
    name, _, tag = image.partition("@")[0].rpartition(":")
    numbers = re.match(r"v?(\d+(\.\d+)*)", tag)
    count = len(numbers[1].split(".")) if name and numbers else 0
    return count >= EXACT_PARTS.get(name.rpartition("/")[2], 3)


def reaches_the_host(manifests: list[Manifest]) -> list[str]:
    complaints = []
    for name, template in pods(manifests):
        complaints += [f"{name} has {key}" for key in HOSTS if template["spec"].get(key)]
        complaints += [f"{name} mounts the host" for each in template["spec"].get("volumes", []) if "hostPath" in each]
        ports = [port for each in containers(template) for port in each.get("ports", [])]
        complaints += [f"{name} takes a port of the host" for port in ports if "hostPort" in port]
    return complaints


def asks_the_cluster(manifests: list[Manifest]) -> list[str]:
    """A token for the API, or variables named after Services, of which one that begins with NEXUS_ stops the start."""
    return [
        f"{name} does not switch {key} off"
        for name, template in pods(manifests)
        for key in ("automountServiceAccountToken", "enableServiceLinks")
        if template["spec"].get(key) is not False
    ]


def undisruptable(manifests: list[Manifest]) -> list[str]:
    """A drained machine, a failed zone or more customers must find each Deployment prepared."""
    budgets = [each["spec"]["selector"] for each in of_kind(manifests, "PodDisruptionBudget")]
    complaints = []
    for each in of_kind(manifests, "Deployment"):
        name, spec = each["metadata"]["name"], each["spec"]["template"]["spec"]
        complaints += [f"{name} has no disruption budget"] if each["spec"]["selector"] not in budgets else []
        spread = {one["topologyKey"] for one in spec.get("topologySpreadConstraints", [])}
        missing = {"kubernetes.io/hostname", "topology.kubernetes.io/zone"} - spread
        complaints += [f"{name} is not spread over {key}" for key in sorted(missing)]
        selectors = [one["labelSelector"] for one in spec.get("topologySpreadConstraints", [])]
        complaints += (
            [f"{name} is spread among others"] if any(one != each["spec"]["selector"] for one in selectors) else []
        )
    return complaints


def ends_too_soon(manifests: list[Manifest]) -> list[str]:
    """Who serves goes on until nobody sends here any more, and then may finish what it has begun."""
    complaints = []
    for name, template in pods(manifests):
        for each in template["spec"]["containers"]:
            if "nexus.web.server" not in each.get("args", []):
                continue
            pause = each.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
            last = int(each["args"][each["args"].index("--patience") + 1])
            complaints += [f"{name} ends at once"] if not pause else []
            if template["spec"].get("terminationGracePeriodSeconds", 30) <= pause + last:
                complaints.append(f"{name} is killed amid its requests")
    return complaints


def ambiguous(manifests: list[Manifest]) -> list[str]:
    """A selector must find the pods of one workload and no others'."""
    labels = {name: template["metadata"]["labels"] for name, template in pods(manifests)}
    complaints = []
    for each in of_kind(manifests, "Deployment", "StatefulSet", "Service", "PodDisruptionBudget"):
        name, selector = each["metadata"]["name"], each["spec"]["selector"]
        wanted = selector.get("matchLabels", selector)
        found = [workload for workload, has in labels.items() if wanted.items() <= has.items()]
        complaints += [f"{each['kind']} {name} selects {', '.join(found) or 'nothing'}"] if found != [name] else []
    return complaints


def _containers(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    for name, template in pods(manifests):
        for each in containers(template):
            yield f"{name}/{each['name']}", each
