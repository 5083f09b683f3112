"""
The health of a process that listens on no port: does this container hold an open connection to each port named?

    python connected.py 5432 27017
    python connected.py bus             # where its own environment says that events come from

Cheap and local: it reads the kernel's table, which in a container lists that container's connections alone. A peer that
hangs without closing is noticed by the connection's owner (AMQP heartbeats), who then closes it. What it cannot see is
a process that holds its connections and does nothing; the lag of a log or the length of a queue shows that.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

ESTABLISHED = "01"
TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))


def connected_ports() -> set[int]:
    """The remote ports of all established connections."""
    rows = [row.split() for table in TABLES if table.exists() for row in table.read_text().splitlines()[1:]]
    return {int(row[2].rpartition(":")[2], 16) for row in rows if row[3] == ESTABLISHED}


def ports_of_bus(environment: Mapping[str, str]) -> set[int]:
    """The broker's port; with Kafka those of all brokers that are named, of which one will do."""
    if environment["NEXUS_EVENT_BUS"] == "kafka":
        return {int(server.rpartition(":")[2]) for server in environment["NEXUS_KAFKA_SERVERS"].split(",")}
    return {urlsplit(environment["NEXUS_BROKER_URL"]).port or 5672}


def main(arguments: list[str]) -> int:
    """0 when there is a connection to every port, else 1 and a line that names those without."""
    wanted = [ports_of_bus(os.environ) if word == "bus" else {int(word)} for word in arguments]
    there = connected_ports()
    missing = [" or ".join(map(str, sorted(ports))) for ports in wanted if not ports & there]
    if missing:
        sys.stderr.write(f"no open connection to port {', '.join(missing)}\n")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
