"""
Prints the Secrets that the manifests mount, for `kubectl create --filename -`, which leaves alone those that exist.

Each run makes new ones: nothing is kept here. The names and keys are those that the manifests beside this file mount,
and that the operators of Postgres, MongoDB and RabbitMQ read.
"""

import json
import runpy
import sys
from pathlib import Path
from typing import Any

MADE: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[1] / "compose" / "make_secrets.py"))["SECRETS"]
NAMESPACE = "nexus"
ROLES = {"postgres-owner": "nexus"} | {f"postgres-{app}": f"nexus_{app}" for app in ("accounts", "inventory", "orders")}


def secret(name: str, data: dict[str, str], *, kind: str = "Opaque") -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": NAMESPACE},
        "type": kind,
        "stringData": data,
    }


def rabbitmq() -> dict[str, str]:
    """What the cluster operator wants of a user: name and password, and once more as RabbitMQ's own settings."""
    password = MADE["broker_password"]()
    settings = f"default_user = nexus\ndefault_pass = {password}\n"
    return {"username": "nexus", "password": password, "default_user.conf": settings}


def secrets() -> list[dict[str, Any]]:
    roles = [
        secret(name, {"username": role, "password": MADE["postgres_password"]()}, kind="kubernetes.io/basic-auth")
        for name, role in ROLES.items()
    ]
    return [
        secret("nexus", {name: MADE[name]() for name in ("secret_key", "signing_key")}),
        secret("mongo", {"password": MADE["mongo_password"]()}),
        secret("valkey", {"password": MADE["redis_password"]()}),
        secret("rabbitmq", rabbitmq()),
        *roles,
    ]


if __name__ == "__main__":
    json.dump({"apiVersion": "v1", "kind": "List", "items": secrets()}, sys.stdout)
