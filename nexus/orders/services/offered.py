"""What orders ask for against what is offered."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nexus.contracts.errors import FieldError
from nexus.contracts.orders import OrderLine
from nexus.orders.exceptions import NotForSale, OutOfStock
from nexus.orders.selectors import Offer

LARGEST_QUANTITY = 1000


@dataclass(frozen=True, kw_only=True)
class Line:
    """A wanted line; equal skus are merged before it comes here. `position` is its place in the request."""

    sku: str
    quantity: int
    position: int


def offered(lines: Sequence[Line], *, currency: str, offers: Mapping[str, Offer]) -> tuple[OrderLine, ...]:
    """
    The lines at their prices.

    :raises NotForSale: a line names a sku that is unknown, not sellable, or has no price in the currency
    :raises OutOfStock: a line is known to be sold out
    """
    errors, priced = [], []
    for line in lines:
        offer = offers.get(line.sku)
        if offer is None or not offer.sellable:
            message = "Not for sale."
            errors.append(FieldError(field=f"lines.{line.position}.sku", code="not_for_sale", message=message))
        elif currency not in offer.prices:
            message = f"Has no price in {currency}."
            errors.append(FieldError(field=f"lines.{line.position}.sku", code="no_price", message=message))
        else:
            price = offer.prices[currency]
            priced.append(OrderLine(sku=line.sku, name=offer.name, quantity=line.quantity, unit_price=price))
    if errors:
        raise NotForSale("Some lines name things that are not for sale.", errors=errors)
    if sold_out := [line.sku for line in lines if offers[line.sku].sold_out]:
        raise OutOfStock(sold_out, positions={line.sku: line.position for line in lines})
    return tuple(priced)
