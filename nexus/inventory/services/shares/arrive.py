"""Stock that comes from another region, and the news that what was sent has come."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from nexus.contracts.base import Envelope, enclose
from nexus.contracts.correlation import Cause
from nexus.contracts.inventory import ShareArrived
from nexus.eventbus.stores.postgres_rows import run
from nexus.inventory.exceptions import NothingToSend, TooMuch
from nexus.inventory.models import (
    DATABASE,
    MAIN_LOCATION,
    MOST_ON_HAND,
    Location,
    Reason,
    Share,
    Shortage,
    store,
)
from nexus.inventory.services.stockroom import Movement, Stockroom
from nexus.telemetry import figures

# A sku may arrive before its offer: it is known by its code until catalog gives it a name.
OPEN = """
WITH stranger AS (
    SELECT * FROM unnest(%s::text[]) AS t(sku) ORDER BY sku
), item AS (
    INSERT INTO inventory_item (sku, name, offer_version) SELECT sku, sku, 0 FROM stranger ON CONFLICT DO NOTHING
)
INSERT INTO inventory_stock (sku, location_id, on_hand, reserved, version, updated_at)
SELECT sku, %s, 0, 0, 0, clock_timestamp() FROM stranger ON CONFLICT DO NOTHING
"""


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A share as the region that sent it told it; `cause` is that news."""

    transfer_id: UUID
    region: str
    sku: str
    quantity: int
    sent_at: datetime
    cause: Cause


def receive_shares(arrivals: Sequence[Arrival]) -> None:
    """
    Put what other regions sent on the shelves of the main location, and tell them so.

    Must run inside a transaction of the inventory database. A second time the same share is refused by the keys of its
    row and of its movement, should ever the inbox let it through.

    :raises NothingToSend: a share without a piece
    :raises TooMuch: more than a counter holds
    """
    if not arrivals:
        return
    place = Location.objects.using(DATABASE).get(code=MAIN_LOCATION).pk
    room = _locked({each.sku for each in arrivals}, place)
    for each in arrivals:
        if each.quantity < 1:
            raise NothingToSend
        if each.quantity > MOST_ON_HAND - _on_hand(room, each.sku, place):
            raise TooMuch
        room.move(_movement(each, place))
    told = [_told(each) for each in arrivals]
    Share.objects.using(DATABASE).bulk_create(
        _share(each, told.time) for each, told in zip(arrivals, told, strict=True)
    )
    # What has come may not be enough: then others are asked again at once, not after the pause that was begun.
    Shortage.objects.using(DATABASE).filter(sku__in=sorted(room.counters)).delete()
    store.append(told)
    room.write()
    transaction.on_commit(lambda: _count(arrivals), using=DATABASE, robust=True)


def note_arrivals(arrived: Mapping[UUID, datetime], *, region: str) -> None:
    """What was sent to that region is there: it is no longer on the way."""
    sent = Share.objects.using(DATABASE).filter(from_region=settings.REGION, to_region=region, arrived_at=None)
    for share in sent.filter(transfer_id__in=list(arrived)).order_by("transfer_id").select_for_update():
        share.arrived_at = arrived[share.transfer_id]
        share.save(using=DATABASE, update_fields=["arrived_at"])


def _locked(skus: set[str], place: int) -> Stockroom:
    """The counters of these skus; each has one at the place."""
    room = Stockroom.lock(skus)
    at = {(sku, counter.location_id) for sku, counters in room.counters.items() for counter in counters}
    if strangers := sorted(sku for sku in skus if (sku, place) not in at):
        run(DATABASE, OPEN, [strangers, place])
        room = Stockroom.lock(skus)
    return room


def _on_hand(room: Stockroom, sku: str, place: int) -> int:
    return next(counter.on_hand for counter in room.counters[sku] if counter.location_id == place)


def _movement(arrival: Arrival, place: int) -> Movement:
    return Movement(
        sku=arrival.sku,
        location_id=place,
        on_hand=arrival.quantity,
        reason=Reason.ARRIVED,
        cause_id=arrival.transfer_id,
        note=f"from {arrival.region}",
    )


def _told(arrival: Arrival) -> Envelope[ShareArrived]:
    news = ShareArrived(
        transfer_id=arrival.transfer_id,
        from_region=settings.REGION,
        to_region=arrival.region,
        sku=arrival.sku,
        quantity=arrival.quantity,
    )
    return enclose(news, sequence=1, cause=arrival.cause)


def _share(arrival: Arrival, arrived_at: datetime) -> Share:
    return Share(
        transfer_id=arrival.transfer_id,
        sku=arrival.sku,
        quantity=arrival.quantity,
        from_region=arrival.region,
        to_region=settings.REGION,
        sent_at=arrival.sent_at,
        arrived_at=arrived_at,
    )


def _count(arrivals: Sequence[Arrival]) -> None:
    for each in arrivals:
        figures.shares.labels(each.region, "arrived").inc(each.quantity)
