"""
What one region has, was sent and was told, and whether the reports of several agree.

No region looks into another's database: each writes its report, and whoever has them all compares.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import msgspec
from django.conf import settings

from nexus.contracts.inventory import ShareArrived, ShareSent
from nexus.eventbus.stores.postgres_rows import run
from nexus.inventory.models import DATABASE

# One statement, so that all of it is of the same instant; the log and the ledger, which nobody can change.
REPORT = """
SELECT 'stock', sku, sum(on_hand)::int, coalesce(sum(on_hand) FILTER (WHERE reason NOT IN ('sent', 'arrived')), 0)::int,
    NULL::text, NULL::timestamptz
FROM inventory_ledgerentry GROUP BY sku
UNION ALL SELECT type, subject, 0, 0, data::text, time FROM event_log WHERE type = ANY(%s)
"""


class Shelf(msgspec.Struct, frozen=True):
    """Of one sku: what is on hand, and what all but transfers between regions made of it."""

    on_hand: int
    without_shares: int


class Told(msgspec.Struct, frozen=True):
    """One share, as the region that sent it or that it came to tells it."""

    from_region: str
    to_region: str
    sku: str
    quantity: int
    at: datetime


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What one region says; `sent` and `arrived` by the transfer's id."""

    region: str
    taken_at: datetime
    stock: dict[str, Shelf]
    sent: dict[str, Told]
    arrived: dict[str, Told]


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """
    What the reports come to. `wrong` are sentences; `on_the_way` are transfers that have not arrived, `unknown` those
    that cannot be judged: they are younger than the report of the region that sent them, or that one is missing.
    """

    wrong: list[str]
    on_the_way: dict[str, Told]
    unknown: list[str]
    on_hand: int


class _Crossed(msgspec.Struct):
    """What is told when a share leaves or arrives, as it stands in the log."""

    from_region: str
    to_region: str
    sku: str
    quantity: int


def report() -> Report:
    """This region's, as of now."""
    found = Report(region=settings.REGION, taken_at=datetime.now(UTC), stock={}, sent={}, arrived={})
    for kind, key, on_hand, without, data, at in run(DATABASE, REPORT, [[ShareSent.type, ShareArrived.type]]):
        if kind == "stock":
            found.stock[key] = Shelf(on_hand, without)
            continue
        told = msgspec.json.decode(data, type=_Crossed)
        if kind == ShareSent.type:
            found.sent[key] = Told(told.from_region, told.to_region, told.sku, told.quantity, at)
        else:
            # The news of an arrival goes the other way than the goods.
            found.arrived[key] = Told(told.to_region, told.from_region, told.sku, told.quantity, at)
    return found


def audit(reports: Sequence[Report]) -> Verdict:
    """Whether every share that arrived was sent, as it was and once, and every shelf is what its movements make."""
    by_region = {each.region: each for each in reports}
    arrived = [(transfer, told) for each in reports for transfer, told in each.arrived.items()]
    unknown = [transfer for transfer, told in arrived if _cannot_be_judged(transfer, told, by_region)]
    wrong = [
        *(f"{region} is there {count} times" for region, count in _twice(each.region for each in reports)),
        *(f"{transfer} arrived {count} times" for transfer, count in _twice(transfer for transfer, _ in arrived)),
        *(line for each in reports for line in _wrong_shelves(each)),
    ]
    for transfer, told in arrived:
        if transfer not in unknown and (complaint := _complaint(by_region[told.from_region].sent.get(transfer), told)):
            wrong.append(f"{transfer}: {complaint}")
    there = {transfer for transfer, _ in arrived}
    on_the_way = {transfer: told for each in reports for transfer, told in each.sent.items() if transfer not in there}
    on_hand = sum(shelf.on_hand for each in reports for shelf in each.stock.values())
    return Verdict(wrong=wrong, on_the_way=on_the_way, unknown=unknown, on_hand=on_hand)


def _cannot_be_judged(transfer: str, told: Told, by_region: Mapping[str, Report]) -> bool:
    sender = by_region.get(told.from_region)
    return sender is None or (transfer not in sender.sent and told.at > sender.taken_at)


def _complaint(sent: Told | None, arrived: Told) -> str:
    if sent is None:
        return f"{arrived.quantity} {arrived.sku} arrived at {arrived.to_region}, never sent by {arrived.from_region}"
    if (sent.to_region, sent.sku, sent.quantity) != (arrived.to_region, arrived.sku, arrived.quantity):
        left = f"{sent.quantity} {sent.sku} left for {sent.to_region}"
        return f"{left}, {arrived.quantity} {arrived.sku} arrived at {arrived.to_region}"
    return ""


def _wrong_shelves(each: Report) -> Iterator[str]:
    """On hand is what came and went here, less what was sent, and what arrived."""
    shares = Counter[str]()
    for sign, told in ((-1, each.sent), (1, each.arrived)):
        for share in told.values():
            shares[share.sku] += sign * share.quantity
    for sku in sorted(each.stock.keys() | shares.keys()):
        shelf = each.stock.get(sku, Shelf(0, 0))
        if shelf.on_hand != shelf.without_shares + shares[sku]:
            moved = f"{shelf.on_hand - shelf.without_shares:+} in the ledger, {shares[sku]:+} told"
            yield f"{sku} in {each.region}: shares moved {moved}"


def _twice(names: Iterator[str]) -> list[tuple[str, int]]:
    return [(name, count) for name, count in Counter(names).items() if count > 1]
