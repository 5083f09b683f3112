"""What is offered now, and which keys have placed something: one statement, on the event loop."""

from collections.abc import Collection, Iterable
from uuid import UUID

import msgspec

from nexus.eventbus.stores.postgres_line import Line
from nexus.eventbus.stores.postgres_rows import array_of
from nexus.orders.models import DATABASE
from nexus.orders.selectors.orders import Offer

LOOK = """
SELECT sku, name, prices::text, sellable, (SELECT available FROM orders_stockhint AS hint WHERE hint.sku = price.sku),
       NULL::uuid, NULL::text
FROM orders_price AS price WHERE sku = ANY($1::text[])
UNION ALL
SELECT NULL, NULL, NULL, NULL, NULL, customer_id, key
FROM orders_placementclaim JOIN unnest($2::uuid[], $3::text[]) AS asked(customer_id, key) USING (customer_id, key)
"""
line = Line(DATABASE, LOOK)


async def look(
    skus: Iterable[str], pairs: Collection[tuple[UUID, str]]
) -> tuple[dict[str, Offer], set[tuple[UUID, str]]]:
    """
    As `list_offers` and `list_claimed`, both as of one moment.

    :raises psycopg.Error: PostgreSQL does not say
    """
    customers, keys = [customer for customer, _ in pairs], [key for _, key in pairs]
    rows = await line.ask(*(array_of(each).encode() for each in (sorted(skus), customers, keys)))
    offers: dict[str, Offer] = {}
    claimed: set[tuple[UUID, str]] = set()
    for sku, name, prices, sellable, available, customer, key in rows:
        if sku is None or name is None or prices is None:
            claimed.add((UUID((customer or b"").decode()), (key or b"").decode()))
        else:
            offers[sku.decode()] = Offer(
                name=name.decode(),
                prices=msgspec.json.decode(prices),
                sellable=sellable == b"t",
                available=None if available is None else int(available),
            )
    return offers, claimed
