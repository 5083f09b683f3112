"""What is told about a product: the offer of each sku that became another."""

from collections.abc import Iterable, Sequence

from nexus.catalog.models import PUBLISHED, ProductRow
from nexus.contracts.base import Envelope, enclose
from nexus.contracts.catalog import OfferChanged


def changed_offers(*, before: ProductRow | None, after: ProductRow) -> list[Envelope[OfferChanged]]:
    """One offer for each sku that is new or whose offer differs, and a last one for each that is gone."""
    old = _offers(before, version=after["version"]) if before else {}
    new = _offers(after, version=after["version"])
    changed = [offer for sku, offer in new.items() if old.get(sku) != offer]
    return _enclosed([*changed, *(_last(offer) for sku, offer in old.items() if sku not in new)])


def last_offers(*, product: ProductRow, version: int) -> list[Envelope[OfferChanged]]:
    """The offers of a product that is being deleted: none is for sale any more."""
    return _enclosed(_last(offer) for offer in _offers(product, version=version).values())


def skus_of(product: ProductRow | None) -> Sequence[str]:
    return [variant["sku"] for variant in product["variants"]] if product else []


def _offers(product: ProductRow, *, version: int) -> dict[str, OfferChanged]:
    return {
        variant["sku"]: OfferChanged(
            sku=variant["sku"],
            name=f"{product['name']} {variant['name']}".rstrip(),
            prices={price["currency"]: price["amount"] for price in variant["prices"]},
            sellable=product["status"] == PUBLISHED,
            version=version,
        )
        for variant in product["variants"]
    }


def _last(offer: OfferChanged) -> OfferChanged:
    return OfferChanged(sku=offer.sku, name=offer.name, prices=offer.prices, sellable=False, version=offer.version)


def _enclosed(offers: Iterable[OfferChanged]) -> list[Envelope[OfferChanged]]:
    return [enclose(offer, sequence=offer.version) for offer in offers]
