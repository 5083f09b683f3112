"""What of a rate limit was counted ahead (docs/adr/0016-limits-counted-ahead.md)."""

LEASE, LARGEST_LEASE = 100_000, 128
"""Microseconds; requests."""
SMALL_LEASE = 1_000_000
"""Microseconds for a few."""


class Lease:
    """
    Requests of one caller that Redis has counted already and that are still to come, for a moment.

    So a caller who asks hundreds of times a second costs a few round trips. Nobody is let through who would not have
    been: what is leased was counted. It is at most half of what the caller asked within such a moment, or `few` of
    whoever was here within the last second, and what is left of it when the moment is over is lost to the caller.
    """

    __slots__ = (
        "_asked_before",
        "_asked_now",
        "_full_at",
        "_is_back",
        "_last",
        "_since",
        "_until",
        "enough",
        "few",
        "left",
        "pending",
    )

    def __init__(self, few: int = 1) -> None:
        self.few, self.enough = few, 0
        """Requests; when no more than enough are left there should be more."""
        self._last, self._is_back = -SMALL_LEASE, False
        self._since, self._asked_now, self._asked_before = 0, 0, 0
        self.left, self._full_at, self._until = 0, 0, 0
        self.pending = False
        """Whether several have been asked for and not answered yet."""

    def take(self, interval: int, now: int) -> int | None:
        """Use one: microseconds until the bucket would be full again. None where there is none."""
        if not self.left or now >= self._until:
            return None
        self.left -= 1
        return max(0, self._full_at - self.left * interval - now)

    def use(self, interval: int, now: int) -> int | None:
        """The same for a caller who comes with it."""
        full_in = self.take(interval, now)
        if full_in is not None:
            self.came(now)
        return full_in

    def next_size(self) -> int:
        """How many to ask for: one of whoever comes seldom, and while others have been asked for."""
        if self.pending:
            return 1
        return max(self.few if self._is_back else 1, self._of_the_busy())

    def size_ahead(self) -> int:
        """How many to ask for now, so that whoever comes often finds one at once; 0 while there are enough."""
        if self.left > self.enough or self.pending or (size := self._of_the_busy()) <= 1:
            return 0
        return max(0, size - self.left)

    def came(self, now: int) -> None:
        """The caller is here once more."""
        self._is_back, self._last = now - self._last < SMALL_LEASE, now
        if now - self._since >= LEASE:
            self._asked_before = self._asked_now if now - self._since < 2 * LEASE else 0
            self._since, self._asked_now = now, 0
        self._asked_now += 1

    def fill(self, size: int, full_in: int, now: int) -> None:
        """So many more have been counted, and the bucket will be full again in `full_in` microseconds."""
        self.left = size + (self.left if now < self._until else 0)
        self._full_at, self.enough = now + full_in, self.left // 2
        self._until = now + (SMALL_LEASE if self.left <= self.few else LEASE)

    def _of_the_busy(self) -> int:
        return min(LARGEST_LEASE, max(self._asked_now, self._asked_before) // 2)
