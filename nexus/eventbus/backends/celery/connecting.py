"""
To one of the broker's nodes: ``NEXUS_BROKER_URL`` may name several, of which any will do.

Each is tried once and in an order of chance, so that clients spread over the nodes and none of them insists on one that
is gone.
"""

import random

from django.conf import settings
from kombu import Connection
from kombu.exceptions import OperationalError


def addresses() -> list[str]:
    """The nodes' URLs as they are set."""
    return str(settings.EVENT_BUS["BROKER_URL"]).split(";")


def shuffled() -> list[str]:
    """The same in an order of chance."""
    return random.sample(addresses(), len(addresses()))


def connect(*, within: float, silence: float) -> Connection:
    """
    A connection that stands, made `within` so many seconds for each node; an answer may take `silence` seconds.

    :raises OperationalError: no node answers; what the last one did
    """
    *others, last = shuffled()
    for url in others:
        try:
            return _connect(url, within, silence)
        except OperationalError:
            continue
    return _connect(last, within, silence)


def _connect(url: str, within: float, silence: float) -> Connection:
    options = {"read_timeout": silence, "write_timeout": silence}
    connection = Connection(url, connect_timeout=within, transport_options=options)
    try:
        # Once: left to itself it would sleep for two seconds and try again.
        return connection.ensure_connection(max_retries=0)
    except BaseException:
        connection.release()
        raise
