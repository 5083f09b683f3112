"""
Levels in Redis under ``stock:{sku}``: a copy that may be stale or gone, written only by comparing versions.

Nothing is sold by it. When Redis is away, or hangs, it is left alone for a moment: waiting for it once in a while is
bearable, in every request it is not.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache

from django_redis import get_redis_connection
from redis.exceptions import RedisError

from nexus.telemetry import figures

log = logging.getLogger("nexus.inventory")

KEY = "stock:{sku}"
PREFIX = KEY.format(sku="").encode()
LIFETIME = 7 * 24 * 3600
REST = 1.0
_resting_until = float("-inf")

# Arguments: available, version, as_of for each key, then the lifetime. An older version never replaces a newer one;
# answers how many came too late.
KEEP_NEWEST = """
local late = 0
for i, key in ipairs(KEYS) do
    local version = redis.call('HGET', key, 'version')
    if not version or tonumber(version) < tonumber(ARGV[3 * i - 1]) then
        redis.call('HSET', key, 'available', ARGV[3 * i - 2], 'version', ARGV[3 * i - 1], 'as_of', ARGV[3 * i])
        redis.call('EXPIRE', key, ARGV[#ARGV])
    elseif tonumber(version) > tonumber(ARGV[3 * i - 1]) then
        late = late + 1
    end
end
return late
"""


@dataclass(frozen=True, kw_only=True)
class Level:
    """How many of a sku could be sold when it was at `version`."""

    sku: str
    available: int
    version: int
    as_of: datetime


def is_there() -> bool:
    """False for a moment after it was found to be away."""
    return time.monotonic() >= _resting_until


def wake() -> None:
    """Ask again at once, whatever happened before."""
    global _resting_until
    _resting_until = float("-inf")


def _rest(why: RedisError) -> None:
    global _resting_until
    _resting_until = time.monotonic() + REST
    log.warning("the stock cache is away: %s", why)


def keep_newest(levels: Sequence[Level]) -> bool:
    """Put levels into the cache unless it has newer ones; False when the cache is away."""
    keys = [KEY.format(sku=level.sku) for level in levels]
    values = [value for each in levels for value in (each.available, each.version, each.as_of.timestamp())]
    if not is_there():
        return False
    try:
        late = get_redis_connection("default").eval(KEEP_NEWEST, len(keys), *keys, *values, LIFETIME)
    except RedisError as why:
        _rest(why)
        return False
    figures.cache_rejected.inc(late)
    return True


def forget(skus: Sequence[str]) -> None:
    """Take levels out of the cache; the next reader fetches them from the database."""
    try:
        get_redis_connection("default").delete(*(KEY.format(sku=sku) for sku in skus))
    except RedisError as why:
        _rest(why)


def clear() -> None:
    """
    Take all levels out of the cache.

    :raises RedisError: it is away
    """
    redis = get_redis_connection("default")
    for key in redis.scan_iter(KEY.format(sku="*"), count=1000):
        redis.delete(key)


def list_all() -> Iterator[Level]:
    """
    Every level in the cache, by rising sku.

    :raises RedisError: it is away
    """
    found = get_redis_connection("default").scan_iter(KEY.format(sku="*"), count=1000)
    skus = sorted({key.decode().removeprefix(KEY.format(sku="")) for key in found})
    for start in range(0, len(skus), 1000):
        yield from find_levels(skus[start : start + 1000]).values()


FIELDS = ("available", "version", "as_of")


@lru_cache(maxsize=20_000)
def question_of(sku: str) -> tuple[bytes, ...]:
    """The command that asks Redis for a level, for whoever has a connection of their own."""
    return (b"HMGET", KEY.format(sku=sku).encode(), *(name.encode() for name in FIELDS))


def level_of(sku: str, answer: Sequence[bytes | None]) -> Level | None:
    """What Redis answered."""
    available, version, as_of = answer
    if available is None or version is None or as_of is None:
        return None
    at = datetime.fromtimestamp(float(as_of), tz=UTC)
    return Level(sku=sku, available=int(available), version=int(version), as_of=at)


def find_levels(skus: Sequence[str]) -> dict[str, Level]:
    """The levels that the cache has, in one round trip."""
    if not is_there():
        return {}
    try:
        pipeline = get_redis_connection("default").pipeline(transaction=False)
        for sku in skus:
            pipeline.hmget(KEY.format(sku=sku), *FIELDS)
        answers = pipeline.execute()
    except RedisError as why:
        _rest(why)
        return {}
    levels = (level_of(sku, answer) for sku, answer in zip(skus, answers, strict=True))
    return {level.sku: level for level in levels if level}
