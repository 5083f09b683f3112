"""
Answers that are given again as they are: whoever asks the same, without saying who, gets the same until Redis says that
what it was made of has changed.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from prometheus_client import Counter, Histogram

from nexus.web.express.exchange import Reply
from nexus.web.express.head import Head
from nexus.web.express.known import Question, known
from nexus.web.server.turns import Turn

MOST, LONGEST = 4096, 256
"""Answers; letters of host, path and query."""
LARGEST = 16 * 1024 * 1024
"""Bytes of all bodies."""
Asked = tuple[str, bytes, str, bytes]
"""Scheme, host, path and query."""
ReadyDoor = Callable[[Head, str], bytes | None]
"""Counts a request of that kind with that head if that waits for nothing; what the answer says of it, or None."""


class Standing(NamedTuple):
    """
    A reply that stands as long as Redis's `answer` to the `question` is the one that is known, and not beyond `until`
    (seconds since 1970). `given` counts how often it was given.
    """

    reply: Reply
    question: Question
    answer: Any
    until: float
    given: Counter | None = None


class Ready(NamedTuple):
    """One, put together."""

    standing: Standing
    lines: bytes
    duration: Histogram
    kind: str
    """What the door calls requests like this."""


class ReadyAnswers:
    """By what was asked for. When there are too many all are forgotten: those that are asked for are soon back."""

    def __init__(self) -> None:
        self._kept: dict[Asked, Ready] = {}
        self._size = 0

    def find(self, asked: Asked, turn: Turn | None) -> Ready | None:
        """One that still stands in this turn."""
        if (ready := self._kept.get(asked)) is None:
            return None
        standing = ready.standing
        if known().find(standing.question, turn=turn) is not standing.answer or time.time() >= standing.until:
            return None
        return ready

    def keep(self, asked: Asked, ready: Ready) -> None:
        """To be found from now on, until there is no room."""
        _, host, path, query = asked
        # What is not known is None.
        if ready.standing.answer is None or len(host) + len(path) + len(query) > LONGEST:
            return
        if before := self._kept.get(asked):
            self._size -= len(before.standing.reply.body)
        self._size += len(ready.standing.reply.body)
        if self._size > LARGEST or len(self._kept) >= MOST:
            self._kept.clear()
            self._size = len(ready.standing.reply.body)
        self._kept[asked] = ready


def asked_by(scope: Mapping[str, Any], head: Head) -> Asked | None:
    """What a request asks for, if nothing else about it makes a difference to the answer."""
    if head.host is None or scope["method"] != "GET":
        return None
    return scope["scheme"], head.host, scope["path"], scope["query_string"]
