"""
The health of a process that listens on no port: does this container hold an open connection to each port named?

    python connected.py 5672

Cheap and local: it reads the kernel's table, which in a container lists that container's connections alone. A peer that
hangs without closing is noticed by the connection's owner (AMQP heartbeats), who then closes it. What it cannot see is
a process that holds its connections and does nothing; the lag of a log or the length of a queue shows that.
"""

import sys
from pathlib import Path

ESTABLISHED = "01"
TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


def connected_ports() -> set[int]:
    """The remote ports of all established connections."""
    rows = [row.split() for table in TABLES if table.exists() for row in table.read_text().splitlines()[1:]]
    return {int(row[2].rpartition(":")[2], 16) for row in rows if row[3] == ESTABLISHED}


def main(arguments: list[str]) -> int:
    """0 when there is a connection to every port, else 1 and a line that names those without."""
    missing = sorted({int(port) for port in arguments} - connected_ports())
    if missing:
        sys.stderr.write(f"no open connection to port {', '.join(map(str, missing))}\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
