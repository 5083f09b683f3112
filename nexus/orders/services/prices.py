"""The price book: catalog's offers, the newest of each sku."""

from collections.abc import Sequence

import msgspec
from django.db import connections

from nexus.contracts.catalog import OfferChanged
from nexus.orders.models import DATABASE

RECORD = """
INSERT INTO orders_price (sku, name, prices, sellable, version)
SELECT * FROM unnest(%s::text[], %s::text[], %s::jsonb[], %s::boolean[], %s::bigint[])
ON CONFLICT (sku) DO UPDATE
SET name = excluded.name, prices = excluded.prices, sellable = excluded.sellable, version = excluded.version
WHERE orders_price.version < excluded.version
"""


def record_offers(offers: Sequence[OfferChanged]) -> None:
    """Keep the newest offer of each sku; older and repeated news change nothing."""
    newest: dict[str, OfferChanged] = {}
    for offer in sorted(offers, key=lambda offer: offer.version):
        newest[offer.sku] = offer
    ordered = [newest[sku] for sku in sorted(newest)]
    with connections[DATABASE].cursor() as cursor:
        cursor.execute(
            RECORD,
            [
                [offer.sku for offer in ordered],
                [offer.name for offer in ordered],
                [msgspec.json.encode(offer.prices).decode() for offer in ordered],
                [offer.sellable for offer in ordered],
                [offer.version for offer in ordered],
            ],
        )
