"""Orders alone: what it hears is told by the tests."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest

from nexus.contracts.base import Envelope, Event, enclose
from nexus.contracts.catalog import OfferChanged
from nexus.eventbus.delivery import Outcome, deliver
from nexus.eventbus.registry import members
from nexus.eventbus.wire import encode, record_of
from nexus.orders import selectors, services
from nexus.orders.selectors import OrderView
from nexus.orders.services import remembered


class Shop:
    """A shop that has only its order desk."""

    customer_id = UUID("01890000-0000-7000-8000-000000000001")

    def hears(self, *events: Event) -> Outcome:
        """Deliver events as a bus would: as one message, through JSON and the inbox."""
        return self.hears_again([enclose(event, sequence=1) for event in events])

    def hears_again(self, envelopes: Sequence[Envelope[Event]]) -> Outcome:
        message = encode([record_of(envelope) for envelope in envelopes])
        return deliver(member=members["orders"], message=message)

    def sells(self, sku: str, *, version: int = 1, sellable: bool = True, name: str = "", **prices: int) -> None:
        offer = OfferChanged(sku=sku, name=name or sku, prices=prices, sellable=sellable, version=version)
        services.record_offers([offer])

    def places(self, *, customer_id: UUID | None = None, key: str = "", **quantities: int) -> OrderView:
        lines = [
            services.Line(sku=sku, quantity=quantity, position=position)
            for position, (sku, quantity) in enumerate(quantities.items())
        ]
        claim = services.Claim(key=key, fingerprint=repr(quantities)) if key else None
        placement = services.place_order(
            customer_id=customer_id or self.customer_id, lines=lines, currency="EUR", claim=claim
        )
        return placement.order

    def status_of(self, order: OrderView) -> str:
        return selectors.get_order(order_id=order.id).status

    def story_of(self, order: OrderView) -> list[str]:
        """The types of the order's events, without prefix and version."""
        told = selectors.list_events(order_id=order.id)
        return [each.type.removeprefix("orders.order-").removesuffix(".v1") for each in told]


@pytest.fixture
def shop(clean_redis: object) -> Shop:
    shop = Shop()
    remembered._offers.clear()
    shop.sells("LAMP", EUR=1990, USD=2190)
    shop.sells("SHADE", EUR=500)
    return shop


@pytest.fixture
def stranger() -> UUID:
    return uuid4()
