"""What orders ask for against what is offered; and refusals for many at once, by a look that writes nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from nexus.contracts.errors import FieldError, NexusError
from nexus.contracts.orders import OrderLine
from nexus.eventbus.postgresql.base import close_broken_connections
from nexus.orders.exceptions import NotForSale, OutOfStock, PricesIncomplete
from nexus.orders.selectors import Offer, list_claimed, list_offers
from nexus.orders.services.prices import is_incomplete

LARGEST_QUANTITY = 1000


@dataclass(frozen=True, kw_only=True)
class Line:
    """A wanted line; equal skus are merged before it comes here. `position` is its place in the request."""

    sku: str
    quantity: int
    position: int


class Doubtful(NamedTuple):
    """An order that will probably be refused: whose, with which key if any, and what it asks for."""

    customer_id: UUID
    key: str | None
    lines: Sequence[Line]
    currency: str


def offered(lines: Sequence[Line], *, currency: str, offers: Mapping[str, Offer]) -> tuple[OrderLine, ...]:
    """
    The lines at their prices.

    :raises NotForSale: a line names a sku that is unknown, not sellable, or has no price in the currency
    :raises PricesIncomplete: the same, while the price book is being made again
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
    if errors and is_incomplete():
        raise PricesIncomplete
    if errors:
        raise NotForSale("Some lines name things that are not for sale.", errors=errors)
    if sold_out := [line.sku for line in lines if offers[line.sku].sold_out]:
        raise OutOfStock(sold_out, positions={line.sku: line.position for line in lines})
    return tuple(priced)


def find_sold_out(orders: Sequence[Doubtful]) -> list[OutOfStock | None]:
    """
    What each order is refused with of which nothing can come, because something on it is sold out now.

    None for all others: they can be had after all, are wrong in another way, or have a key that placed something
    before. Equal orders share what they are refused with. For a thread that does nothing else.
    """
    close_broken_connections()
    offers = list_offers({line.sku for order in orders for line in order.lines})
    found: dict[tuple[int, str], OutOfStock | None] = {}
    for order in orders:
        # Bodies that are equal were understood once, so that their lines are one and the same thing.
        if (asked := (id(order.lines), order.currency)) not in found:
            found[asked] = _sold_out(order, offers)
    refusals = [found[id(order.lines), order.currency] for order in orders]
    keyed = [(order.customer_id, order.key) for order, why in zip(orders, refusals, strict=True) if why and order.key]
    claimed = list_claimed(keyed) if keyed else ()
    return [
        None if (order.customer_id, order.key) in claimed else why for order, why in zip(orders, refusals, strict=True)
    ]


def _sold_out(order: Doubtful, offers: Mapping[str, Offer]) -> OutOfStock | None:
    try:
        offered(order.lines, currency=order.currency, offers=offers)
    except OutOfStock as why:
        # Its traceback leads to this frame, and this frame to it.
        return why.with_traceback(None)
    except NexusError:
        return None
    return None
