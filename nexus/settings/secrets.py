"""Secrets of a demo: made on first use, kept under NEXUS_VAR readable by the owner alone, refused anywhere else."""

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.exceptions import ImproperlyConfigured

from nexus.settings.environment import Environment


def secret_key(env: Environment) -> str:
    """:raises ImproperlyConfigured: not set, and this is no demo"""
    return env.text("NEXUS_SECRET_KEY") or _made_for_demo(env, "NEXUS_SECRET_KEY", lambda: secrets.token_urlsafe(50))


def signing_key(env: Environment) -> str:
    """:raises ImproperlyConfigured: not set, and this is no demo"""
    return env.text("NEXUS_SIGNING_KEY") or _made_for_demo(env, "NEXUS_SIGNING_KEY", _new_rsa_key)


def _made_for_demo(env: Environment, name: str, make: Callable[[], str]) -> str:
    if not env.flag("NEXUS_DEMO"):
        raise ImproperlyConfigured(f"{name} is not set (only a demo, NEXUS_DEMO=1, makes one up)")
    path = Path(env.text("NEXUS_VAR")) / "secrets" / name.lower()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not path.exists():
        # Two processes may start at once: the link either puts the whole file in place or finds the other's.
        draft = path.with_name(f"{path.name}.{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(make())
        with contextlib.suppress(FileExistsError):
            os.link(draft, path)
        draft.unlink()
    return path.read_text()


def _new_rsa_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
