"""What catalog tells: what is for sale and at which price."""

from dataclasses import dataclass
from typing import Annotated

from nexus.contracts.base import Event


@dataclass(frozen=True, kw_only=True)
class OfferChanged(Event, name="catalog.offer-changed.v1"):
    """The present offer of one sku, whole: consumers keep the one with the highest `version`."""

    sku: str
    name: Annotated[str, "the product's with its variant's"]
    prices: Annotated[dict[str, int], "minor units by currency (ISO 4217)"]
    sellable: Annotated[bool, "false: a draft, archived or deleted"]
    version: Annotated[int, "rises with every change of the offer"]

    @property
    def subject(self) -> str:
        return self.sku
