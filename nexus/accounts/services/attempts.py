"""
Failed logins, counted per account and per address: after a few, each further one doubles the wait.

The count is kept in Redis, and in the process while Redis is away; when it fails it is left alone for a moment, for a
login asks it several times. Nobody is locked out for ever: a wait ends after `LONGEST_WAIT`, refused attempts do not
prolong it, and whoever once logged in from an address has a count of their own there, which strangers elsewhere cannot
raise. Names are keyed digests, so that Redis holds no personal data.
"""

import logging
import time
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from django.utils.crypto import salted_hmac
from redis.exceptions import RedisError

from nexus.accounts.exceptions import TooManyAttempts
from nexus.accounts.services.counters import Counters, MemoryCounters, RedisCounters

log = logging.getLogger("nexus.accounts")

FREE_PER_ACCOUNT, FREE_PER_ADDRESS = 5, 50
FIRST_WAIT, LONGEST_WAIT = 30, 900
REST = 1.0
"""Seconds without asking Redis again after it failed."""
FORGET_AFTER, KNOWN_FOR = 3600, 30 * 24 * 3600

T = TypeVar("T")
in_redis = RedisCounters()
in_process = MemoryCounters()
_resting_until = float("-inf")


def check(*, email: str, network: str) -> None:
    """:raises TooManyAttempts: this account or this address has to wait"""
    account, pair, caller = _names(email, network)
    known, *waits = _counted(lambda counters: counters.remaining([_known(pair), pair, account, caller]))
    wait = waits[0] if known else max(waits[1:])
    if wait:
        raise TooManyAttempts(retry_after=wait)


def failed(*, email: str, network: str) -> None:
    """Count a failure; what is one too many makes the next ones wait."""
    account, pair, caller = _names(email, network)
    if _counted(lambda counters: counters.remaining([_known(pair)]))[0]:
        _count(pair, FREE_PER_ACCOUNT)
    else:
        _count(account, FREE_PER_ACCOUNT)
        _count(caller, FREE_PER_ADDRESS)


def succeeded(*, email: str, network: str) -> None:
    """Forget the account's failures, and know it at this address from now on."""
    account, pair, _ = _names(email, network)
    known = _counted(lambda counters: counters.remaining([_known(pair)]))[0]
    _counted(lambda counters: counters.forget(pair if known else account))
    _counted(lambda counters: counters.hold(_known(pair), KNOWN_FOR))


def wake() -> None:
    """Ask Redis again at once, whatever happened before."""
    global _resting_until
    _resting_until = float("-inf")


def is_first(*, occasion: str, email: str, seconds: int) -> bool:
    """Whether this occasion did not happen for the address within the last `seconds`."""
    name = _digest(occasion, email)
    return _counted(lambda counters: counters.hold(name, seconds, only_if_free=True))


def _count(name: str, free: int) -> None:
    failures = _counted(partial(_increment, name))
    if failures >= free:
        wait = min(FIRST_WAIT * 2 ** min(failures - free, 10), LONGEST_WAIT)
        _counted(lambda counters: counters.hold(name, wait))


def _increment(name: str, counters: Counters) -> int:
    return counters.increment(name, FORGET_AFTER)


def _counted(operation: Callable[[Counters], T]) -> T:
    global _resting_until
    if time.monotonic() >= _resting_until:
        try:
            return operation(in_redis)
        except RedisError as away:
            log.warning("Failed logins are counted in this process alone: %s", away)
            _resting_until = time.monotonic() + REST
    return operation(in_process)


def _names(email: str, network: str) -> tuple[str, str, str]:
    return _digest("account", email), _digest("pair", email, network), _digest("network", network)


def _known(pair: str) -> str:
    return f"{pair}:known"


def _digest(kind: str, *parts: str) -> str:
    return f"accounts:{kind}:{salted_hmac(kind, ' '.join(parts), algorithm='sha256').hexdigest()[:40]}"
