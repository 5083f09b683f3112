"""Work for a client that may leave before it is done."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, TypeVar

Receive = Callable[[], Awaitable[Mapping[str, Any]]]
"""ASGI's; the request's body has been read before."""
R = TypeVar("R")


async def while_there(receive: Receive, work: Coroutine[Any, Any, R]) -> R | None:
    """What the work returns or raises; None, and it is cancelled, when the client leaves first."""
    leaving, working = asyncio.ensure_future(_left(receive)), asyncio.ensure_future(work)
    try:
        await asyncio.wait([leaving, working], return_when=asyncio.FIRST_COMPLETED)
        return working.result() if working.done() else None
    finally:
        for task in (leaving, working):
            task.cancel()
        await asyncio.gather(leaving, working, return_exceptions=True)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
