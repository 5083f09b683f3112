"""Short order numbers for people: unique, rising roughly with time, gaps allowed."""

import threading
from datetime import UTC, datetime

from django.db import connections

from nexus.orders.models import DATABASE

BLOCK = 50
"""Numbers a process takes at once: one database round trip for that many orders, and at most that many lost."""

_lock = threading.Lock()
_blocks: dict[str, list[int]] = {}


def next_number() -> str:
    """Such as ``N-2026-000123``."""
    with _lock:
        # By database name: tests and tenants that share a process must not share numbers.
        block = _blocks.setdefault(str(connections[DATABASE].settings_dict["NAME"]), [])
        if not block:
            with connections[DATABASE].cursor() as cursor:
                cursor.execute("SELECT nextval('order_number_block')")
                first = (cursor.fetchone()[0] - 1) * BLOCK + 1
            block.extend(range(first + BLOCK - 1, first - 1, -1))
        number = block.pop()
    return f"N-{datetime.now(UTC).year}-{number:06}"
