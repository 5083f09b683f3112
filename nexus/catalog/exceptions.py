"""What catalog refuses, and why."""

from nexus.contracts.errors import Conflict, Invalid, NotFound, Stale


class ProductNotFound(NotFound):
    """There is no such product."""


class CategoryNotFound(NotFound):
    """There is no such category."""


class ProductTypeNotFound(NotFound):
    """There is no such product type."""


class DeadLetterNotFound(NotFound):
    """There is no such dead letter."""


class InvalidProduct(Invalid):
    """The product is not valid."""


class InvalidCategory(Invalid):
    """The category is not valid."""


class InvalidProductType(Invalid):
    """The product type is not valid."""


class StaleDocument(Stale):
    """It was changed by somebody else since you read it."""


class SlugTaken(Conflict):
    """The slug belongs to another."""

    code = "slug_taken"


class SkuTaken(Conflict):
    """The sku belongs to another product."""

    code = "sku_taken"


class InUse(Conflict):
    """Something still refers to it."""

    code = "in_use"
