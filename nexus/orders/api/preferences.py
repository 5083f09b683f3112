"""``Prefer: wait=N`` (RFC 7240): how long the client would rather wait for the settled order."""

import re

LONGEST_WAIT = 10
_WAIT = re.compile(r"(?:^|[,;])\s*wait\s*=\s*\"?(\d{1,4})\"?\s*(?:$|[,;])", re.IGNORECASE)


def read_wait(header: str) -> int:
    """Seconds, at most ten; 0 without the preference, or with one that makes no sense, as RFC 7240 lets us."""
    found = _WAIT.search(header)
    return min(int(found[1]), LONGEST_WAIT) if found else 0
