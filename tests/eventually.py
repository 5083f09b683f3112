"""Waiting for what happens elsewhere: look again and again until it is so, or the time is up."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(look: Callable[[], T], *, within: float = 30, every: float = 0.02) -> T:
    """
    The first truthy answer of `look`.

    :raises AssertionError: none came in time; with the last answer
    """
    deadline = time.monotonic() + within
    while not (answer := look()):
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within} s; the last answer was {answer!r}")
        time.sleep(every)
    return answer
