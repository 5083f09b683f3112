"""
Until when an answer is of use: ``X-Request-Deadline``, seconds since 1970 with a fraction, by the clock of whoever
asks. The gateway says it to services, which begin nothing that nobody waits for any more.
"""

import math
import time

DEADLINE = "x-request-deadline"


def seconds_left(given: str) -> float | None:
    """How long there is; None when nothing readable was said."""
    try:
        deadline = float(given)
    except ValueError:
        return None
    return deadline - time.time() if math.isfinite(deadline) else None
