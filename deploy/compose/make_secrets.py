"""
Makes the secrets that docker-compose.yml names, under ./secrets; those that exist are left alone.

The folder is closed to others (0700); the files in it are readable (0444), because Compose mounts each as it is and the
containers' users are not ours.
"""

import base64
import os
import secrets
import sys
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

FOLDER = Path(__file__).parents[2] / "secrets"


def password() -> str:
    """Letters, digits, ``-`` and ``_``: nothing that any engine's configuration would have to quote."""
    return secrets.token_urlsafe(32)


def signing_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def keyfile() -> str:
    """What the members of a MongoDB replica set know each other by: base64, at most 1024 characters."""
    return base64.b64encode(secrets.token_bytes(567)).decode()


SECRETS: dict[str, Callable[[], str]] = {
    "secret_key": lambda: secrets.token_urlsafe(50),
    "signing_key": signing_key,
    "postgres_root_password": password,
    "postgres_password": password,
    "postgres_accounts_password": password,
    "postgres_inventory_password": password,
    "postgres_orders_password": password,
    "mongo_root_password": password,
    "mongo_password": password,
    "mongo_keyfile": keyfile,
    "redis_password": password,
    "broker_password": password,
    "grafana_password": password,
    "elastic_password": password,
    "kibana_password": password,
    "logstash_password": password,
}


def make(folder: Path) -> list[str]:
    """Make what is missing in the folder; the names of what was made."""
    folder.mkdir(mode=0o700, exist_ok=True)
    missing = [name for name in SECRETS if not (folder / name).exists()]
    for name in missing:
        draft = folder / f".{name}.draft"
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(SECRETS[name]().strip() + "\n")
        draft.chmod(0o444)
        draft.rename(folder / name)
    return missing


if __name__ == "__main__":
    made = make(FOLDER)
    sys.stdout.write(f"made {', '.join(made)} in {FOLDER}\n" if made else f"nothing is missing in {FOLDER}\n")
