"""Opening a stock item for whatever catalog offers."""

from collections.abc import Sequence

from django.db import connections

from nexus.contracts.catalog import OfferChanged
from nexus.inventory.models import DATABASE, MAIN_LOCATION

OPEN = """
WITH offer AS (
    SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[]) AS t(sku, name, version)
), item AS (
    INSERT INTO inventory_item (sku, name, offer_version) SELECT * FROM offer
    ON CONFLICT (sku) DO UPDATE SET name = excluded.name, offer_version = excluded.offer_version
    WHERE inventory_item.offer_version < excluded.offer_version
)
INSERT INTO inventory_stock (sku, location_id, on_hand, reserved, version, updated_at)
SELECT offer.sku, location.id, 0, 0, 0, clock_timestamp()
FROM offer JOIN inventory_location AS location ON location.code = %s
ON CONFLICT DO NOTHING
"""


def open_items(offers: Sequence[OfferChanged]) -> None:
    """Know every offered sku by its newest name, with nothing on hand at first."""
    newest = {offer.sku: offer for offer in sorted(offers, key=lambda offer: offer.version)}
    ordered = [newest[sku] for sku in sorted(newest)]
    with connections[DATABASE].cursor() as cursor:
        cursor.execute(
            OPEN,
            [
                [offer.sku for offer in ordered],
                [offer.name for offer in ordered],
                [offer.version for offer in ordered],
                MAIN_LOCATION,
            ],
        )
