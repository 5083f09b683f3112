"""Creating, changing and deleting a product. Each tells the offers that became others, in the same transaction."""

from dataclasses import replace

from nexus.catalog.exceptions import InvalidProduct, ProductNotFound, StaleDocument
from nexus.catalog.models import Product, ProductRow
from nexus.catalog.models.connection import collection_of, store
from nexus.catalog.services.batches import insert
from nexus.catalog.services.composition import compose, draft_errors, draft_of, row_errors
from nexus.catalog.services.drafts import NewProduct, ProductChanges, given
from nexus.catalog.services.offers import changed_offers, last_offers, skus_of
from nexus.catalog.services.references import References, refer
from nexus.catalog.services.retired import come_back, floor_of, retire
from nexus.catalog.services.validation import told_when_taken
from nexus.contracts.errors import FieldError
from nexus.eventbus.stores.mongo import current_session

REFERS = {"product_type", "categories"}
DESCRIBES = {"product_type", "attributes", "variants"}


def create_product(*, product: NewProduct) -> ProductRow:
    """
    Add a product and tell its offers.

    :raises InvalidProduct: naming the fields at fault, such as ``variants.0.attributes.size``
    :raises SlugTaken: the slug is another product's
    :raises SkuTaken: a sku is another product's
    """
    return store.transact(lambda: insert([product])[0])


def change_product(*, slug: str, changes: ProductChanges, version: int | None = None) -> ProductRow:
    """
    Change a product and tell the offers that became others; a change that changes nothing leaves the version.

    Attribute values are checked again when they, the variants or the type are given: a product type may have become
    stricter meanwhile.

    :raises ProductNotFound: no product has the slug
    :raises StaleDocument: `version` is given and the product has another by now
    :raises InvalidProduct: naming the fields at fault
    :raises SlugTaken: the new slug is another product's
    :raises SkuTaken: a new sku is another product's
    """
    return store.transact(lambda: _change(slug, changes, version))


def delete_product(*, slug: str, version: int | None = None) -> None:
    """
    Delete a product and tell that none of its skus is for sale any more.

    :raises ProductNotFound: no product has the slug
    :raises StaleDocument: `version` is given and the product has another by now
    """

    def work() -> None:
        row = _current(slug, version)
        collection_of(Product).delete_one({"_id": row["_id"]}, session=current_session())
        retire(product=row, version=row["version"] + 1)
        store.append(last_offers(product=row, version=row["version"] + 1))

    store.transact(work)


def check_product(*, product: NewProduct) -> list[FieldError]:
    """Everything that `create_product` or a change to this would refuse, but for slugs and skus that are taken."""
    references = refer(types=[product.product_type], categories=product.categories, claim=False)
    if errors := list(draft_errors(product, references=references)):
        return errors
    return list(row_errors(compose(draft=product, before=None, version=1, references=references, availability={})))


def _change(slug: str, changes: ProductChanges, version: int | None) -> ProductRow:
    before = _current(slug, version)
    wanted = given(changes)
    draft = replace(draft_of(before), **wanted)
    claim = any(wanted.get(name, before[name]) != before[name] for name in REFERS)  # type: ignore[literal-required]
    references = refer(types=[draft.product_type], categories=draft.categories, claim=claim)
    if errors := list(draft_errors(draft, references=references, values=not DESCRIBES.isdisjoint(wanted))):
        raise InvalidProduct(errors=errors)
    after = _next(before, draft, references)
    if _same(before, after):
        return before
    if errors := list(row_errors(after)):
        raise InvalidProduct(errors=errors)
    _replace(before, after)
    retire(product=before, version=after["version"], keep=skus_of(after))
    store.append(changed_offers(before=before, after=after))
    return after


def _current(slug: str, version: int | None) -> ProductRow:
    row: ProductRow | None = collection_of(Product).find_one({"slug": slug}, session=current_session())  # type: ignore[assignment]
    if row is None:
        raise ProductNotFound
    if version is not None and row["version"] != version:
        raise StaleDocument
    return row


def _next(before: ProductRow, draft: NewProduct, references: References) -> ProductRow:
    skus = [variant.sku for variant in draft.variants]
    known = come_back(skus=skus)
    availability = {sku: last for sku, (_, last) in known.items()}
    availability |= {variant["sku"]: variant["availability"] for variant in before["variants"]}
    version = floor_of(before, known, skus) + 1
    return compose(draft=draft, before=before, version=version, references=references, availability=availability)


def _same(before: ProductRow, after: ProductRow) -> bool:
    moving = {"updated_at", "version"}
    return all(before.get(name) == value for name, value in after.items() if name not in moving)


def _replace(before: ProductRow, after: ProductRow) -> None:
    with told_when_taken():
        result = collection_of(Product).replace_one(
            {"_id": before["_id"], "version": before["version"]},
            dict(after),
            session=current_session(),
        )
    if result.matched_count != 1:
        raise StaleDocument
