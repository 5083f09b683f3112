"""
To one of the broker's nodes: ``NEXUS_BROKER_URL`` may name several, of which any will do.

Each is tried once and in an order of chance, so that clients spread over the nodes and none of them insists on one that
is gone.
"""

import random
from ssl import CERT_REQUIRED
from urllib.parse import urlsplit

from django.conf import settings
from kombu import Connection
from kombu.exceptions import OperationalError


def addresses() -> list[str]:
    """The nodes' URLs as they are set."""
    return str(settings.EVENT_BUS["BROKER_URL"]).split(";")


def shuffled() -> list[str]:
    """The same in an order of chance."""
    return random.sample(addresses(), len(addresses()))


def connect(*, within: float, silence: float, elsewhere: str = "") -> Connection:
    """
    A connection that stands, made `within` so many seconds for each node; an answer may take `silence` seconds. It
    leads to our own broker, or to one `elsewhere`, of which all nodes' URLs may be named as well.

    :raises OperationalError: no node answers; what the last one did
    """
    nodes = random.sample(found := elsewhere.split(";"), len(found)) if elsewhere else shuffled()
    *others, last = nodes
    for url in others:
        try:
            return _connect(url, within, silence, trust=_trust(url) if elsewhere else False)
        except OperationalError:
            continue
    return _connect(last, within, silence, trust=_trust(last) if elsewhere else False)


def _connect(url: str, within: float, silence: float, *, trust: dict[str, object] | bool) -> Connection:
    options = {"read_timeout": silence, "write_timeout": silence}
    connection = Connection(url, connect_timeout=within, ssl=trust, transport_options=options)
    try:
        # Once: left to itself it would sleep for two seconds and try again.
        return connection.ensure_connection(max_retries=0)
    except BaseException:
        connection.release()
        raise


def _trust(url: str) -> dict[str, object] | bool:
    """On the way elsewhere lie networks that are not ours: kombu alone would take any certificate for amqps://."""
    parts = urlsplit(url)
    return {"cert_reqs": CERT_REQUIRED, "server_hostname": parts.hostname} if parts.scheme == "amqps" else False
