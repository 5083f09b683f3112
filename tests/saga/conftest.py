"""Both apps of the saga, with the news between them in the hands of the test."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from nexus.contracts.base import Event
from nexus.contracts.catalog import OfferChanged
from nexus.contracts.inventory import StockReserved
from nexus.contracts.orders import OrderPlaced
from nexus.eventbus import dead_letters
from nexus.eventbus.delivery import Outcome, deliver
from nexus.eventbus.models import DeadLetter
from nexus.eventbus.registry import members
from nexus.eventbus.wire import encode
from nexus.inventory import cache
from nexus.inventory import services as inventory
from nexus.inventory.models import Location, Reservation, Stock
from nexus.orders import services as orders
from nexus.orders.models import Order
from tests.saga.table import outcomes

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
APPS = ("orders", "inventory")


class Saga:
    """One order at a time: whoever is to hear something is told so."""

    customer_id = UUID("01890000-0000-7000-8000-000000000001")

    def has(self, **quantities: int) -> None:
        """Goods for sale, so many on the shelf."""
        offers = [OfferChanged(sku=sku, name=sku, prices={"EUR": 1}, sellable=True, version=1) for sku in quantities]
        orders.record_offers(offers)
        inventory.open_items(offers)
        inventory.receive_stock(quantities)

    def places(self, *, key: str = "", **quantities: int) -> UUID:
        lines = [orders.Line(sku=sku, quantity=n, position=at) for at, (sku, n) in enumerate(quantities.items())]
        claim = orders.Claim(key=key, fingerprint=repr(quantities)) if key else None
        placement = orders.place_order(customer_id=self.customer_id, lines=lines, currency="EUR", claim=claim)
        return placement.order.id

    def hears(self, app: str, order_id: UUID, *kinds: type[Event]) -> list[Outcome]:
        """Tell an app what there is of these kinds about the order, a message for each, in this order; it copes."""
        outcomes = [self._tell(app, order_id, kind) for kind in kinds]
        assert not any(outcome.buried for outcome in outcomes)
        return outcomes

    def cannot_handle(self, app: str, order_id: UUID, kind: type[Event]) -> None:
        """The same of one kind, which ends among the dead letters."""
        assert self._tell(app, order_id, kind).buried == 1

    def confirmed(self, **quantities: int) -> UUID:
        """An order that is placed, reserved and confirmed."""
        order_id = self.places(**quantities)
        self.hears("inventory", order_id, OrderPlaced)
        self.hears("orders", order_id, StockReserved)
        return order_id

    def returned(self, **quantities: int) -> UUID:
        """An order that is shipped and returned, of which inventory has heard neither."""
        order_id = self.confirmed(**quantities)
        orders.ship_order(order_id=order_id)
        orders.return_order(order_id=order_id)
        return order_id

    def run_out(self, order_id: UUID) -> None:
        """The reservation's time is over; the sweep has not come yet."""
        Reservation.objects.filter(order_id=order_id).update(expires_at=LONG_AGO)

    def expire(self, order_id: UUID) -> None:
        """The reservation's time is over, and the sweep comes."""
        self.run_out(order_id)
        assert inventory.expire_reservations() == 1

    def replay(self) -> tuple[int, int]:
        """Somebody replays what inventory could not handle."""
        return dead_letters.replay(DeadLetter.objects.using("inventory").filter(replayed_at=None))

    def story(self, order_id: UUID) -> list[str]:
        """What both apps told about the order, orders first."""
        told = [record.type for app in APPS for record in members[app].store.stream(str(order_id))]
        return [kind.split(".")[1] for kind in told]

    def outcome(self, order_id: UUID) -> tuple[str, str]:
        """The order's status and the reservation's state, – for none."""
        status = Order.objects.filter(id=order_id).values_list("status", flat=True).first()
        state = Reservation.objects.filter(order_id=order_id).values_list("state", flat=True).first()
        return status or "–", state or "–"

    def shelf(self, sku: str = "LAMP") -> tuple[int, int]:
        """How many are on hand, how many of them set aside."""
        stock = Stock.objects.get(sku=sku)
        return stock.on_hand, stock.reserved

    @staticmethod
    def _tell(app: str, order_id: UUID, kind: type[Event]) -> Outcome:
        records = [record for record in members[kind.source].store.stream(str(order_id)) if record.type == kind.type]
        assert records, f"nobody told {kind.__name__}"
        return deliver(member=members[app], message=encode(records))

    @staticmethod
    def nobody() -> UUID:
        """The id of an order that there is not."""
        return uuid4()


@pytest.fixture
def saga(clean_redis: object) -> Saga:
    cache.wake()
    Location.objects.get_or_create(code="main", defaults={"name": "Main warehouse", "rank": 0})
    saga = Saga()
    saga.has(LAMP=5, SHADE=1)
    return saga


@pytest.fixture
def stated(request: pytest.FixtureRequest) -> tuple[str, str]:
    """What the row of the test's name says: the order's status, the reservation's state."""
    return outcomes()[request.node.name]
