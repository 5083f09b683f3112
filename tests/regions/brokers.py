"""A RabbitMQ of two regions: a virtual host for each, and for each link a user who may do that one thing."""

import json
from pathlib import Path

from tests.rabbitmq import PrivateRabbitMQ

REGIONS = ("eu", "us")
NAMESPACE = "nexus"
PASSWORD = "carries-shares"
NOTHING = "^$"


def user_of(region: str) -> str:
    """Whose link it is: the user under whom a region comes to the brokers of the others."""
    return f"link-{region}"


def definitions() -> dict[str, object]:
    """What docs/regions.md says of virtual hosts and users, for two regions on one broker."""
    pairs = [(region, other) for region in REGIONS for other in REGIONS if other != region]
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    events = {"configure": NOTHING, "write": rf"^{NAMESPACE}\.events$", "read": NOTHING}
    shares = {"exchange": f"{NAMESPACE}.events", "write": r"^inventory\.share-", "read": NOTHING}
    return {
        "vhosts": [{"name": region} for region in REGIONS],
        "users": [{"name": user_of(region), "password": PASSWORD, "tags": []} for region in REGIONS],
        "permissions": [
            *({"user": "guest", "vhost": region} | everything for region in REGIONS),
            *({"user": user_of(region), "vhost": other} | events for region, other in pairs),
        ],
        "topic_permissions": [{"user": user_of(region), "vhost": other} | shares for region, other in pairs],
    }


def divide(broker: PrivateRabbitMQ, home: Path) -> None:
    """Make virtual hosts and users."""
    file = home / "definitions.json"
    file.write_text(json.dumps(definitions()))
    broker.control("import_definitions", str(file))


def own_url(broker: PrivateRabbitMQ, region: str) -> str:
    """Where a region's own processes find their broker."""
    return f"{broker.url.removesuffix('//')}/{region}"


def link_url(region: str, *, to: str, port: int) -> str:
    """Where a region's link finds the broker of another."""
    return f"amqp://{user_of(region)}:{PASSWORD}@127.0.0.1:{port}/{to}"
