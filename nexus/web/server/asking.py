"""What an application is asked before a task begins: most of what a shop is asked needs none."""

import logging
from functools import partial
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from nexus.web.server import MEMORY, TURN
from nexus.web.server.glance import Glance, Seen
from nexus.web.server.owed import Owed, cycle_of
from nexus.web.server.turns import Turn
from nexus.web.server.writing import CLOSE, END, usual

log = logging.getLogger("nexus.web.server")


class Asking(HttpToolsProtocol):
    """
    uvicorn's connection, whose application may answer by itself.

    An application that has an `answer_early` is asked for each request before anything is done for it, with as much of
    an ASGI scope as is known: what that answers (status, the lines of the head as they go out, body; or None) is
    written at once, and nobody else hears of the request. One that has a `take_over` is asked for each POST instead,
    when it is there as a whole, with a function that hears the answer, or None, now or later; no task is begun for what
    it takes over. It is asked once, at a glance if that is enough to understand the request (`Glance`).
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self._answer_early: Any = getattr(self.app, "answer_early", None)
        self._take_over: Any = getattr(self.app, "take_over", None)
        self._is_interested = bool(self._answer_early or self._take_over)
        self._glance = Glance()
        self._is_between, self._was_declined, self._answered_early = True, False, False
        self._parts: list[bytes] | None = None
        self._memory: dict[str, Any] = {}
        self._always: dict[str, Any] = {}
        self._turn: Turn | None = None
        self._version = ""
        self._answering: Any = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._always = {
            "type": "http",
            "asgi": {"version": self.asgi_version, "spec_version": "2.3"},
            "http_version": "1.1",
            "server": self.server,
            "client": self.client,
            "scheme": self.scheme,
            "root_path": self.root_path,
            MEMORY: self._memory,
        }

    def ask_at_a_glance(self, data: bytes) -> bool:
        """Whether what has come is a request that has been answered, or will be."""
        if not self._is_between or not self._is_interested or not self._is_idle():
            return False
        if (seen := self._glance.at(data)) is None:
            return False
        if self._is_answered(seen):
            return True
        self._was_declined = True
        return False

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope[MEMORY] = self._memory  # type: ignore[literal-required]
        self.scope[TURN] = self._turn  # type: ignore[literal-required]
        self._answered_early = self._is_between = False

    def on_headers_complete(self) -> None:
        if self._was_declined:
            # The application was asked already.
            self._was_declined = False
        elif self._is_interested and self._is_free() and self._knows_what_is_asked():
            if self._take_over and self.scope["method"] == "POST":
                self._parts = []
                return
            if self._answer_early and self._was_answered_early(self.scope):
                return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if self._parts is not None:
            self._parts.append(body)
        elif not self._answered_early:
            super().on_body(body)

    def on_message_complete(self) -> None:
        # A parser that was told to close reads nothing any more, and neither does the glance.
        self._is_between = self.parser.should_keep_alive()
        if self._parts is not None and self._was_taken_over(self.scope, b"".join(self._parts)):
            self._parts = None
        elif not self._answered_early:
            self.let_in()
            super().on_message_complete()

    def let_in(self) -> None:
        """Have the request handled that was held back, with as much of its body as is there."""
        parts, self._parts = self._parts, None
        if parts is not None:
            super().on_headers_complete()
            for part in parts:
                super().on_body(part)

    def _is_free(self) -> bool:
        """Whether an answer may be written now, and the next request be waited for."""
        waits = self._version == "1.1" and self.parser.should_keep_alive()
        return waits and not self.expect_100_continue and self._is_idle()

    def _is_idle(self) -> bool:
        """Whether nothing is under way, and the client takes what it is given."""
        return (self.cycle is None or self.cycle.response_complete) and not self.flow.write_paused

    def _is_answered(self, seen: Seen) -> bool:
        method, path, query, headers, body = seen
        scope = self._always.copy()
        scope["method"], scope["path"], scope["query_string"] = method, path, query
        scope["headers"], scope[TURN] = headers, self._turn
        if method == "POST" and self._take_over:
            scope["state"] = self.app_state.copy()
            return self._was_taken_over(scope, body)
        return bool(self._answer_early) and self._was_answered_early(scope)

    def _knows_what_is_asked(self) -> bool:
        """Whether that needs no second look; the scope says it then, as far as it is known before uvicorn looks."""
        path, _, query = self.url.partition(b"?")
        if b"%" in path or b"#" in self.url or not path.startswith(b"/"):
            return False
        asked: dict[str, Any] = self.scope  # type: ignore[assignment]
        asked["method"] = self.parser.get_method().decode("latin-1")
        asked["path"], asked["query_string"] = path.decode("latin-1"), query
        return True

    def _was_answered_early(self, scope: Any) -> bool:
        try:
            answer = self._answer_early(scope)
        except Exception:
            log.exception("whether a request can be answered early is not known")
            return False
        if answer is None:
            return False
        self._answered_early = True
        self._write(answer)
        self.on_response_complete()
        return True

    def _was_taken_over(self, scope: Any, body: bytes) -> bool:
        owed: Any = Owed(scope, body)
        before, self.cycle = self.cycle, owed
        self._answering = owed
        try:
            taken = self._take_over(scope, body, partial(self._pay, owed))
        except Exception:
            log.exception("whether a request can be taken over is not known")
            taken = False
        if not taken:
            self.cycle = before
        return bool(taken)

    def _pay(self, owed: Any, answer: Any) -> None:
        """Write what is owed; or begin to handle the request as any other, where that is the answer."""
        if owed.disconnected:
            return
        if answer is None:
            cycle = cycle_of(owed, self)
            if self.cycle is owed:
                self.cycle = cycle
            self._start_asgi_task(cycle, self.app)
            return
        self._write(answer, keep_alive=owed.keep_alive)
        owed.response_started = owed.response_complete = True
        if not owed.keep_alive:
            self.transport.close()
        self.on_response_complete()

    def _write(self, answer: Any, *, keep_alive: bool = True) -> None:
        status, lines, body = answer
        own = usual.lines(self.server_state.default_headers)
        self.transport.write(b"".join((STATUS_LINE[status], own, lines, END if keep_alive else CLOSE, body)))
