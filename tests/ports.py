"""Ports of loopback for what tests start."""

import socket

_held: list[socket.socket] = []


def free_port() -> int:
    """
    A port that nobody else is given while this process lives, between two starts of a server either.

    It is held by a socket that is bound and does not listen, beside which servers may still bind. Without it another
    test run could be given the same port in the meantime, and two web servers share a port and each other's requests.
    """
    holder = socket.socket()
    for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
        holder.setsockopt(socket.SOL_SOCKET, option, 1)
    holder.bind(("127.0.0.1", 0))
    _held.append(holder)
    port: int = holder.getsockname()[1]
    return port
