"""Random products, and the plain answers about them that the catalog's are held against."""

import random

from nexus.catalog.selectors import ProductQuery
from nexus.catalog.services import NewProduct, NewVariant

LEAVES = ("home", "lighting", "desk-lamps", "shirts")
NAMES = ("brass", "linen", "Oak", "ÅNGSTRÖM", "plain", "Zebra")
PARENTS = {"home": (), "lighting": ("home",), "desk-lamps": ("lighting", "home"), "shirts": ("clothing",)}


def draw(rng: random.Random, number: int) -> NewProduct:
    def variant(position: int) -> NewVariant:
        currencies = rng.choice([("EUR",), ("USD",), ("EUR", "USD")])
        return NewVariant(
            sku=f"S-{number}-{position}",
            attributes={"size": rng.choice("SML"), "color": rng.choice(["red", "blue", "green"])},
            prices={currency: rng.choice([500, 1000, 1990, 2500, 12_000]) for currency in currencies},
        )

    return NewProduct(
        slug=f"p-{number}",
        name=f"{rng.choice(NAMES)} {rng.choice(NAMES)}",
        product_type="shirt",
        categories=rng.sample(LEAVES, rng.randint(0, 2)),
        attributes={
            "care": rng.sample(["cold", "warm", "iron"], rng.randint(1, 3)),
            "weight": rng.choice([100, 150.5]),
        },
        status=rng.choices(["published", "draft", "archived"], [8, 1, 1])[0],
        variants=[variant(position) for position in range(rng.randint(1, 3))],
    )


class Oracle:
    """The same answers by reading every product."""

    def __init__(self, drafts: list[NewProduct], in_stock: set[str]) -> None:
        self.drafts, self.in_stock = drafts, in_stock

    def matching(self, query: ProductQuery) -> list[NewProduct]:
        return [draft for draft in self.drafts if self._matches(draft, query)]

    def values(self, draft: NewProduct) -> dict[str, set[str]]:
        values: dict[str, set[str]] = {"care": set(draft.attributes["care"])}
        values["weight"] = {{100: "100", 150.5: "150.5"}[draft.attributes["weight"]]}
        for name in ("size", "color"):
            values[name] = {variant.attributes[name] for variant in draft.variants}
        return values

    def ancestors(self, draft: NewProduct) -> set[str]:
        return {above for slug in draft.categories for above in (slug, *PARENTS[slug])}

    def price(self, draft: NewProduct, currency: str | None) -> int | None:
        amounts = [v.prices[currency or "EUR"] for v in draft.variants if (currency or "EUR") in v.prices]
        return min(amounts, default=None)

    def _matches(self, draft: NewProduct, query: ProductQuery) -> bool:
        price, values = self.price(draft, query.currency), self.values(draft)
        bounded = query.min_price is not None or query.max_price is not None or query.currency is not None
        return (
            draft.status in query.statuses
            and (query.category is None or query.category in self.ancestors(draft))
            and (not bounded or price is not None)
            and (query.min_price is None or (price or 0) >= query.min_price)
            and (query.max_price is None or (price or 0) <= query.max_price)
            and (query.in_stock is None or query.in_stock == any(v.sku in self.in_stock for v in draft.variants))
            and all(values[name] & set(wanted) for name, wanted in query.attributes.items())
            and all(word.casefold() in draft.name.casefold().split() for word in query.search.split())
        )


QUERIES = [
    ProductQuery(),
    ProductQuery(statuses=("draft", "published", "archived")),
    ProductQuery(category="home"),
    ProductQuery(category="desk-lamps"),
    ProductQuery(category="nope"),
    ProductQuery(currency="USD"),
    ProductQuery(min_price=1000),
    ProductQuery(max_price=1990),
    ProductQuery(min_price=1000, max_price=2500, currency="USD"),
    ProductQuery(in_stock=True),
    ProductQuery(in_stock=False),
    ProductQuery(attributes={"color": ["red"]}),
    ProductQuery(attributes={"color": ["red", "blue"]}),
    ProductQuery(attributes={"color": ["red", "blue"], "size": ["M"], "care": ["iron"]}),
    ProductQuery(attributes={"weight": ["150.5"]}),
    ProductQuery(search="brass"),
    ProductQuery(search="brass oak"),
    ProductQuery(search="ångström"),
    ProductQuery(search="linen", category="home", in_stock=True, attributes={"size": ["S", "L"]}, max_price=2000),
]
