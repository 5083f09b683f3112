"""A product's row, composed of what was asked for and what is known."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import Any, TypedDict

from nexus.catalog.models import PUBLISHED, AvailabilityRow, PriceRow, Product, ProductRow, VariantRow
from nexus.catalog.services.attributes import check_values, tokens_of, words_of
from nexus.catalog.services.drafts import NewMedia, NewProduct, NewVariant
from nexus.catalog.services.references import References
from nexus.catalog.services.validation import document_errors
from nexus.contracts.base import uuid7
from nexus.contracts.errors import FieldError

Availabilities = Mapping[str, AvailabilityRow]
UNHEARD: AvailabilityRow = {"in_stock": False, "available": 0, "as_of": None, "version": -1}


def compose(
    *, draft: NewProduct, before: ProductRow | None, version: int, references: References, availability: Availabilities
) -> ProductRow:
    """The row of a product whose draft has no errors; `availability` is what was last heard of each sku."""
    now = _now()
    return {
        "_id": before["_id"] if before else uuid7(),
        "slug": draft.slug,
        "name": draft.name,
        "description": draft.description,
        "product_type": draft.product_type,
        "categories": list(draft.categories),
        "attributes": dict(draft.attributes),
        "media": [{"url": each.url, "alt": each.alt} for each in draft.media],
        "status": draft.status,
        "variants": [_variant(each, availability.get(each.sku, UNHEARD)) for each in draft.variants],
        "created_at": before["created_at"] if before else now,
        "updated_at": now,
        "version": version,
        **derived(draft, references=references),
    }


class Derived(TypedDict):
    """The part of a row that follows from the rest of it, for filters that are exact and fast."""

    ancestors: list[str]
    tokens: list[str]
    keywords: list[str]
    price: dict[str, int]
    sort_name: str


def derived(draft: NewProduct, *, references: References) -> Derived:
    """What is searched, filtered and ordered by."""
    return {
        "ancestors": references.ancestors(draft.categories),
        "tokens": _of_all(draft, tokens_of),
        "keywords": _of_all(draft, words_of),
        "price": _lowest(draft),
        "sort_name": draft.name.casefold(),
    }


def draft_of(row: ProductRow) -> NewProduct:
    """The row as what would have to be asked for to get it."""
    return NewProduct(
        slug=row["slug"],
        name=row["name"],
        product_type=row["product_type"],
        description=row["description"],
        categories=row["categories"],
        attributes=row["attributes"],
        media=[NewMedia(url=each["url"], alt=each["alt"]) for each in row["media"]],
        status=row["status"],
        variants=[
            NewVariant(
                sku=variant["sku"],
                name=variant["name"],
                attributes=variant["attributes"],
                prices={price["currency"]: price["amount"] for price in variant["prices"]},
            )
            for variant in row["variants"]
        ],
    )


def draft_errors(draft: NewProduct, *, references: References, values: bool = True) -> Iterator[FieldError]:
    """Everything wrong with a draft but the document's own limits; attribute values only when they are in question."""
    yield from references.errors(product_type=draft.product_type, categories=draft.categories)
    yield from _sku_errors(draft)
    yield from _publishing_errors(draft)
    kind = references.types.get(draft.product_type)
    if kind and values:
        yield from check_values(values=draft.attributes, on="product", kind=kind, path="attributes")
        for position, variant in enumerate(draft.variants):
            path = f"variants.{position}.attributes"
            yield from check_values(values=variant.attributes, on="variant", kind=kind, path=path)


def row_errors(row: ProductRow) -> Iterator[FieldError]:
    """What the document class finds wrong: lengths, patterns, currencies."""
    yield from document_errors(Product, row)


def _sku_errors(draft: NewProduct) -> Iterator[FieldError]:
    seen: set[str] = set()
    for position, variant in enumerate(draft.variants):
        if variant.sku in seen:
            message = "Another variant of this product has this sku."
            yield FieldError(field=f"variants.{position}.sku", code="repeated", message=message)
        seen.add(variant.sku)


def _publishing_errors(draft: NewProduct) -> Iterator[FieldError]:
    if draft.status != PUBLISHED:
        return
    if not draft.variants:
        yield FieldError(field="variants", code="required", message="A published product needs a variant.")
    for position, variant in enumerate(draft.variants):
        if not variant.prices:
            message = "A variant of a published product needs a price."
            yield FieldError(field=f"variants.{position}.prices", code="required", message=message)


def _variant(draft: NewVariant, availability: AvailabilityRow) -> VariantRow:
    prices: list[PriceRow] = [{"currency": currency, "amount": each} for currency, each in draft.prices.items()]
    return {
        "sku": draft.sku,
        "name": draft.name,
        "attributes": dict(draft.attributes),
        "prices": prices,
        "availability": availability,
    }


def _of_all(draft: NewProduct, read: Callable[[Mapping[str, Any]], Iterator[str]]) -> list[str]:
    """What the attributes of the product and of all its variants say, each once."""
    return sorted(set(chain(read(draft.attributes), *(read(variant.attributes) for variant in draft.variants))))


def _lowest(draft: NewProduct) -> dict[str, int]:
    lowest: dict[str, int] = {}
    for variant in draft.variants:
        for currency, amount in variant.prices.items():
            lowest[currency] = min(amount, lowest.get(currency, amount))
    return lowest


def _now() -> datetime:
    """MongoDB keeps milliseconds; what is handed out must equal what will be read."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)
