"""Signals to the process that owns the engines."""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(KeyboardInterrupt):
    """SIGTERM or SIGHUP arrived. As with Ctrl-C, nobody but the top level should catch it."""

    def __init__(self, *, signum: int) -> None:
        super().__init__(signal.Signals(signum).name)
        self.signum = signum


@contextmanager
def termination_raised() -> Iterator[None]:
    """Turn SIGTERM and SIGHUP into :class:`Terminated`, unless the process already does something about them."""
    signals = [signal.SIGTERM, signal.SIGHUP] if _in_main_thread() else []
    taken = [signum for signum in signals if signal.getsignal(signum) == signal.SIG_DFL]
    for signum in taken:
        signal.signal(signum, _raise)
    try:
        yield
    finally:
        for signum in taken:
            signal.signal(signum, signal.SIG_DFL)


@contextmanager
def held() -> Iterator[None]:
    """Do the block to its end; signals that arrive meanwhile act afterwards."""
    arrived: list[int] = []
    signals = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP] if _in_main_thread() else []
    # A handler rather than a mask: a mask would be inherited by the engines started in the block.
    before = {signum: signal.signal(signum, lambda number, _: arrived.append(number)) for signum in signals}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, signal.SIG_DFL if handler is None else handler)
    if arrived:
        os.kill(os.getpid(), arrived[0])


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


def _raise(signum: int, frame: FrameType | None) -> None:
    raise Terminated(signum=signum)
