"""Adding products, one or a hundred thousand."""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain

from nexus.catalog.exceptions import InvalidProduct
from nexus.catalog.models import Product, ProductRow
from nexus.catalog.models.connection import collection_of, store
from nexus.catalog.services.composition import compose, draft_errors, row_errors
from nexus.catalog.services.drafts import NewProduct
from nexus.catalog.services.offers import changed_offers
from nexus.catalog.services.references import References, refer
from nexus.catalog.services.retired import come_back, floor_of
from nexus.catalog.services.validation import told_when_taken
from nexus.contracts.errors import FieldError
from nexus.eventbus.stores.mongo import current_session

BATCH = 500
PATIENCE = 60.0
"""Seconds; the server ends a transaction that is older."""


def add_products(products: Sequence[NewProduct]) -> int:
    """
    Add many products and tell their offers, in transactions of at most 500 products; how many were added.

    A refusal undoes its own transaction only: what went before it stays.

    :raises InvalidProduct: with the position of the product first in each field: ``17.variants.0.sku``
    :raises SlugTaken: a slug is another product's
    :raises SkuTaken: a sku is another product's
    """
    for start in range(0, len(products), BATCH):
        batch = products[start : start + BATCH]
        store.transact(partial(insert, batch, numbered_from=start), within=PATIENCE)
    return len(products)


def insert(drafts: Sequence[NewProduct], *, numbered_from: int | None = None) -> list[ProductRow]:
    """Inside a transaction: check, insert and tell."""
    references = refer(
        types=[draft.product_type for draft in drafts],
        categories=chain.from_iterable(draft.categories for draft in drafts),
        claim=True,
    )
    known = come_back(skus=(variant.sku for draft in drafts for variant in draft.variants))
    _refuse(_numbered(drafts, references, numbered_from))
    availability = {sku: last for sku, (_, last) in known.items()}
    rows = [
        compose(
            draft=draft,
            before=None,
            version=floor_of(None, known, [variant.sku for variant in draft.variants]) + 1,
            references=references,
            availability=availability,
        )
        for draft in drafts
    ]
    _refuse(_prefixed(row_errors(row), position, numbered_from) for position, row in enumerate(rows))
    with told_when_taken():
        collection_of(Product).insert_many([dict(row) for row in rows], session=current_session())
    store.append([offer for row in rows for offer in changed_offers(before=None, after=row)])
    return rows


def _numbered(
    drafts: Sequence[NewProduct], references: References, numbered_from: int | None
) -> Iterator[Iterator[FieldError]]:
    for position, draft in enumerate(drafts):
        yield _prefixed(draft_errors(draft, references=references), position, numbered_from)


def _prefixed(errors: Iterator[FieldError], position: int, numbered_from: int | None) -> Iterator[FieldError]:
    for error in errors:
        if numbered_from is None:
            yield error
        else:
            field = f"{numbered_from + position}.{error.field}"
            yield FieldError(field=field, code=error.code, message=error.message)


def _refuse(errors: Iterator[Iterator[FieldError]]) -> None:
    if listed := list(chain.from_iterable(errors)):
        raise InvalidProduct(errors=listed)
