"""Stock that leaves for another region: because people say so, or because that region asks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from nexus.contracts.base import Crossing, enclose, uuid7
from nexus.contracts.correlation import Cause
from nexus.contracts.inventory import ShareSent
from nexus.inventory.exceptions import BelowReserved, ItemNotFound, NothingToSend, RegionUnknown
from nexus.inventory.models import DATABASE, Reason, Share, store
from nexus.inventory.services.stockroom import Movement, Stockroom
from nexus.telemetry import figures


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A region asks for shares; `levels` is what it can still sell, by sku."""

    region: str
    levels: Mapping[str, int]
    cause: Cause


@dataclass(frozen=True, kw_only=True)
class Parcel:
    """Pieces of one sku for one region."""

    sku: str
    quantity: int
    region: str
    transfer_id: UUID = field(default_factory=uuid7)


def is_for_us(fact: Crossing) -> bool:
    """
    Whether another region means this one. What we tell others we hear ourselves too, and pass over.

    :raises RegionUnknown: a link leads to the wrong region, or from one that we have no link to
    """
    if fact.from_region == settings.REGION:
        return False
    if fact.to_region != settings.REGION:
        raise RegionUnknown(f"This is {settings.REGION}; it was meant for {fact.to_region}.")
    _check_linked(fact.from_region)
    return True


def send_share(*, sku: str, to_region: str, quantity: int, note: str = "", actor: str = "") -> UUID:
    """
    Send so many pieces to another region, of what is not set aside for orders; the transfer's id.

    :raises RegionUnknown: no link leads there
    :raises NothingToSend: not even one piece
    :raises ItemNotFound: no such sku
    :raises BelowReserved: not so many are free
    """
    _check_linked(to_region)
    if quantity < 1:
        raise NothingToSend
    parcel = Parcel(sku=sku, quantity=quantity, region=to_region)
    with transaction.atomic(using=DATABASE):
        room = Stockroom.lock([sku])
        if sku not in room.counters:
            raise ItemNotFound
        if quantity > (free := room.available(sku)):
            raise BelowReserved(f"{free} are free to send.")
        _send(room, [parcel], note=note, actor=actor)
        room.write()
    return parcel.transfer_id


def give_shares(asked: Sequence[Asked]) -> None:
    """
    Give each region that asks half of what we have more than it. Nothing more of a sku leaves for a region that has
    some of it on the way: it asked before that arrived, and while a link is cut it would ask us empty.

    Must run inside a transaction of the inventory database.
    """
    skus = {sku for each in asked for sku in each.levels}
    room = Stockroom.lock(skus)
    # Read under the locks: whoever sends or gives of these skus holds them too.
    on_the_way = _on_the_way(skus)
    for each in asked:
        parcels = [
            Parcel(sku=sku, quantity=quantity, region=each.region)
            for sku, level in sorted(each.levels.items())
            if (each.region, sku) not in on_the_way and (quantity := _half_of_the_rest(room.available(sku), level))
        ]
        _send(room, parcels, cause=each.cause)
        on_the_way |= {(parcel.region, parcel.sku) for parcel in parcels}
    room.write(at_once=False)


def _half_of_the_rest(ours: int, theirs: int) -> int:
    """Who gives stays with at least as many as who asks has then, so that nothing is ever sent to and fro."""
    return max(0, (ours - max(theirs, 0)) // 2)


def _on_the_way(skus: set[str]) -> set[tuple[str, str]]:
    unheard = Share.objects.using(DATABASE).filter(sku__in=skus, from_region=settings.REGION, arrived_at=None)
    return set(unheard.values_list("to_region", "sku"))


def _send(
    room: Stockroom, parcels: Sequence[Parcel], *, cause: Cause | None = None, note: str = "", actor: str = ""
) -> None:
    """Take the parcels out of what is free, and tell it; the caller has seen that there is enough, and writes."""
    now = datetime.now(UTC)
    for parcel in parcels:
        for location_id, taken in room.places_for(parcel.sku, parcel.quantity):
            movement = Movement(
                sku=parcel.sku,
                location_id=location_id,
                on_hand=-taken,
                reason=Reason.SENT,
                cause_id=parcel.transfer_id,
                actor=actor,
                note=f"to {parcel.region}" + (f": {note}" if note else ""),
            )
            room.move(movement)
    told = [_told(parcel) for parcel in parcels]
    store.append([enclose(each, sequence=1, cause=cause, at=now) for each in told])
    Share.objects.using(DATABASE).bulk_create(Share(**vars(each), sent_at=now) for each in told)
    transaction.on_commit(lambda: _count(parcels), using=DATABASE, robust=True)


def _told(parcel: Parcel) -> ShareSent:
    return ShareSent(
        transfer_id=parcel.transfer_id,
        from_region=settings.REGION,
        to_region=parcel.region,
        sku=parcel.sku,
        quantity=parcel.quantity,
    )


def _count(parcels: Sequence[Parcel]) -> None:
    for parcel in parcels:
        figures.shares.labels(parcel.region, "sent").inc(parcel.quantity)


def _check_linked(region: str) -> None:
    if region not in settings.REGION_LINKS:
        raise RegionUnknown(f"No link leads to {region}.")
