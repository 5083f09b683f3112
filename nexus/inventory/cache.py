"""
Levels in Redis under ``stock:{sku}``: a copy that may be stale or gone, written only by comparing versions.

Nothing is sold by it. When Redis is away, every function does nothing and says so once in the log.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django_redis import get_redis_connection
from redis.exceptions import RedisError

log = logging.getLogger("nexus.inventory")

KEY = "stock:{sku}"
LIFETIME = 7 * 24 * 3600

# Arguments: available, version, as_of for each key, then the lifetime. An older version never replaces a newer one.
KEEP_NEWEST = """
local kept = 0
for i, key in ipairs(KEYS) do
    local version = redis.call('HGET', key, 'version')
    if not version or tonumber(version) < tonumber(ARGV[3 * i - 1]) then
        redis.call('HSET', key, 'available', ARGV[3 * i - 2], 'version', ARGV[3 * i - 1], 'as_of', ARGV[3 * i])
        redis.call('EXPIRE', key, ARGV[#ARGV])
        kept = kept + 1
    end
end
return kept
"""


@dataclass(frozen=True, kw_only=True)
class Level:
    """How many of a sku could be sold when it was at `version`."""

    sku: str
    available: int
    version: int
    as_of: datetime


def keep_newest(levels: Sequence[Level]) -> None:
    """Put levels into the cache unless it has newer ones."""
    keys = [KEY.format(sku=level.sku) for level in levels]
    values = [value for each in levels for value in (each.available, each.version, each.as_of.timestamp())]
    try:
        get_redis_connection("default").eval(KEEP_NEWEST, len(keys), *keys, *values, LIFETIME)
    except RedisError as why:
        log.warning("stock cache not refreshed: %s", why)


def find_levels(skus: Sequence[str]) -> dict[str, Level]:
    """The levels that the cache has, in one round trip."""
    try:
        pipeline = get_redis_connection("default").pipeline(transaction=False)
        for sku in skus:
            pipeline.hmget(KEY.format(sku=sku), "available", "version", "as_of")
        answers = pipeline.execute()
    except RedisError as why:
        log.warning("stock cache not read: %s", why)
        return {}
    return {
        sku: Level(
            sku=sku, available=int(left), version=int(version), as_of=datetime.fromtimestamp(float(as_of), tz=UTC)
        )
        for sku, (left, version, as_of) in zip(skus, answers, strict=True)
        if left is not None
    }
