"""Requests that the application has taken over: in uvicorn's eyes the connection is busy with them."""

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


class _Nobody:
    """Waits for no message."""

    def set(self) -> None:
        """What uvicorn does when there is one."""


class Owed:
    """As much of uvicorn's cycle of a request and its answer as it looks at before a task has begun."""

    __slots__ = ("body", "disconnected", "keep_alive", "response_complete", "response_started", "scope")
    message_event = _Nobody()

    def __init__(self, scope: Any, body: bytes) -> None:
        self.scope, self.body = scope, body
        self.keep_alive = True
        self.disconnected = self.response_started = self.response_complete = False


def cycle_of(owed: Owed, connection: Any) -> RequestResponseCycle:
    """The cycle that uvicorn would have begun, with the body in it, for a request that is to be handled after all."""
    # What was understood at a glance may be shared with other requests.
    owed.scope["headers"] = list(owed.scope["headers"])
    owed.scope["raw_path"] = owed.scope["path"].encode("latin-1")
    cycle = RequestResponseCycle(
        scope=owed.scope,
        transport=connection.transport,
        flow=connection.flow,
        logger=connection.logger,
        access_logger=connection.access_logger,
        access_log=connection.access_log,
        default_headers=connection.server_state.default_headers,
        message_event=asyncio.Event(),
        expect_100_continue=False,
        keep_alive=owed.keep_alive,
        on_response=connection.on_response_complete,
    )
    cycle.body += owed.body
    cycle.more_body = False
    cycle.message_event.set()
    return cycle
