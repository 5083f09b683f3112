"""Loopback ports that stay the same from one start to the next while nobody else takes them."""

import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"


def is_free(*, port: int) -> bool:
    """Tell whether a server could listen on the port now."""
    with socket.socket() as probe:
        # As servers do: without it, connections closed a moment ago make a free port look taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
            # A second socket may bind with SO_REUSEADDR as long as nobody listens, so listening is the proof.
            probe.listen(1)
        except OSError:
            return False
    return True


def remembered(*, file: Path) -> int | None:
    """Return the port written in the file, or None."""
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None


def choose(*, file: Path) -> int:
    """Return the port written in the file if it is still free, else a free one, which is then written there."""
    port = remembered(file=file)
    if port is not None and is_free(port=port):
        return port
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port = int(probe.getsockname()[1])
    file.write_text(f"{port}\n")
    return port
