"""Which requests an app answers on the express lane: ``ROUTES`` in its ``api/express.py``."""

import math
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass

from nexus.contracts.errors import NexusError
from nexus.web.express.exchange import Exchange, Reply
from nexus.web.express.ready import Standing

Handle = Callable[[Exchange], Awaitable[Reply | None]]
"""Answers, or says None: then the request takes the ordinary way."""
EarlyAnswer = Callable[[Exchange], Standing | None]
"""Answers what waits for nothing, or says None: then the request is handled as any other."""
Found = Reply | NexusError | None
"""What an app found for a request that it took over: None has it handled as any other."""
Together = Callable[[Exchange, Callable[[Found], None]], bool]
"""Takes a request over, to answer it together with others, and whether it did; calls back when it knows."""
MOST, LONGEST = 10_000, 128
"""Paths that are remembered with their routes; letters of one."""


@dataclass(frozen=True, kw_only=True)
class Route:
    """
    `path` is exact, or has ``*`` as its last part or the one before, for any name, which the exchange has as `name`.
    `allow` lists what the path's view answers to. `early` is asked before anything else is done for a request,
    `together` once the body is there and before a task begins, where the server does so. `room` says how many more may
    come: when none may, whoever comes is told to come again; `pressure` says how near that is, of 1. One that `streams`
    has answers of another kind than JSON, and sees for itself whether they are wanted.
    """

    method: str
    path: str
    handle: Handle
    allow: str
    early: EarlyAnswer | None = None
    together: Together | None = None
    room: Callable[[], float] = lambda: math.inf
    pressure: Callable[[], float] = lambda: 0.0
    streams: bool = False


class RouteTable:
    """Finds the route of a request without walking a list."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes = {(route.method, route.path): route for route in routes}
        self._found: dict[tuple[str, str], tuple[Route | None, str]] = {}

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes.values())

    def find(self, method: str, path: str) -> tuple[Route | None, str]:
        """The route and the part of the path that it leaves open."""
        asked = method, path
        if (found := self._found.get(asked)) is None:
            found = self._find(method, path.rstrip("/"))
            if len(path) <= LONGEST:
                if len(self._found) >= MOST:
                    self._found.clear()
                self._found[asked] = found
        return found

    def _find(self, method: str, path: str) -> tuple[Route | None, str]:
        if route := self._routes.get((method, path)):
            return route, ""
        parent, _, name = path.rpartition("/")
        if route := self._routes.get((method, f"{parent}/*")):
            return route, name
        above, _, inner = parent.rpartition("/")
        return self._routes.get((method, f"{above}/*/{name}")), inner
