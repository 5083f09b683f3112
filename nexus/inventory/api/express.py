"""The stock level of a sku on the express lane: from the cache, or not at all."""

import math
from functools import lru_cache

from nexus.inventory import selectors
from nexus.inventory.api.serializers import level_as_json
from nexus.web.express import Exchange, Reply, Route
from nexus.web.express.exchange import Tagged, encode
from nexus.web.express.known import known, watch
from nexus.web.express.pipe import RedisAway, redis
from nexus.web.express.ready import Standing
from nexus.web.views import etag_of

LONGEST_SKU = 64
"""Letters. What is asked for is remembered, so it must not be as long as whoever asks likes."""


def show_known_level(exchange: Exchange) -> Standing | None:
    """What the cache would have, without asking it."""
    sku = exchange.name
    if not _is_plain(exchange):
        return None
    question = selectors.cache_question(sku)
    answer = known().find(question, turn=exchange.turn)
    if answer is None or (told := _told(sku, *answer)) is None or not exchange.admit_early():
        return None
    return Standing(told.for_(exchange), question, answer, math.inf)


async def show_level(exchange: Exchange) -> Reply | None:
    """What the cache has; of all else the view takes care."""
    sku = exchange.name
    if not _is_plain(exchange):
        return None
    question = selectors.cache_question(sku)
    answer = known().ask_through(redis(), question, about=question[1:2])
    refusal = await exchange.admit()
    try:
        told = _told(sku, *await answer)
    except RedisAway:
        return refusal
    return refusal or (told.for_(exchange) if told else None)


def _is_plain(exchange: Exchange) -> bool:
    return (
        not exchange.query
        and 0 < len(exchange.name) <= LONGEST_SKU
        and (exchange.is_anonymous or exchange.claims() is not None)
    )


@lru_cache(maxsize=20_000)
def _told(sku: str, *answer: bytes | None) -> Tagged | None:
    """The answer to what Redis says of a sku; the same words make the same one."""
    found = selectors.level_in_cache(sku, answer)
    if found is None:
        return None
    return Tagged(etag_of(sku, found.level.version, found.source), encode(level_as_json(found)))


watch(selectors.CACHE_PREFIX)
ROUTES = [
    Route(
        method="GET",
        path="/api/v1/inventory/stock/*",
        handle=show_level,
        early=show_known_level,
        allow="GET, HEAD, OPTIONS",
    )
]
