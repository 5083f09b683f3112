"""The stock level of a sku on the express lane: from the cache, or not at all."""

from functools import lru_cache

from nexus.inventory import selectors
from nexus.inventory.api.serializers import level_as_json
from nexus.web.express import Exchange, Reply, Route
from nexus.web.express.exchange import encode
from nexus.web.express.pipe import RedisAway, redis
from nexus.web.views import etag_of


async def show_level(exchange: Exchange) -> Reply | None:
    """What the cache has; of all else the view takes care."""
    sku = exchange.name
    if exchange.query or not sku or not (exchange.is_anonymous or exchange.claims()):
        return None
    answer = redis().ask_together(*selectors.cache_question(sku))
    refusal = await exchange.admit()
    try:
        told = _told(sku, *await answer)
    except RedisAway:
        return refusal
    if refusal or told is None:
        return refusal
    tag, body = told
    headers = [("ETag", tag)]
    if exchange.has(tag):
        return Reply(status=304, body=b"", headers=headers)
    return Reply(status=200, body=body, headers=headers)


@lru_cache(maxsize=20_000)
def _told(sku: str, *answer: bytes | None) -> tuple[str, bytes] | None:
    """Tag and body for what Redis says of a sku; the same words make the same answer."""
    found = selectors.level_in_cache(sku, answer)
    if found is None:
        return None
    return etag_of(sku, found.level.version, found.source), encode(level_as_json(found))


ROUTES = [Route(method="GET", path="/api/v1/inventory/stock/*", handle=show_level, allow="GET, HEAD, OPTIONS")]
