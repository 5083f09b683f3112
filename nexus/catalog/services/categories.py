"""Creating, changing and deleting categories. They are for showing: nothing is told about them."""

from nexus.catalog.exceptions import CategoryNotFound, InUse, InvalidCategory, StaleDocument
from nexus.catalog.models import Category, CategoryRow, Product
from nexus.catalog.models.connection import collection_of, store
from nexus.catalog.services.drafts import CategoryChanges, NewCategory, given
from nexus.catalog.services.moving import move_descendants, settle_products
from nexus.catalog.services.validation import document_errors, told_when_taken
from nexus.contracts.base import uuid7
from nexus.contracts.errors import FieldError
from nexus.eventbus.stores.mongo import current_session

PATIENCE = 60.0
"""Seconds that moving a category with many products may take."""


def create_category(*, category: NewCategory) -> CategoryRow:
    """
    Add a category below its parent or at the top.

    :raises InvalidCategory: naming the fields at fault
    :raises SlugTaken: the slug is another category's
    """

    def work() -> CategoryRow:
        row: CategoryRow = {
            "_id": uuid7(),
            "slug": category.slug,
            "name": category.name,
            "parent": category.parent,
            "path": _path(category.slug, category.parent),
            "version": 1,
        }
        _check(row)
        with told_when_taken():
            collection_of(Category).insert_one(dict(row), session=current_session())
        return row

    return store.transact(work)


def change_category(*, slug: str, changes: CategoryChanges, version: int | None = None) -> CategoryRow:
    """
    Rename a category, or move it with everything below it.

    :raises CategoryNotFound: no category has the slug
    :raises StaleDocument: `version` is given and the category has another by now
    :raises InvalidCategory: naming the fields at fault; a category cannot stand below itself
    """
    return store.transact(lambda: _change(slug, changes, version), within=PATIENCE)


def delete_category(*, slug: str, version: int | None = None) -> None:
    """
    Delete a category in which nothing is left.

    :raises CategoryNotFound: no category has the slug
    :raises StaleDocument: `version` is given and the category has another by now
    :raises InUse: categories or products stand in it
    """

    def work() -> None:
        row, session = _current(slug, version), current_session()
        if collection_of(Category).find_one({"parent": slug}, session=session):
            raise InUse("Categories stand below it; move or delete them first.")
        if collection_of(Product).find_one({"ancestors": slug}, {"_id": 1}, session=session):
            raise InUse("Products stand in it; move or delete them first.")
        collection_of(Category).delete_one({"_id": row["_id"]}, session=session)

    store.transact(work)


def _change(slug: str, changes: CategoryChanges, version: int | None) -> CategoryRow:
    before, wanted = _current(slug, version), given(changes)
    parent = wanted.get("parent", before["parent"])
    after = CategoryRow(
        _id=before["_id"],
        slug=slug,
        name=wanted.get("name", before["name"]),
        parent=parent,
        path=_path(slug, parent) if parent != before["parent"] else before["path"],
        version=before["version"] + 1,
    )
    if all(before[name] == after[name] for name in ("name", "parent")):
        return before
    _check(after)
    found = {"_id": before["_id"], "version": before["version"]}
    if not collection_of(Category).update_one(found, {"$set": dict(after)}, session=current_session()).matched_count:
        raise StaleDocument
    if after["path"] != before["path"]:
        move_descendants(old=before["path"], new=after["path"])
        settle_products(within=slug)
    return after


def _current(slug: str, version: int | None) -> CategoryRow:
    row: CategoryRow | None = collection_of(Category).find_one({"slug": slug}, session=current_session())  # type: ignore[assignment]
    if row is None:
        raise CategoryNotFound
    if version is not None and row["version"] != version:
        raise StaleDocument
    return row


def _path(slug: str, parent: str | None) -> str:
    """The slug below its parent's path; the parent is claimed, so that it cannot leave at the same moment."""
    if parent is None:
        return slug
    above = collection_of(Category).find_one_and_update(
        {"slug": parent}, {"$inc": {"claims": 1}}, session=current_session()
    )
    if above is None:
        raise InvalidCategory(errors=[FieldError(field="parent", code="not_found", message=f"No category {parent!r}.")])
    if slug in above["path"].split("/"):
        message = "A category cannot stand below itself."
        raise InvalidCategory(errors=[FieldError(field="parent", code="loop", message=message)])
    return f"{above['path']}/{slug}"


def _check(row: CategoryRow) -> None:
    if errors := list(document_errors(Category, row)):
        raise InvalidCategory(errors=errors)
