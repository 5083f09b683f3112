"""The stock level of a sku on the express lane: from the cache, or not at all."""

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
        found = selectors.level_in_cache(sku, await answer)
    except RedisAway:
        return refusal
    if refusal or found is None:
        return refusal
    tag = etag_of(sku, found.level.version, found.source)
    headers = [("ETag", tag)]
    if exchange.has(tag):
        return Reply(status=304, body=b"", headers=headers)
    return Reply(status=200, body=encode(level_as_json(found)), headers=headers)


ROUTES = [Route(method="GET", path="/api/v1/inventory/stock/*", handle=show_level, allow="GET, HEAD, OPTIONS")]
