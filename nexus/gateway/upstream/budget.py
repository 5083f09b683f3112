"""
A retry budget: retries are a share of requests, so that a service in trouble does not get more work than a healthy one
(*Site Reliability Engineering*, ch. 22; the token bucket is Finagle's).
"""

SHARE = 0.1
RESERVE = 5.0
MOST = 50.0


class Budget:
    """Each request pays in a tenth of a retry; a few are there from the beginning, for a shop with little to do."""

    def __init__(self, *, share: float = SHARE, reserve: float = RESERVE, most: float = MOST) -> None:
        self._share, self._most = share, most
        self._balance = reserve

    def deposit(self) -> None:
        """A request came."""
        self._balance = min(self._balance + self._share, self._most)

    def withdraw(self) -> bool:
        """Whether it may be tried once more."""
        # A tenth is not exact in binary: ten deposits must make one retry.
        if self._balance < 1.0 - 1e-9:
            return False
        self._balance -= 1.0
        return True
