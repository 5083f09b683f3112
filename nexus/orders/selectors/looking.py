"""What is offered now, and which keys have placed something: one statement, on the event loop."""

from collections.abc import Iterable, Sequence

import msgspec

from nexus.eventbus.stores.postgres_line import Line
from nexus.eventbus.stores.postgres_rows import array_of
from nexus.orders.models import DATABASE
from nexus.orders.selectors.orders import Offer

LOOK = """
SELECT sku, name, prices::text, sellable, (SELECT available FROM orders_stockhint AS hint WHERE hint.sku = price.sku),
       NULL::bigint
FROM orders_price AS price WHERE sku = ANY($1::text[])
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, place
FROM unnest($2::uuid[], $3::text[]) WITH ORDINALITY AS asked(customer_id, key, place)
JOIN orders_placementclaim USING (customer_id, key)
"""
line = Line(DATABASE, LOOK)


async def look(
    skus: Iterable[str], customers: Sequence[str], keys: Sequence[str | None]
) -> tuple[dict[str, Offer], set[int]]:
    """
    The offers, as `list_offers` has them, and at which places are keys that placed something for their customers, both
    as of one moment.

    :raises psycopg.Error: PostgreSQL does not say
    """
    rows = await line.ask(*(array_of(each).encode() for each in (sorted(skus), customers, keys)))
    offers: dict[str, Offer] = {}
    claimed: set[int] = set()
    for sku, name, prices, sellable, available, place in rows:
        if sku is None or name is None or prices is None:
            claimed.add(int(place or 0) - 1)
        else:
            offers[sku.decode()] = Offer(
                name=name.decode(),
                prices=msgspec.json.decode(prices),
                sellable=sellable == b"t",
                available=None if available is None else int(available),
            )
    return offers, claimed
