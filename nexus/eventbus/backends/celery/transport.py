"""
Reading from a broker that stops in the middle of a frame; for all connections of this process to RabbitMQ.

py-amqp asks again and again, without a pause, for the rest of a frame whose beginning has come. A worker that reads in
its event loop then does nothing else and misses no heartbeats: for ever, if the broker's host went away without a word.
Here the beginning is put back, as py-amqp does when time is up, and read again with what follows.
"""

from ssl import SSLWantReadError
from typing import Any

from amqp.transport import SSLTransport, TCPTransport
from kombu.transport import pyamqp

NEVER: tuple[int, ...] = ()
"""The errors after which it would ask once more; after a signal Python itself does."""


class _OverTCP(TCPTransport):
    def _read(self, n: int, initial: bool = False) -> bytes:
        try:
            return bytes(super()._read(n, initial, NEVER))
        except BlockingIOError as nothing:
            raise TimeoutError("no more of a frame has come") from nothing


class _OverTLS(SSLTransport):
    def _read(self, n: int, initial: bool = False) -> bytes:
        try:
            return bytes(super()._read(n, initial, NEVER))
        except (BlockingIOError, SSLWantReadError) as nothing:
            raise TimeoutError("no more of a frame has come") from nothing


class _Connection(pyamqp.Connection):
    def Transport(  # noqa: N802  that is its name
        self,
        host: str,
        connect_timeout: float,
        ssl: Any = False,
        read_timeout: float | None = None,
        write_timeout: float | None = None,
        **options: Any,
    ) -> Any:
        kind = _OverTLS if ssl else _OverTCP
        timeouts = {"connect_timeout": connect_timeout, "read_timeout": read_timeout, "write_timeout": write_timeout}
        return kind(host, ssl=ssl, **timeouts, **options)


class Transport(pyamqp.Transport):
    """``amqp://``"""

    Connection = _Connection


class TLSTransport(pyamqp.SSLTransport):
    """``amqps://``"""

    Connection = _Connection


ALIASES = {"amqp": f"{__name__}:Transport", "amqps": f"{__name__}:TLSTransport"}
"""For kombu, which finds a transport by the scheme of a URL."""
