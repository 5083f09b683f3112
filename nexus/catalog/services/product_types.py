"""Creating, changing and deleting product types. They say what a product may be: nothing is told about them."""

from collections.abc import Iterator, Sequence

from nexus.catalog.exceptions import InUse, InvalidProductType, ProductTypeNotFound, StaleDocument
from nexus.catalog.models import AttributeRow, Product, ProductType, TypeRow
from nexus.catalog.models.connection import collection_of, store
from nexus.catalog.services.drafts import NewAttribute, NewProductType, ProductTypeChanges, given
from nexus.catalog.services.validation import document_errors, told_when_taken
from nexus.contracts.base import uuid7
from nexus.contracts.errors import FieldError
from nexus.eventbus.stores.mongo import current_session


def create_product_type(*, product_type: NewProductType) -> TypeRow:
    """
    Add a kind of product.

    :raises InvalidProductType: naming the fields at fault, such as ``attributes.0.choices``
    :raises SlugTaken: the slug is another product type's
    """

    def work() -> TypeRow:
        row = _row(product_type)
        _check(row)
        with told_when_taken():
            collection_of(ProductType).insert_one(dict(row), session=current_session())
        return row

    return store.transact(work)


def change_product_type(*, slug: str, changes: ProductTypeChanges, version: int | None = None) -> TypeRow:
    """
    Change a kind of product. Products of the kind keep their values until these are next changed.

    :raises ProductTypeNotFound: no product type has the slug
    :raises StaleDocument: `version` is given and the product type has another by now
    :raises InvalidProductType: naming the fields at fault
    """
    return store.transact(lambda: _change(slug, changes, version))


def delete_product_type(*, slug: str, version: int | None = None) -> None:
    """
    Delete a kind of which there are no products.

    :raises ProductTypeNotFound: no product type has the slug
    :raises StaleDocument: `version` is given and the product type has another by now
    :raises InUse: there are products of this kind
    """

    def work() -> None:
        row, session = _current(slug, version), current_session()
        if collection_of(Product).find_one({"product_type": slug}, {"_id": 1}, session=session):
            raise InUse("There are products of this type; change or delete them first.")
        collection_of(ProductType).delete_one({"_id": row["_id"]}, session=session)

    store.transact(work)


def check_product_type(*, product_type: NewProductType) -> list[FieldError]:
    """Everything that `create_product_type` or a change to this would refuse, but for a slug that is taken."""
    return _errors(_row(product_type))


def _change(slug: str, changes: ProductTypeChanges, version: int | None) -> TypeRow:
    before, wanted = _current(slug, version), given(changes)
    after = TypeRow(
        _id=before["_id"],
        slug=slug,
        name=wanted.get("name", before["name"]),
        attributes=_rows(wanted["attributes"]) if "attributes" in wanted else before["attributes"],
        version=before["version"] + 1,
    )
    if before["name"] == after["name"] and before["attributes"] == after["attributes"]:
        return before
    _check(after)
    found = {"_id": before["_id"], "version": before["version"]}
    if not collection_of(ProductType).update_one(found, {"$set": dict(after)}, session=current_session()).matched_count:
        raise StaleDocument
    return after


def _current(slug: str, version: int | None) -> TypeRow:
    row: TypeRow | None = collection_of(ProductType).find_one({"slug": slug}, session=current_session())  # type: ignore[assignment]
    if row is None:
        raise ProductTypeNotFound
    if version is not None and row["version"] != version:
        raise StaleDocument
    return row


def _rows(attributes: Sequence[NewAttribute]) -> list[AttributeRow]:
    return [
        AttributeRow(
            name=each.name,
            label=each.label,
            kind=each.kind,
            unit=each.unit,
            required=each.required,
            choices=list(each.choices),
            on=each.on,
        )
        for each in attributes
    ]


def _row(product_type: NewProductType) -> TypeRow:
    return {
        "_id": uuid7(),
        "slug": product_type.slug,
        "name": product_type.name,
        "attributes": _rows(product_type.attributes),
        "version": 1,
    }


def _check(row: TypeRow) -> None:
    if errors := _errors(row):
        raise InvalidProductType(errors=errors)


def _errors(row: TypeRow) -> list[FieldError]:
    return [*document_errors(ProductType, row), *_attribute_errors(row)]


def _attribute_errors(row: TypeRow) -> Iterator[FieldError]:
    seen: set[str] = set()
    for position, attribute in enumerate(row["attributes"]):
        path = f"attributes.{position}"
        if attribute["name"] in seen:
            yield FieldError(field=f"{path}.name", code="repeated", message="Another attribute has this name.")
        seen.add(attribute["name"])
        choosing = attribute["kind"] in ("choice", "multi-choice")
        if choosing != bool(attribute["choices"]):
            message = "A choice needs choices." if choosing else "Only a choice has choices."
            yield FieldError(field=f"{path}.choices", code="invalid", message=message)
        if (attribute["kind"] == "measure") != bool(attribute["unit"]):
            message = "A measure needs a unit." if attribute["kind"] == "measure" else "Only a measure has a unit."
            yield FieldError(field=f"{path}.unit", code="invalid", message=message)
