"""Objects that refer to each other in circles: only the garbage collector finds them, by looking at everything."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def circles() -> Iterator[list[Any]]:
    """A list in which, at the end, is what the block left in circles."""
    left: list[Any] = []
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield left
        gc.collect()
        left += [type(each).__name__ for each in gc.garbage]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
