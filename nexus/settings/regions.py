"""The name of this region and the way to the others; without a name there is one region and nothing to link."""

import re
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from nexus.settings.environment import Environment

NAME = re.compile(r"[a-z][a-z0-9-]{0,19}")
"""Of a region: part of a consumer's name and of every share, and what people type."""


def region(env: Environment) -> str:
    """
    What this region is called, empty where it is the only one.

    :raises ImproperlyConfigured: no such name
    """
    name = env.text("NEXUS_REGION")
    if name and not NAME.fullmatch(name):
        raise ImproperlyConfigured(f"NEXUS_REGION must be a short name such as eu or us-east, not {name!r}")
    return name


def links(env: Environment) -> dict[str, str]:
    """
    The address of each other region's RabbitMQ by the region's name. Addresses hold passwords, so complaints do not
    show them.

    :raises ImproperlyConfigured: a name or an address that is none, or no name for this region
    """
    here = region(env)
    found = dict(_link(word) for word in env.words("NEXUS_REGION_LINKS"))
    if found and not here:
        raise ImproperlyConfigured("NEXUS_REGION_LINKS leads to other regions: NEXUS_REGION must say what this one is")
    if here in found:
        raise ImproperlyConfigured(f"NEXUS_REGION_LINKS leads back to {here}, which is this region")
    return found


def _link(word: str) -> tuple[str, str]:
    name, _, address = word.partition("=")
    url = urlsplit(address.strip())
    if not NAME.fullmatch(name.strip()) or url.scheme not in ("amqp", "amqps") or not url.hostname:
        raise ImproperlyConfigured("NEXUS_REGION_LINKS must look like NAME=amqp://…, NAME=amqps://…")
    return name.strip(), url.geturl()
