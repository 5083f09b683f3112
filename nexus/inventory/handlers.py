"""What inventory does about what it hears. A table at the end says what happens when."""

from collections.abc import Sequence

from nexus.contracts.base import Envelope
from nexus.contracts.catalog import OfferChanged
from nexus.contracts.inventory import ShareArrived, ShareAsked, ShareSent
from nexus.contracts.orders import OrderCancelled, OrderOverdue, OrderPlaced, OrderReturned, OrderShipped
from nexus.eventbus.registry import Chores, Subscriptions, in_batches
from nexus.inventory import services


@in_batches
def open_items_when_offers_change(told: Sequence[Envelope[OfferChanged]]) -> None:
    services.open_items([envelope.data for envelope in told])


@in_batches
def reserve_stock_when_orders_are_placed(told: Sequence[Envelope[OrderPlaced]]) -> None:
    services.reserve_stock([_wanted(each) for each in told])


@in_batches
def answer_again_when_orders_are_overdue(told: Sequence[Envelope[OrderOverdue]]) -> None:
    services.answer_again([_wanted(each) for each in told])


@in_batches
def release_stock_when_orders_are_cancelled(told: Sequence[Envelope[OrderCancelled]]) -> None:
    services.release_stock({each.data.order_id: each.id for each in told})


@in_batches
def commit_stock_when_orders_are_shipped(told: Sequence[Envelope[OrderShipped]]) -> None:
    services.commit_stock({each.data.order_id: each.id for each in told})


@in_batches
def restock_when_orders_are_returned(told: Sequence[Envelope[OrderReturned]]) -> None:
    services.restock({each.data.order_id: each.id for each in told})


@in_batches
def give_when_another_region_asks(told: Sequence[Envelope[ShareAsked]]) -> None:
    services.give_shares(
        [
            services.Asked(region=each.data.from_region, levels=each.data.levels, cause=each.as_cause)
            for each in told
            if services.is_for_us(each.data)
        ]
    )


@in_batches
def receive_what_another_region_sent(told: Sequence[Envelope[ShareSent]]) -> None:
    services.receive_shares([_arrival(each) for each in told if services.is_for_us(each.data)])


def note_what_has_arrived(told: Envelope[ShareArrived]) -> None:
    if services.is_for_us(told.data):
        services.note_arrivals({told.data.transfer_id: told.time}, region=told.data.from_region)


def _arrival(told: Envelope[ShareSent]) -> services.Arrival:
    return services.Arrival(
        transfer_id=told.data.transfer_id,
        region=told.data.from_region,
        sku=told.data.sku,
        quantity=told.data.quantity,
        sent_at=told.time,
        cause=told.as_cause,
    )


def _wanted(told: Envelope[OrderPlaced] | Envelope[OrderOverdue]) -> services.Wanted:
    return services.Wanted(
        order_id=told.data.order_id,
        lines=[(line.sku, line.quantity) for line in told.data.lines],
        cause_id=told.id,
        cause=told.as_cause,
    )


SUBSCRIPTIONS: Subscriptions = {
    OfferChanged: open_items_when_offers_change,
    OrderPlaced: reserve_stock_when_orders_are_placed,
    OrderOverdue: answer_again_when_orders_are_overdue,
    OrderCancelled: release_stock_when_orders_are_cancelled,
    OrderShipped: commit_stock_when_orders_are_shipped,
    OrderReturned: restock_when_orders_are_returned,
}

AMONG_REGIONS: Subscriptions = {
    ShareAsked: give_when_another_region_asks,
    ShareSent: receive_what_another_region_sent,
    ShareArrived: note_what_has_arrived,
}
"""Heard only where there are several regions: one alone need not follow its own log."""

CHORES: Chores = {
    services.announce_levels: 1.0,
    services.expire_reservations: 5.0,
    services.reconcile_recent_changes: 10.0,
    services.answers.forget_old: 3600.0,
}
CHORES_AMONG_REGIONS: Chores = {services.ask_for_shares: 5.0}
