"""
Offers as they were when last read, so that orders can be priced without asking.

Nobody has to be told of changes: an order is written only if the price book says the same at that moment, see
`Attempt`. What is remembered never refuses an order either.
"""

from collections.abc import Iterable

from nexus.orders.selectors import Offer, list_offers

MOST = 10_000
"""Offers in memory, some hundred bytes each; when more come, all others are forgotten."""

_offers: dict[str, Offer] = {}


def recall(skus: Iterable[str]) -> dict[str, Offer] | None:
    """The offers, if all of them are remembered."""
    try:
        return {sku: _offers[sku] for sku in skus}
    except KeyError:
        return None


def look_up(skus: Iterable[str]) -> dict[str, Offer]:
    """The known offers as they are now, by one statement; they are remembered."""
    found = list_offers(skus)
    if len(_offers) + len(found) > MOST:
        _offers.clear()
    _offers.update(found)
    return found


def forget(skus: Iterable[str]) -> None:
    """Have these looked up when they are asked for next."""
    for sku in skus:
        _offers.pop(sku, None)
