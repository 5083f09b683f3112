"""
The rate limit: the generic cell rate algorithm (ITU-T I.371, annex A), which needs one number per caller.

Exact under concurrency because Redis runs the script alone. Without Redis each process limits by itself, so that a
dead cache neither opens the door nor shuts it.
"""

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import msgspec
from django_redis import get_redis_connection
from hiredis import ReplyError
from msgspec.structs import replace
from redis.exceptions import RedisError

from nexus.gateway.leases import Lease
from nexus.gateway.policies import Account, Policy
from nexus.web.express.pipe import Pipe, RedisAway, Script

log = logging.getLogger("nexus.gateway")

# KEYS: callers. ARGV, three for each: microseconds between requests, microseconds of burst, how many requests to count;
# of several as many as leave half of the burst. A key holds the theoretical arrival time. Answers for each
# {how many were allowed, microseconds until the bucket is full again, microseconds until one more fits}.
GCRA = """
local now = redis.call('TIME')
now = now[1] * 1000000 + now[2]
local told = {}
for place, caller in ipairs(KEYS) do
    local last = 3 * place
    local interval, burst, wanted = tonumber(ARGV[last - 2]), tonumber(ARGV[last - 1]), tonumber(ARGV[last])
    local arrival = math.max(tonumber(redis.call('GET', caller) or now), now)
    if arrival + interval - now > burst then
        told[place] = {0, arrival - now, arrival + interval - now - burst}
    else
        wanted = math.max(1, math.min(wanted, math.floor((burst / 2 - arrival + now) / interval)))
        arrival = arrival + wanted * interval
        redis.call('SET', caller, string.format('%.0f', arrival), 'PX', math.ceil((arrival - now) / 1000) + 1)
        told[place] = {wanted, arrival - now, 0}
    end
end
return told
"""
GCRA_SCRIPT = Script(GCRA)
REST = 1.0
"""Seconds without asking Redis again after it failed: a Redis that hangs must not slow every request."""
MOST_LEASES = 10_000
"""Callers."""


class Verdict(msgspec.Struct, frozen=True):
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


def limit_lines(verdict: Verdict, policy: Policy) -> bytes:
    """
    What an answer says of the limit, as it goes out.

    https://datatracker.ietf.org/doc/draft-ietf-httpapi-ratelimit-headers
    """
    return policy.lines % (verdict.remaining, verdict.reset)


Told = tuple[int, int, int]
"""What the script answers of a caller."""


class Asking(msgspec.Struct):
    """Redis is to count `size` requests under the lease."""

    bucket: str
    policy: Policy
    lease: Lease
    size: int


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
        full_in = self._use(account, int(self._clock() * 1_000_000), pipe)
        return None if full_in is None else _allowed(account.policy, full_in)

    def tell_at_once(self, pipe: Pipe, account: Account) -> bytes | None:
        """The same, as `limit_lines` tells of it."""
        full_in = self._use(account, int(self._clock() * 1_000_000), pipe)
        if full_in is None:
            return None
        policy = account.policy
        remaining = (policy.burst - full_in) // policy.interval
        return policy.lines % (remaining if remaining > 0 else 0, -(-full_in // 1_000_000))

    def _use(self, account: Account, now: int, pipe: Pipe | None = None) -> int | None:
        """One that was counted ahead; there is a pipe to ask for more of them if they get few."""
        bucket, policy = account
        lease = self._leases.get(bucket)
        # What costs more than one is never taken from what was counted ahead, one by one.
        if lease is None or policy.cost != 1 or (full_in := lease.use(policy.interval, now)) is None:
            return None
        if pipe and lease.left <= lease.enough and (size := lease.size_ahead()):
            lease.pending = True
            self._leases.move_to_end(bucket)
            asked = pipe.ask(*GCRA_SCRIPT.words([_key_of(bucket)], *policy.words, b"%d" % size))
            asked.add_done_callback(partial(self._lengthen, lease))
        return full_in

    def _lengthen(self, lease: Lease, asked: "asyncio.Future[Any]") -> None:
        """More of them, before the last is used. Where that failed the next request that finds none asks itself."""
        lease.pending = False
        if not asked.cancelled() and not asked.exception():
            [(allowed, full_in, _)] = asked.result()
            if allowed:
                lease.fill(allowed, full_in, int(self._clock() * 1_000_000))

    async def check_all(self, pipe: Pipe, accounts: Sequence[Account]) -> list[Verdict]:
        """Count one request of each, with one question for all for whom none was counted ahead."""
        now = int(self._clock() * 1_000_000)
        left = [self._use(account, now) for account in accounts]
        missing = [place for place, full_in in enumerate(left) if full_in is None]
        asking = [self._asking(accounts[place], now) for place in missing]
        try:
            told = await self._told(pipe, asking) if asking else []
        finally:
            for each in asking:
                each.lease.pending = each.lease.pending and each.size == 1
        settled = map(self._settle, asking, told)
        return [
            next(settled) if full_in is None else _allowed(account.policy, full_in)
            for account, full_in in zip(accounts, left, strict=True)
        ]

    def _asking(self, account: Account, now: int) -> "Asking":
        bucket, policy = account
        if policy.cost != 1:
            return Asking(bucket, policy, Lease(), size=1)
        lease = self._lease_of(account)
        lease.came(now)
        size = lease.next_size()
        lease.pending = lease.pending or size > 1
        return Asking(bucket, policy, lease, size)

    async def _told(self, pipe: Pipe, asking: "Sequence[Asking]") -> Sequence["Told | None"]:
        """What Redis says of each; None where it says nothing."""
        words = [word for each in asking for word in (*each.policy.words, b"%d" % each.size)]
        try:
            told: Sequence[Told] = await GCRA_SCRIPT(pipe, [_key_of(each.bucket) for each in asking], *words)
        except (RedisAway, ReplyError):
            return [None] * len(asking)
        return told

    def _settle(self, asked: "Asking", told: "Told | None") -> Verdict:
        policy, lease = asked.policy, asked.lease
        if told is None:
            return _verdict(policy, *self._local.ask(asked.bucket, policy))
        allowed, full_in, wait = told
        now = int(self._clock() * 1_000_000)
        if allowed:
            lease.fill(allowed, full_in, now)
        # Whoever is one too many may have one that was counted for this caller before.
        left = lease.take(policy.interval, now)
        return _verdict(policy, 0, full_in, wait) if left is None else _allowed(policy, left)

    def _lease_of(self, account: Account) -> Lease:
        bucket, policy = account
        if (lease := self._leases.get(bucket)) is None:
            lease = self._leases[bucket] = Lease(policy.few)
            if len(self._leases) > MOST_LEASES:
                self._leases.popitem(last=False)
        else:
            self._leases.move_to_end(bucket)
        return lease

    def _ask(self, caller: str, policy: Policy) -> tuple[int, int, int]:
        if time.monotonic() >= self._resting_until:
            try:
                redis = get_redis_connection("default")
                [told] = redis.eval(GCRA, 1, f"rate:{caller}", policy.interval, policy.burst, 1)
            except RedisError as why:
                log.warning("rate limits are local for now: %s", why)
                self._resting_until = time.monotonic() + REST
            else:
                allowed, full_in, wait = told
                return allowed, full_in, wait
        return self._local.ask(caller, policy)


def _allowed(policy: Policy, full_in: int) -> Verdict:
    remaining = (policy.burst - full_in) // policy.interval
    # Seconds, rounded up.
    return Verdict(True, remaining if remaining > 0 else 0, -(-full_in // 1_000_000), 1)


def _verdict(policy: Policy, allowed: int, full_in: int, wait: int) -> Verdict:
    verdict = _allowed(policy, full_in)
    return replace(verdict, allowed=bool(allowed), retry_after=-(-wait // 1_000_000) or 1)


def _key_of(caller: str) -> bytes:
    return b"rate:" + caller.encode()


limiter = RateLimiter()
