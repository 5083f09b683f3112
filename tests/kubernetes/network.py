"""Who may reach whom, worked out of the NetworkPolicies as a cluster's network would."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import Any

from tests.kubernetes.tools import Manifest, of_kind, pods

HERE = "nexus"


@dataclass(frozen=True)
class Place:
    """A pod in a namespace, or an address outside of the cluster."""

    name: str
    labels: dict[str, str] = field(default_factory=dict, hash=False)
    namespace: str = HERE
    address: str = ""


ENGINES = [
    Place("postgres", {"cnpg.io/cluster": "postgres"}),
    Place("mongo", {"app": "mongo-svc"}),
    Place("rabbitmq", {"app.kubernetes.io/name": "rabbitmq", "app.kubernetes.io/part-of": "rabbitmq"}),
    Place("valkey", {"app.kubernetes.io/name": "valkey"}),
]
"""With the labels that the operators give their pods."""
OTHERS = [
    Place("ingress", namespace="ingress-nginx"),
    Place("prometheus", namespace="monitoring"),
    Place("dns", namespace="kube-system"),
    Place("stranger", namespace="default"),
    Place("intruder"),
    Place("google", namespace="", address="35.191.0.7"),
    Place("internet", namespace="", address="203.0.113.7"),
]
PORTS = (53, 443, 5432, 5672, 6379, 8080, 9100, 15672, 15692, 27017)

Edge = tuple[str, str, int]


def places(manifests: list[Manifest]) -> list[Place]:
    """Nexus's processes here."""
    return [Place(name, t["metadata"]["labels"]) for name, t in pods(manifests) if name != "valkey"]


def edges(manifests: list[Manifest], among: Iterable[Place]) -> set[Edge]:
    """From whom to whom on which port: allowed by those at the one end and by those at the other."""
    policies = [each["spec"] for each in of_kind(manifests, "NetworkPolicy")]
    everybody = list(among)
    return {
        (source.name, target.name, port)
        for source in everybody
        for target in everybody
        for port in PORTS
        if source is not target
        and _allows(policies, "Egress", source, target, port)
        and _allows(policies, "Ingress", target, source, port)
    }


def _allows(policies: list[dict[str, Any]], way: str, own: Place, other: Place, port: int) -> bool:
    """A pod that no policy names for this way is open; one that is named is as open as they say together."""
    naming = [each for each in policies if way in each["policyTypes"] and _selects(each["podSelector"], own.labels)]
    if own.namespace != HERE or not naming:
        return True
    peers = "to" if way == "Egress" else "from"
    return any(
        (not rule.get("ports") or any(each["port"] == port for each in rule["ports"]))
        and (not rule.get(peers) or any(_is(peer, other) for peer in rule[peers]))
        for each in naming
        for rule in each.get(way.lower(), [])
    )


def _is(peer: dict[str, Any], place: Place) -> bool:
    if block := peer.get("ipBlock"):
        return bool(place.address) and ip_address(place.address) in ip_network(block["cidr"])
    if place.address:
        return False
    if "namespaceSelector" in peer:
        inside = _selects(peer["namespaceSelector"], {"kubernetes.io/metadata.name": place.namespace})
    else:
        inside = place.namespace == HERE
    return inside and _selects(peer.get("podSelector", {}), place.labels)


def _selects(selector: dict[str, Any], labels: dict[str, str]) -> bool:
    if not selector.get("matchLabels", {}).items() <= labels.items():
        return False
    for each in selector.get("matchExpressions", []):
        assert each["operator"] == "In", each
        if labels.get(each["key"]) not in each["values"]:
            return False
    return True
