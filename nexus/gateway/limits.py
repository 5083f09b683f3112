"""
The rate limit: the generic cell rate algorithm (ITU-T I.371, annex A), which needs one number per caller.

Exact under concurrency because Redis runs the script alone. Without Redis each process limits by itself, so that a
dead cache neither opens the door nor shuts it.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property, lru_cache, partial
from typing import Any, NamedTuple

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver
from django_redis import get_redis_connection
from hiredis import ReplyError
from redis.exceptions import RedisError

from nexus.gateway.leases import Lease
from nexus.web.express.pipe import Pipe, RedisAway, Script

log = logging.getLogger("nexus.gateway")

# KEYS[1]: the caller. ARGV: microseconds between requests, microseconds of burst, how many requests to count; more than
# one only while half of the burst is left. The key holds the theoretical arrival time. Answers {how many were allowed,
# microseconds until the bucket is full again, microseconds until one more fits}.
GCRA = """
local now = redis.call('TIME')
now = now[1] * 1000000 + now[2]
local interval, burst, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local arrival = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
if arrival + interval - now > burst then
    return {0, arrival - now, arrival + interval - now - burst}
end
if (arrival + wanted * interval - now) * 2 > burst then
    wanted = 1
end
arrival = arrival + wanted * interval
redis.call('SET', KEYS[1], string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000) + 1)
return {wanted, arrival - now, 0}
"""
GCRA_SCRIPT = Script(GCRA)
REST = 1.0
"""Seconds without asking Redis again after it failed: a Redis that hangs must not slow every request."""
MOST_LEASES = 10_000
"""Callers."""


@dataclass(frozen=True)
class Policy:
    """So many requests in so many seconds, evenly refilled; a request may cost as much as several."""

    count: int
    seconds: int
    name: str = "default"
    cost: int = 1

    @staticmethod
    @cache
    def of_settings() -> "Policy":
        """What ``NEXUS_RATE_LIMIT`` says; a count of 0 means no limit."""
        return Policy(*settings.RATE_LIMIT)

    @staticmethod
    def of(path: str, claims: Mapping[str, Any] | None = None) -> "Policy":
        """
        The policy for a request: that of the path's class if there is one (``RATE_CLASSES``), else that of the first
        scope in the token that has one of its own (``NEXUS_RATE_LIMITS``), else the usual.
        """
        scope = str(claims["scope"]) if claims and settings.RATE_LIMITS else ""
        return _policy_of(Policy.kind_of(path), scope)

    @staticmethod
    def kind_of(path: str) -> str:
        """The class of a path; most have none, and are alike."""
        kind: str = settings.RATE_CLASSES.get(path.rstrip("/"), "")
        return kind

    @cached_property
    def interval(self) -> int:
        """Microseconds that one request takes of the bucket; one is the least there is."""
        return self.cost * self._spacing

    @cached_property
    def burst(self) -> int:
        """Microseconds' worth of requests that may come at once."""
        return self._spacing * self.count

    @cached_property
    def _spacing(self) -> int:
        return max(1, self.seconds * 1_000_000 // self.count)

    def bucket(self, caller: str) -> str:
        """Where the caller's requests of this kind are counted."""
        return caller if self.name == "default" else f"{self.name}:{caller}"

    @cached_property
    def words(self) -> tuple[bytes, bytes]:
        """The arguments of the script."""
        return b"%d" % self.interval, b"%d" % self.burst

    @cached_property
    def line(self) -> tuple[bytes, bytes]:
        """What tells a caller of it."""
        return b"ratelimit-policy", b'"%s";q=%d;w=%d' % (self.name.encode(), self.count, self.seconds)


@receiver(setting_changed)
def _forget_policy(**_: object) -> None:
    Policy.of_settings.cache_clear()
    _policy_of.cache_clear()


@lru_cache(maxsize=1_000)
def _policy_of(kind: str, scope: str) -> Policy:
    usual = Policy.of_settings()
    if not usual.count:
        return usual
    name = next((each for each in (kind, *scope.split()) if each in settings.RATE_LIMITS), "default")
    count, seconds = settings.RATE_LIMITS.get(name, (usual.count, usual.seconds))
    # Nobody's whole bucket is smaller than what one request costs.
    return Policy(count, seconds, name=name, cost=min(settings.RATE_COSTS.get(kind, 1), count))


class Verdict(NamedTuple):
    """Whether the request may pass, how many more may, and in how many seconds the next may if not."""

    allowed: bool
    remaining: int
    reset: int
    retry_after: int


@dataclass
class LocalBuckets:
    """The same algorithm in this process's memory, for when Redis is away; forgets the longest unseen callers."""

    capacity: int = 10_000
    clock: Callable[[], float] = time.monotonic
    _arrivals: "OrderedDict[str, int]" = field(default_factory=OrderedDict)

    def ask(self, caller: str, policy: Policy) -> tuple[int, int, int]:
        now = int(self.clock() * 1_000_000)
        arrival = max(self._arrivals.get(caller, now), now)
        if arrival + policy.interval - now > policy.burst:
            return 0, arrival - now, arrival + policy.interval - now - policy.burst
        self._arrivals[caller] = arrival + policy.interval
        self._arrivals.move_to_end(caller)
        while len(self._arrivals) > self.capacity:
            self._arrivals.popitem(last=False)
        return 1, arrival + policy.interval - now, 0


def limit_lines(verdict: Verdict, policy: Policy) -> tuple[tuple[bytes, bytes], ...]:
    """
    What an answer says of the limit, as it goes out.

    https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers
    """
    told = (policy.name.encode(), verdict.remaining, verdict.reset)
    return policy.line, (b"ratelimit", b'"%s";r=%d;t=%d' % told)


class Account(NamedTuple):
    """Where the requests of a caller under a policy are counted, for whoever comes again and again."""

    bucket: str
    policy: Policy


class RateLimiter:
    """Limits callers by a policy."""

    def __init__(self, local: LocalBuckets | None = None, clock: Callable[[], float] = time.monotonic) -> None:
        self._local, self._clock = local or LocalBuckets(), clock
        self._resting_until = float("-inf")
        self._leases: OrderedDict[str, Lease] = OrderedDict()

    def check(self, caller: str, policy: Policy) -> Verdict:
        """Count one request of the caller."""
        return _verdict(policy, *self._ask(policy.bucket(caller), policy))

    def check_at_once(self, pipe: Pipe, account: Account) -> Verdict | None:
        """Count one request where one was counted ahead; None, and nothing is done, where none was."""
        bucket, policy = account
        lease, now = self._leases.get(bucket), int(self._clock() * 1_000_000)
        if lease is None or policy.cost != 1 or (full_in := lease.take(policy.interval, now)) is None:
            return None
        lease.came(now)
        if size := lease.size_ahead():
            lease.pending = True
            asked = pipe.ask(*GCRA_SCRIPT.words([_key_of(bucket)], *policy.words, b"%d" % size))
            asked.add_done_callback(partial(self._lengthen, lease))
        return _verdict(policy, 1, full_in, 0)

    def _lengthen(self, lease: Lease, asked: "asyncio.Future[Any]") -> None:
        """More of them, before the last is used. Where that failed the next request that finds none asks itself."""
        lease.pending = False
        if not asked.cancelled() and not asked.exception():
            allowed, full_in, _ = asked.result()
            if allowed:
                lease.fill(allowed, full_in, int(self._clock() * 1_000_000))

    async def check_in_turn(self, pipe: Pipe, caller: str, policy: Policy) -> Verdict:
        """The same on the event loop; of whoever comes often, several requests are counted ahead."""
        caller = policy.bucket(caller)
        # What costs more than one is never taken from what was counted ahead, one by one.
        lease, now = self._lease_of(caller) if policy.cost == 1 else Lease(), int(self._clock() * 1_000_000)
        lease.came(now)
        if (full_in := lease.take(policy.interval, now)) is not None:
            return _verdict(policy, 1, full_in, 0)
        size = lease.next_size() if policy.cost == 1 else 1
        lease.pending = lease.pending or size > 1
        try:
            told = await GCRA_SCRIPT(pipe, [_key_of(caller)], *policy.words, b"%d" % size)
        except (RedisAway, ReplyError):
            return _verdict(policy, *self._local.ask(caller, policy))
        finally:
            lease.pending = lease.pending and size == 1
        return self._settle(lease, policy, *told)

    def _settle(self, lease: Lease, policy: Policy, allowed: int, full_in: int, wait: int) -> Verdict:
        now = int(self._clock() * 1_000_000)
        if allowed:
            lease.fill(allowed, full_in, now)
        # Whoever is one too many may have one that was counted for this caller before.
        left = lease.take(policy.interval, now)
        return _verdict(policy, 0, full_in, wait) if left is None else _verdict(policy, 1, left, 0)

    def _lease_of(self, caller: str) -> Lease:
        if (lease := self._leases.get(caller)) is None:
            lease = self._leases[caller] = Lease()
            if len(self._leases) > MOST_LEASES:
                self._leases.popitem(last=False)
        else:
            self._leases.move_to_end(caller)
        return lease

    def _ask(self, caller: str, policy: Policy) -> tuple[int, int, int]:
        if time.monotonic() >= self._resting_until:
            try:
                redis = get_redis_connection("default")
                allowed, full_in, wait = redis.eval(GCRA, 1, f"rate:{caller}", policy.interval, policy.burst, 1)
            except RedisError as why:
                log.warning("rate limits are local for now: %s", why)
                self._resting_until = time.monotonic() + REST
            else:
                return allowed, full_in, wait
        return self._local.ask(caller, policy)


def _verdict(policy: Policy, allowed: int, full_in: int, wait: int) -> Verdict:
    remaining = (policy.burst - full_in) // policy.interval
    # Seconds, rounded up.
    reset, retry_after = -(-full_in // 1_000_000), -(-wait // 1_000_000)
    return Verdict(bool(allowed), remaining if remaining > 0 else 0, reset, retry_after or 1)


def _key_of(caller: str) -> bytes:
    return b"rate:" + caller.encode()


limiter = RateLimiter()
