"""Requests as the server hands them over (ASGI)."""

from collections.abc import Iterable
from typing import Any


def scope(path: str = "/fast", *, method: str = "GET", headers: Iterable[tuple[str, str]] = (), query: str = "") -> Any:
    """A request of HTTP/1.1 without its body."""
    listed = [(name.encode(), value.encode()) for name, value in headers]
    request = {"method": method, "path": path, "query_string": query.encode(), "headers": listed}
    return request | {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "client": ("10.0.0.1", 1),
        "server": None,
    }
