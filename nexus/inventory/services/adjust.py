"""What people and warehouse systems do to stock: receive, count, write off, correct."""

from collections.abc import Mapping

from django.db import IntegrityError, transaction

from nexus.contracts.base import uuid7
from nexus.inventory.exceptions import BelowReserved, ItemNotFound, LocationExists, LocationUnknown, TooMuch
from nexus.inventory.models import DATABASE, MAIN_LOCATION, MOST_ON_HAND, Item, LedgerEntry, Location, Reason, Stock
from nexus.inventory.selectors import find_location
from nexus.inventory.services.stockroom import Movement, Stockroom


def adjust_stock(
    *, sku: str, quantity: int, reason: Reason, location: str = MAIN_LOCATION, note: str = "", actor: str = ""
) -> LedgerEntry:
    """
    Change what is on hand by `quantity` (negative to take away) and write it in the ledger.

    :raises ItemNotFound: no such sku
    :raises LocationUnknown: no such location
    :raises BelowReserved: fewer would be left than are set aside for orders
    :raises TooMuch: more than a counter holds
    """
    place = find_location(location)
    if place is None:
        raise LocationUnknown
    if not Item.objects.using(DATABASE).filter(sku=sku).exists():
        raise ItemNotFound
    with transaction.atomic(using=DATABASE):
        Stock.objects.using(DATABASE).get_or_create(sku=sku, location=place)
        room = Stockroom.lock([sku])
        counter = next(each for each in room.counters[sku] if each.location_id == place.pk)
        if counter.available + quantity < 0:
            raise BelowReserved(f"{counter.available} are free to take at {place.code}.")
        if counter.on_hand + quantity > MOST_ON_HAND:
            raise TooMuch
        movement = Movement(
            sku=sku,
            location_id=place.pk,
            on_hand=quantity,
            reason=reason,
            cause_id=uuid7(),
            actor=actor,
            note=note,
        )
        room.move(movement)
        room.write()
        return LedgerEntry.objects.using(DATABASE).get(cause_id=movement.cause_id)


def receive_stock(quantities: Mapping[str, int], *, note: str = "", actor: str = "") -> None:
    """
    Put many skus on the shelves of the main location at once.

    :raises ItemNotFound: some sku is not known yet
    """
    place = Location.objects.using(DATABASE).get(code=MAIN_LOCATION)
    with transaction.atomic(using=DATABASE):
        room = Stockroom.lock(quantities)
        if missing := sorted(quantities.keys() - room.counters.keys()):
            raise ItemNotFound(f"Unknown: {', '.join(missing[:5])}")
        cause_id = uuid7()
        for sku, quantity in quantities.items():
            room.move(
                Movement(
                    sku=sku,
                    location_id=place.pk,
                    on_hand=quantity,
                    reason=Reason.RECEIVED,
                    cause_id=cause_id,
                    note=note,
                    actor=actor,
                )
            )
        room.write()


def add_location(*, code: str, name: str, rank: int) -> Location:
    """:raises LocationExists: the code is taken"""
    try:
        with transaction.atomic(using=DATABASE):
            return Location.objects.using(DATABASE).create(code=code, name=name, rank=rank)
    except IntegrityError:
        raise LocationExists from None
