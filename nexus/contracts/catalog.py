"""What catalog tells: what is for sale and at which price."""

from dataclasses import dataclass

from nexus.contracts.base import Event


@dataclass(frozen=True, kw_only=True)
class OfferChanged(Event, name="catalog.offer-changed.v1"):
    """
    The present offer of one sku, whole: consumers keep the one with the highest `version`.

    `prices` maps currencies to minor units; `name` is the product's with its variant's; an offer that is not
    `sellable` is a draft, archived or deleted.
    """

    sku: str
    name: str
    prices: dict[str, int]
    sellable: bool
    version: int

    @property
    def subject(self) -> str:
        return self.sku
