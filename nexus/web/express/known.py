"""
What Redis has answered and what still holds, in this process's memory, because Redis says by itself when it does not.

A second connection hears of every change to the watched keys (client-side caching, broadcasting:
https://redis.io/docs/latest/develop/reference/client-side-caching). Redis writes such news before it answers whoever
made the change, so what has not come yet does not concern whoever asks now. That is looked up for every answer: while
something is unread or expected on that connection, or nothing was heard of Redis for a moment, nothing is known.
"""

import asyncio
import logging
import select
import time
from collections import OrderedDict
from collections.abc import Sequence
from functools import cache, partial
from typing import Any

from django.conf import settings
from hiredis import PushNotification, ReplyError

from nexus.web.express.pipe import Pipe
from nexus.web.server.turns import Turn

log = logging.getLogger("nexus.web")

Question = tuple[bytes, ...]
"""A command and its arguments."""
TRUST = 0.25
"""Seconds for which Redis is believed to be there after it was: as old may an answer be when a network swallows all."""
UNTOLD = 60.0
"""Seconds until a Redis that does not tell of changes is asked again whether it would."""
MOST = 20_000
"""Questions."""


class Known(Pipe):
    """Answers to questions about keys with the prefixes that are watched."""

    def __init__(self, url: str, *prefixes: bytes) -> None:
        super().__init__(url)
        self._prefixes = prefixes
        self._answers: OrderedDict[Question, Any] = OrderedDict()
        self._about: dict[bytes, set[Question]] = {}
        self._unread = select.poll()
        self._looked_in: Turn | None = None
        self._tracks, self._failures = False, 0
        self._sure_until = self._renew_at = float("-inf")

    def find(self, question: Question, *, turn: Turn | None = None) -> Any:
        """
        What Redis would answer now; None when that is not known, and has to be asked.

        :param turn: in which the request is read that wants to know: one look for news is enough for all of a turn
        """
        now = time.monotonic()
        if now >= self._renew_at:
            self._renew(now)
        # Who is to be answered already keeps the place in Redis's line: news may then be written after other answers.
        if now >= self._sure_until or self._asked or self._reader.has_data():
            return None
        if turn is None or turn is not self._looked_in or not turn.is_on:
            if self._unread.poll(0):
                return None
            self._looked_in = turn
        answer = self._answers.get(question)
        return None if type(answer) is _Coming else answer

    def ask_through(self, pipe: Pipe, question: Question, *, about: Sequence[bytes]) -> "asyncio.Future[Any]":
        """
        Ask `pipe`, together with whoever asks the same now, and know the answer from then on.

        :param about: the keys that the answer depends on, all of them watched
        :raises RedisAway: from the future
        """
        answer = pipe.ask_together(*question)
        if question in self._answers:
            self._answers.move_to_end(question)
        elif self._tracks:
            self._expect(question, about, answer)
        return answer

    def _expect(self, question: Question, about: Sequence[bytes], answer: "asyncio.Future[Any]") -> None:
        # Whatever changes from now on takes the mark away again: the answer may be from before or after that.
        mark = self._answers[question] = _Coming()
        for key in about:
            self._about.setdefault(key, set()).add(question)
        answer.add_done_callback(partial(self._learn, question, mark))
        if len(self._answers) > MOST:
            self._forget_question(next(iter(self._answers)))

    def _learn(self, question: Question, mark: "_Coming", answer: "asyncio.Future[Any]") -> None:
        if self._answers.get(question) is not mark:
            return
        if answer.cancelled() or answer.exception():
            self._forget_question(question)
        else:
            self._answers[question] = answer.result()

    def _forget_question(self, question: Question) -> None:
        del self._answers[question]
        for key in question:
            if (others := self._about.get(key)) is not None:
                others.discard(question)
                if not others:
                    del self._about[key]

    # -- what Redis says

    def _renew(self, now: float) -> None:
        """Ask whether Redis is still there; on a new connection, to be told of changes."""
        if self._asked:
            return
        self._renew_at = now + TRUST / 2
        if self._tracks:
            asked = [self.ask(b"PING")]
        else:
            words = [word for prefix in self._prefixes for word in (b"PREFIX", prefix)]
            # Without the first the second is accepted, and nothing is ever told.
            asked = [self.ask(b"HELLO", b"3"), self.ask(b"CLIENT", b"TRACKING", b"ON", b"BCAST", *words)]
        for each in asked:
            each.add_done_callback(lambda done: done.cancelled() or done.exception())
        asked[-1].add_done_callback(partial(self._heard, now, self._failures, asked))

    def _heard(self, asked_at: float, failures: int, asked: "Sequence[asyncio.Future[Any]]", _: Any) -> None:
        if failures != self._failures or any(each.cancelled() for each in asked):
            return
        refusals = [why for each in asked if (why := each.exception())]
        if not refusals:
            self._tracks, self._sure_until = True, asked_at + TRUST
        elif not self._tracks and isinstance(refusals[0], ReplyError):
            log.warning("Redis does not tell of changes, each read asks it: %s", refusals[0])
            self._renew_at = asked_at + UNTOLD

    def _told(self, news: PushNotification) -> None:
        _, keys = news
        if keys is None:
            # All of them: the database was emptied.
            self._forget()
            return
        for key in keys:
            for question in self._about.pop(key, ()):
                self._answers.pop(question, None)

    def _forget(self) -> None:
        self._answers.clear()
        self._about.clear()

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._unread = select.poll()
        self._unread.register(transport.get_extra_info("socket").fileno(), select.POLLIN)

    def _fail(self, why: str) -> None:
        self._failures += 1
        self._tracks, self._sure_until = False, float("-inf")
        self._forget()
        super()._fail(why)


class _Coming:
    """In place of an answer that was asked for."""


_watched: list[bytes] = []


def watch(*prefixes: bytes) -> None:
    """Have this process hear of keys with these prefixes too, none of which begins with another. When it is loaded."""
    _watched.extend(prefixes)


@cache
def known() -> Known:
    """What this process knows of the configured Redis."""
    return Known(settings.REDIS_URL, *dict.fromkeys(_watched))
