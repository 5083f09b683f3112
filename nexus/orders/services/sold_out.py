"""Refusals for many at once, by a look that writes nothing and waits on the event loop."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from nexus.orders.exceptions import NotForSale, OutOfStock
from nexus.orders.selectors import Offer
from nexus.orders.selectors.looking import look
from nexus.orders.services.offered import Line, offered


class Doubtful(msgspec.Struct):
    """An order that will probably be refused: whose (a UUID as text), with which key if any, and what it asks for."""

    customer: str
    key: str | None
    lines: Sequence[Line]
    currency: str


async def find_sold_out(orders: Sequence[Doubtful]) -> list[OutOfStock | None]:
    """
    What each order is refused with of which nothing can come, because something on it is sold out now.

    None for all others: they can be had after all, are wrong in another way, or have a key that placed something
    before. Equal orders share what they are refused with.

    :raises psycopg.Error: PostgreSQL does not say
    """
    customers, keys = [order.customer for order in orders], [order.key for order in orders]
    offers, claimed = await look(_skus_of(orders), customers, keys)
    found: dict[tuple[int, str], OutOfStock | None] = {}
    for order in orders:
        # Bodies that are equal were understood once, so that their lines are one and the same thing.
        if (asked := (id(order.lines), order.currency)) not in found:
            found[asked] = _sold_out(order, offers)
    refusals = [found[id(order.lines), order.currency] for order in orders]
    for place in claimed:
        refusals[place] = None
    return refusals


def _skus_of(orders: Iterable[Doubtful]) -> set[str]:
    # One look at each of the lists that are different.
    different = {id(order.lines): order.lines for order in orders}
    return {line.sku for lines in different.values() for line in lines}


def _sold_out(order: Doubtful, offers: Mapping[str, Offer]) -> OutOfStock | None:
    try:
        offered(order.lines, currency=order.currency, offers=offers)
    except OutOfStock as why:
        # Its traceback leads to this frame, and this frame to it.
        return why.with_traceback(None)
    except NotForSale:
        return None
    return None
