"""
Which products a reader asks for, as a MongoDB condition.

Whatever a reader types is compared as a string: it never becomes an operator, a field name or a pattern.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings

from nexus.catalog.models import PUBLISHED

ORDERINGS = ("name", "price", "-price", "newest", "relevance")
Condition = dict[str, Any]
TOO_COMMON = frozenset(["a", "an", "and", "at", "by", "for", "in", "is", "it", "of", "on", "or", "the", "to", "with"])
WORD = re.compile(r"\w+")
PLURAL = re.compile(r"(?<=\w{3})(ies|es|s)\Z")


@dataclass(frozen=True, kw_only=True)
class ProductQuery:
    """
    What to list. Prices are a product's lowest, in minor units of `currency` (None: the shop's).

    Naming a currency leaves out products without a price in it. `attributes` holds the accepted values by name: any
    value of a name will do, and every name has to fit.
    """

    search: str = ""
    category: str | None = None
    currency: str | None = None
    min_price: int | None = None
    max_price: int | None = None
    in_stock: bool | None = None
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    statuses: Sequence[str] = (PUBLISHED,)
    ordering: str = ""

    @property
    def price_field(self) -> str:
        return f"price.{self.currency or settings.CURRENCY}"

    @property
    def order(self) -> str:
        """The ordering in effect: without search nothing is more relevant than the newest."""
        if self.ordering in ("", "relevance"):
            return "relevance" if self.search else "newest"
        return self.ordering

    def without_category(self) -> "ProductQuery":
        return replace(self, category=None)

    def without_price(self) -> "ProductQuery":
        return replace(self, min_price=None, max_price=None)

    def without_attribute(self, name: str) -> "ProductQuery":
        return replace(self, attributes={other: each for other, each in self.attributes.items() if other != name})


def condition_of(query: ProductQuery) -> Condition:
    """The condition that exactly the products asked for meet."""
    single = query.statuses[0] if len(query.statuses) == 1 else {"$in": list(query.statuses)}
    conditions: list[Condition] = [{"status": single}]
    if query.search:
        conditions.append(search_condition(query.search))
    if query.category is not None:
        conditions.append({"ancestors": query.category})
    if price := _price(query):
        conditions.append({query.price_field: price})
    if query.in_stock is not None:
        conditions.append({"variants.availability.in_stock": True if query.in_stock else {"$ne": True}})
    for name, values in query.attributes.items():
        conditions.append({"tokens": {"$in": [f"{name}={value}" for value in values]}})
    return {"$and": conditions}


def search_condition(text: str) -> Condition:
    """
    Products in which every word of `text` occurs, whole or as a part.

    MongoDB's text search finds any of the words by its stem. Each word is asked for once more as a phrase, which it
    requires literally; without a plural's end, so that "lamps" finds a lamp.
    """
    words = [word for word in WORD.findall(text.casefold()) if word.strip("_")]
    phrases = [f'"{PLURAL.sub("", word)}"' for word in words if word not in TOO_COMMON]
    return {"$text": {"$search": " ".join([*words, *phrases])}}


def _price(query: ProductQuery) -> Condition:
    bounds = {"$gte": query.min_price, "$lte": query.max_price}
    condition = {operator: amount for operator, amount in bounds.items() if amount is not None}
    return condition or ({"$gte": 0} if query.currency is not None else {})
