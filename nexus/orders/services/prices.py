"""The price book: catalog's offers, the newest of each sku."""

from collections.abc import Iterator, Sequence

import msgspec
from django.db import connections, transaction

from nexus.contracts.catalog import OfferChanged
from nexus.eventbus.models import RelayCursor
from nexus.eventbus.rebuilding import from_log
from nexus.orders.models import DATABASE

RECORD = """
INSERT INTO orders_price (sku, name, prices, sellable, version)
SELECT * FROM unnest(%s::text[], %s::text[], %s::jsonb[], %s::boolean[], %s::bigint[])
ON CONFLICT (sku) DO UPDATE
SET name = excluded.name, prices = excluded.prices, sellable = excluded.sellable, version = excluded.version
WHERE orders_price.version < excluded.version
"""


REBUILDING = "rebuild prices"
"""Stands among the log's cursors while the price book is being made again: it may lack what is for sale."""


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


def drop_price_book() -> None:
    """Throw all prices away; until they are made again, what is missing is not said to be not for sale."""
    with transaction.atomic(using=DATABASE), connections[DATABASE].cursor() as cursor:
        _mark()
        cursor.execute("TRUNCATE orders_price")


def rebuild_price_book() -> Iterator[int]:
    """
    Make the price book again from all offers that catalog told; the sizes of the pages read.

    :raises SourceElsewhere: catalog's log is not here
    """
    _mark()
    yield from from_log("orders", OfferChanged)()
    RelayCursor.objects.using(DATABASE).filter(consumer=REBUILDING).delete()


def is_incomplete() -> bool:
    """Whether the price book is being made again, or a rebuild was broken off."""
    return RelayCursor.objects.using(DATABASE).filter(consumer=REBUILDING).exists()


def _mark() -> None:
    RelayCursor.objects.using(DATABASE).update_or_create(consumer=REBUILDING, defaults={"position": ""})
