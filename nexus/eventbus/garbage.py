"""What processes that stay leave to the garbage collector."""

import gc

YOUNG, MIDDLE, OLD = 10_000, 100, 50
"""
Objects until it looks at the youngest, which takes half a microsecond for each and stops everything meanwhile, and how
often it does so before it looks at older ones.
"""


def look_at_new_objects_only() -> None:
    """
    What is loaded by now stays: leave it out of what the collector looks through, and look seldom.

    With Python's own thresholds a worker spent two fifths of its time on looking at Django's classes again and again,
    and now and then one order in a hundred waited for it. Before a fork it also keeps pages shared (see `gc.freeze`).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, OLD)
