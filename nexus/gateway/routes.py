"""Which service answers a path, by the route table of the settings."""

import re
from collections.abc import Mapping

from nexus.web.aliases import real_path

LIMITED = ("/api/", "/oauth/", "/login")
"""Paths where requests are counted, whoever answers them."""
NEVER_TWICE = ("/api/v1/accounts/token", "/oauth/")
"""POSTs that look at no Idempotency-Key: a refresh token that comes twice ends every session of its family."""
# What one server takes for a separator, a step up or an end, and another for a letter. `%25` would be read twice.
AMBIGUOUS = re.compile(r"//|/\.{1,2}(?:/|$)|\\|[\x00-\x1f\x7f]|%(?:2f|5c|00|2e|25)", re.IGNORECASE)


def is_canonical(raw_path: str) -> bool:
    """Whether every server would read the path, as it came, in the same way."""
    return raw_path.startswith("/") and AMBIGUOUS.search(raw_path) is None


class Routes:
    """Finds the service of a path by its longest prefix of whole parts."""

    def __init__(self, table: Mapping[str, str]) -> None:
        self._table = dict(table)

    def service_of(self, path: str) -> str | None:
        """The service's name, None when no route leads there."""
        path = real_path(path)
        while path and path != "/":
            if service := self._table.get(path):
                return service
            path = path.rpartition("/")[0]
        return None
