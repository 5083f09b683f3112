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
from kombu.transport import TRANSPORT_ALIASES

from nexus.eventbus.backends.celery.transport import ALIASES

TRANSPORT_ALIASES.update(ALIASES)


def addresses() -> list[str]:
    """The nodes' URLs as they are set."""
    return str(settings.EVENT_BUS["BROKER_URL"]).split(";")


def shuffled() -> list[str]:
    """The same in an order of chance."""
    return _in_any_order(addresses())


def connect(*, within: float, silence: float, elsewhere: str = "") -> Connection:
    """
    A connection that stands, made `within` so many seconds for each node; an answer may take `silence` seconds. It
    leads to our own broker, or to one `elsewhere`, whose nodes may be named as well and must show who they are.

    :raises OperationalError: no node answers; what the last one did
    """
    *others, last = _in_any_order(elsewhere.split(";")) if elsewhere else shuffled()
    for url in others:
        try:
            return _connect(url, within, silence, named=bool(elsewhere))
        except OperationalError:
            continue
    return _connect(last, within, silence, named=bool(elsewhere))


def _in_any_order(nodes: list[str]) -> list[str]:
    return random.sample(nodes, len(nodes))


def _connect(url: str, within: float, silence: float, *, named: bool) -> Connection:
    options = {"read_timeout": silence, "write_timeout": silence}
    trust = _of_its_host(url) if named else False
    connection = Connection(url, connect_timeout=within, ssl=trust, transport_options=options)
    try:
        # Once: left to itself it would sleep for two seconds and try again.
        return connection.ensure_connection(max_retries=0)
    except BaseException:
        connection.release()
        raise


def _of_its_host(url: str) -> dict[str, object] | bool:
    """Left alone, a trusted certificate would do of any host whatever: the name in it is not looked at."""
    parts = urlsplit(url)
    return {"cert_reqs": CERT_REQUIRED, "server_hostname": parts.hostname} if parts.scheme == "amqps" else False
