"""Questions to several stores at once, so that one that gives no answer keeps no other waiting."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from django.db import connections

T = TypeVar("T")
WITHIN = 5.0
"""Seconds for all of them; less than Prometheus waits."""


def ask_all(questions: Mapping[str, Callable[[], T]]) -> dict[str, T | Exception]:
    """Each answer by name, or why there is none."""
    threads = ThreadPoolExecutor(max(1, len(questions)), thread_name_prefix="asking")
    asked = {name: threads.submit(_asked, question) for name, question in questions.items()}
    wait(asked.values(), timeout=WITHIN)
    threads.shutdown(wait=False, cancel_futures=True)
    answers: dict[str, T | Exception] = {}
    for name, future in asked.items():
        if not future.done():
            answers[name] = TimeoutError(f"no answer within {WITHIN:.0f} s")
        else:
            failure = future.exception()
            answers[name] = failure if isinstance(failure, Exception) else future.result()
    return answers


def _asked(question: Callable[[], T]) -> T:
    try:
        return question()
    finally:
        connections.close_all()
