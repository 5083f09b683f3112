"""Tells the person at the terminal what is going on: a running clock on a terminal, plain lines elsewhere."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_TICK = 0.1
_CLEAR = "\r\x1b[K"


class Progress:
    """Prints to ``stream``; safe to call while a step's clock is running."""

    def __init__(self, *, stream: TextIO) -> None:
        self._stream = stream
        self._live = stream.isatty()
        self._turn = threading.Lock()

    def line(self, text: str) -> None:
        """Print a line of its own."""
        self._write(f"{_CLEAR}{text}\n" if self._live else f"{text}\n")

    @contextmanager
    def step(self, *, title: str) -> Iterator[None]:
        """Show the title while the block runs, and in the end how long it took."""
        began = time.monotonic()
        over = threading.Event()
        clock = threading.Thread(target=self._tick, args=(title, began, over), daemon=True)
        if self._live:
            clock.start()
        else:
            self.line(f"{title} …")
        try:
            yield
        except BaseException:
            self._end(clock, over)
            raise
        self._end(clock, over)
        self.line(f"{title} … {time.monotonic() - began:.1f} s")

    def _tick(self, title: str, began: float, over: threading.Event) -> None:
        while not over.wait(_TICK):
            self._write(f"{_CLEAR}{title} … {time.monotonic() - began:.1f} s")

    def _end(self, clock: threading.Thread, over: threading.Event) -> None:
        over.set()
        if self._live:
            clock.join()
            self._write(_CLEAR)

    def _write(self, text: str) -> None:
        with self._turn:
            self._stream.write(text)
            self._stream.flush()
