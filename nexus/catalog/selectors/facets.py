"""
How many products each further choice would leave.

Each facet is counted under every filter but its own: the counts of colours ignore the colours chosen, because choosing
another colour would widen the list, not narrow it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings

from nexus.catalog.models import Category, Product
from nexus.catalog.models.connection import collection_of
from nexus.catalog.selectors.filters import Condition, ProductQuery, condition_of

MOST_VALUES = 50
EDGES = (0, 1000, 2500, 5000, 10_000, 25_000, 50_000, 100_000)
"""Where price ranges begin, in minor units; the last one is open."""


@dataclass(frozen=True, kw_only=True)
class Count:
    """`value` is what a filter takes: a category's slug, or an attribute's value."""

    value: str
    name: str
    count: int


@dataclass(frozen=True, kw_only=True)
class PriceRange:
    """From `least`, up to but without `below` (None: open)."""

    least: int
    below: int | None
    count: int


@dataclass(frozen=True, kw_only=True)
class Facets:
    """Exact counts; of an attribute with more than 50 values the most frequent ones. Prices in minor units."""

    categories: list[Count]
    attributes: dict[str, list[Count]]
    currency: str
    lowest: int | None
    highest: int | None
    ranges: list[PriceRange]


def count_facets(*, query: ProductQuery) -> Facets:
    """Count what is listed, by category, attribute and price."""
    attributes = _attributes(condition_of(query))
    for name in query.attributes:
        attributes.pop(name, None)
        attributes |= _attributes(condition_of(query.without_attribute(name)), name)
    lowest, highest, ranges = _prices(query.without_price())
    return Facets(
        categories=_categories(condition_of(query.without_category())),
        attributes=dict(sorted(attributes.items())),
        currency=query.currency or settings.CURRENCY,
        lowest=lowest,
        highest=highest,
        ranges=ranges,
    )


def _categories(condition: Condition) -> list[Count]:
    rows = list(_ask([{"$match": condition}, {"$unwind": "$ancestors"}, {"$sortByCount": "$ancestors"}]))
    found = collection_of(Category).find({"slug": {"$in": [row["_id"] for row in rows]}}, {"slug": 1, "name": 1})
    names = {row["slug"]: row["name"] for row in found}
    counts = [Count(value=row["_id"], name=names.get(row["_id"], row["_id"]), count=row["count"]) for row in rows]
    return sorted(counts, key=lambda each: (-each.count, each.value))


def _attributes(condition: Condition, name: str | None = None) -> dict[str, list[Count]]:
    """The counts by attribute, or of one attribute only."""
    mine = [{"$match": {"tokens": {"$gte": f"{name}=", "$lt": f"{name}>"}}}] if name else []
    parts = {"$split": ["$_id", "="]}
    groups = _ask(
        [
            {"$match": condition},
            {"$project": {"_id": 0, "tokens": 1}},
            {"$unwind": "$tokens"},
            *mine,
            {"$group": {"_id": "$tokens", "count": {"$sum": 1}}},
            {
                "$group": {
                    "_id": {"$first": parts},
                    "top": {
                        "$topN": {"n": MOST_VALUES, "sortBy": {"count": -1, "_id": 1}, "output": ["$_id", "$count"]}
                    },
                }
            },
        ]
    )
    return {row["_id"]: [_count(token, count) for token, count in row["top"]] for row in groups}


def _count(token: str, count: int) -> Count:
    value = token.partition("=")[2]
    return Count(value=value, name=value, count=count)


def _prices(query: ProductQuery) -> tuple[int | None, int | None, list[PriceRange]]:
    price = f"${query.price_field}"
    buckets = list(
        _ask(
            [
                {"$match": condition_of(query)},
                {"$match": {query.price_field: {"$gte": 0}}},
                {
                    "$bucket": {
                        "groupBy": price,
                        "boundaries": list(EDGES),
                        "default": EDGES[-1],
                        "output": {"count": {"$sum": 1}, "low": {"$min": price}, "high": {"$max": price}},
                    }
                },
            ]
        )
    )
    ends = dict(zip(EDGES, [*EDGES[1:], None], strict=True))
    ranges = [PriceRange(least=row["_id"], below=ends[row["_id"]], count=row["count"]) for row in buckets]
    lows, highs = [row["low"] for row in buckets], [row["high"] for row in buckets]
    return min(lows, default=None), max(highs, default=None), sorted(ranges, key=lambda each: each.least)


def _ask(pipeline: list[dict[str, Any]]) -> Iterable[dict[str, Any]]:
    return collection_of(Product).aggregate(pipeline)
