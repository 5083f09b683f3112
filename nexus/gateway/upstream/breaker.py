"""
A circuit breaker for one instance (M. Nygard, *Release It!*, 2nd ed., ch. 5): who fails again and again is left alone
for a while, then asked once to see whether they are back.
"""

import random
import time
from collections import deque
from collections.abc import Callable
from enum import StrEnum

IN_A_ROW = 5
WINDOW = 20
SHARE = 0.5
FIRST_REST, LONGEST_REST = 0.25, 30.0
"""Seconds; each rest is twice as long as the one before, unless there was nobody to burden with a question."""
YOUNG = 5.0
"""Seconds for which a service that has gone as a whole may be about to come back."""


class State(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Breaker:
    """
    Opens after five failures in a row, or when half of the last twenty failed.

    Whoever was allowed calls `begin`, and says with its answer how it went: `succeeded`, `failed` or `abandoned`. While
    the breaker is open the probe alone counts, not what was under way when it opened.
    """

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
        moved: Callable[[State], None] = lambda _: None,
    ) -> None:
        self._clock, self._jitter, self._moved = clock, jitter, moved
        self._last: deque[bool] = deque(maxlen=WINDOW)
        self._rest = FIRST_REST
        self._until = self._since = float("-inf")
        self._probing = False
        self.state = State.CLOSED

    @property
    def allows(self) -> bool:
        """Whether a request may go there now."""
        if self.state is State.CLOSED:
            return True
        return self.rests_for <= 0 and not self._probing

    @property
    def rests_for(self) -> float:
        """Seconds until the next probe."""
        return max(0.0, self._until - self._clock())

    @property
    def is_doubted(self) -> bool:
        """Whether it failed when it was asked last."""
        return self.state is not State.CLOSED or (bool(self._last) and not self._last[-1])

    @property
    def was_well_lately(self) -> bool:
        """Whether nothing is known against it, or only for a moment."""
        return self.state is State.CLOSED or self._clock() - self._since < YOUNG

    def may_be_back_within(self, seconds: float) -> bool:
        """Whether it is away, and to be asked within that time."""
        return self.state is not State.CLOSED and (self._probing or self.rests_for <= seconds)

    def begin(self) -> bool:
        """A request goes there; whether it is the probe."""
        if self.state is State.CLOSED:
            return False
        self._probing = True
        self._become(State.HALF_OPEN)
        return True

    def succeeded(self, *, probe: bool) -> None:
        """It answered."""
        if self.state is State.CLOSED:
            self._last.append(True)
        elif probe:
            self._last.clear()
            self._rest, self._probing = FIRST_REST, False
            self._become(State.CLOSED)

    def failed(self, *, probe: bool, reached: bool = True) -> None:
        """It did not, or not in time; `reached` unless there was nobody to take the connection."""
        if self.state is State.CLOSED:
            self._last.append(False)
            if self._is_bad():
                self._since = self._clock()
                self._open()
        elif probe:
            if reached:
                self._rest = min(2 * self._rest, LONGEST_REST)
            self._open()

    def abandoned(self, *, probe: bool) -> None:
        """Nobody knows: the client did not wait."""
        if probe and self.state is not State.CLOSED:
            self._probing = False
            self._become(State.OPEN)

    def _is_bad(self) -> bool:
        recent = list(self._last)
        in_a_row = len(recent) >= IN_A_ROW and not any(recent[-IN_A_ROW:])
        return in_a_row or (len(recent) == WINDOW and recent.count(False) >= SHARE * WINDOW)

    def _open(self) -> None:
        self._probing = False
        # Between half and all of it, so that many gateways do not come back in the same moment.
        self._until = self._clock() + self._rest * (0.5 + self._jitter() / 2)
        self._become(State.OPEN)

    def _become(self, state: State) -> None:
        if state is not self.state:
            self.state = state
            self._moved(state)
