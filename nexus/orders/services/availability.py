"""
What is known to be sold out, from inventory's events, in Redis.

A hint that may refuse an order early and never promises one: without Redis every order is accepted and inventory's
database decides.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence

from django_redis import get_redis_connection
from redis.exceptions import RedisError

from nexus.contracts.inventory import StockLevelChanged

log = logging.getLogger("nexus.orders")

KEY = "orders:available:{sku}"
LIFETIME = 7 * 24 * 3600

# A later version wins whatever the order of arrival.
KEEP_NEWEST = """
for i, key in ipairs(KEYS) do
    local kept = redis.call('HGET', key, 'version')
    if not kept or tonumber(kept) < tonumber(ARGV[2 * i]) then
        redis.call('HSET', key, 'available', ARGV[2 * i - 1], 'version', ARGV[2 * i])
        redis.call('EXPIRE', key, ARGV[#ARGV])
    end
end
"""


def note_stock_levels(levels: Sequence[StockLevelChanged]) -> None:
    """Remember the newest level of each sku; without Redis there is nothing to remember it in, and no harm."""
    keys = [KEY.format(sku=level.sku) for level in levels]
    values = [value for level in levels for value in (level.available, level.version)]
    try:
        get_redis_connection("default").eval(KEEP_NEWEST, len(keys), *keys, *values, LIFETIME)
    except RedisError as why:
        log.warning("stock levels not noted: %s", why)


def list_sold_out(skus: Iterable[str] | Mapping[str, object]) -> list[str]:
    """Those known to have nothing left; none when Redis is away."""
    asked = list(skus)
    try:
        pipeline = get_redis_connection("default").pipeline(transaction=False)
        for sku in asked:
            pipeline.hget(KEY.format(sku=sku), "available")
        answers = pipeline.execute()
    except RedisError:
        return []
    return [sku for sku, left in zip(asked, answers, strict=True) if left is not None and int(left) <= 0]
