"""What orders refuses."""

from nexus.contracts.errors import Conflict, FieldError, Invalid, NotFound, Unavailable


class OrderNotFound(NotFound):
    """There is no such order, or it is not yours."""


class NotForSale(Invalid):
    """A line names something that is not for sale."""

    code = "not_for_sale"


class PricesIncomplete(Unavailable):
    """The price book is being made again; ask again in a moment."""

    code = "prices_incomplete"
    retry_after = 1


class PricesMoved(PricesIncomplete):
    """Prices changed while the order was being written; ask again in a moment."""


class OutOfStock(Conflict):
    """Something on the order is sold out."""

    code = "out_of_stock"

    def __init__(self, skus: list[str], *, positions: dict[str, int]) -> None:
        message = f"Sold out: {', '.join(skus)}."
        errors = [
            FieldError(field=f"lines.{positions[sku]}.sku", code="out_of_stock", message="Sold out.") for sku in skus
        ]
        super().__init__(message, errors=errors)
        self.skus = skus


class WrongStatus(Conflict):
    """The order's status does not allow this."""

    code = "wrong_status"
