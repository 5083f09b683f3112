"""What orders does about what it hears. A table at the end says what happens when."""

from collections.abc import Sequence

from nexus.contracts.accounts import CustomerErased
from nexus.contracts.base import Envelope
from nexus.contracts.catalog import OfferChanged
from nexus.contracts.inventory import ReservationExpired, StockLevelChanged, StockRejected, StockReserved
from nexus.contracts.orders import OrderConfirmed, OrderExpired, OrderRejected
from nexus.eventbus.registry import Chores, Subscriptions, in_batches
from nexus.orders import services


@in_batches
def record_prices_when_offers_change(told: Sequence[Envelope[OfferChanged]]) -> None:
    services.record_offers([envelope.data for envelope in told])


@in_batches
def confirm_orders_when_stock_is_reserved(told: Sequence[Envelope[StockReserved]]) -> None:
    services.move_orders(
        {each.data.order_id: OrderConfirmed(order_id=each.data.order_id) for each in told},
        causes={each.data.order_id: each.as_cause for each in told},
    )


@in_batches
def reject_orders_when_stock_is_short(told: Sequence[Envelope[StockRejected]]) -> None:
    services.move_orders(
        {each.data.order_id: OrderRejected(order_id=each.data.order_id, reason=_short_of(each.data)) for each in told},
        causes={each.data.order_id: each.as_cause for each in told},
    )


@in_batches
def expire_orders_when_reservations_expire(told: Sequence[Envelope[ReservationExpired]]) -> None:
    services.move_orders(
        {each.data.order_id: OrderExpired(order_id=each.data.order_id) for each in told},
        causes={each.data.order_id: each.as_cause for each in told},
    )


@in_batches
def note_stock_when_levels_change(told: Sequence[Envelope[StockLevelChanged]]) -> None:
    services.note_stock_levels([envelope.data for envelope in told])


def forget_customer_when_customer_is_erased(told: Envelope[CustomerErased]) -> None:
    services.forget_customer(told.data.customer_id)


def _short_of(verdict: StockRejected) -> str:
    return f"out of stock: {', '.join(verdict.skus)}"[:200]


SUBSCRIPTIONS: Subscriptions = {
    OfferChanged: record_prices_when_offers_change,
    StockReserved: confirm_orders_when_stock_is_reserved,
    StockRejected: reject_orders_when_stock_is_short,
    ReservationExpired: expire_orders_when_reservations_expire,
    StockLevelChanged: note_stock_when_levels_change,
    CustomerErased: forget_customer_when_customer_is_erased,
}

CHORES: Chores = {
    services.drive_on_overdue_orders: 10.0,
    services.forget_old_claims: 3600.0,
    services.answers.forget_old: 3600.0,
}
