"""Placing an order: priced from the local price book, written and announced by one statement."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from uuid import UUID

from django.db import DataError, Error, IntegrityError

from nexus.contracts.errors import KeyReused, NexusError
from nexus.eventbus.postgresql.base import close_broken_connections
from nexus.eventbus.stores.postgres_rows import run
from nexus.orders.exceptions import NotForSale, PricesIncomplete, PricesMoved
from nexus.orders.models import DATABASE, PlacementClaim, Status
from nexus.orders.selectors import Offer, OrderView, find_claim, get_order, list_claimed
from nexus.orders.services.attempt import PLACE, Attempt
from nexus.orders.services.offered import Line
from nexus.orders.services.prices import is_incomplete
from nexus.orders.services.remembered import look_up, recall
from nexus.orders.services.wanted import Claim, NotTogether, Outcome, Wanted, skus_of
from nexus.telemetry import figures

CLAIM_LIFETIME = timedelta(hours=24)
Find = Callable[[set[str]], Mapping[str, Offer] | None]


@dataclass(frozen=True, kw_only=True)
class Placement:
    """The order, and whether it had been placed before with the same key."""

    order: OrderView
    replayed: bool


def place_order(
    *, customer_id: UUID, lines: Sequence[Line], currency: str, note: str = "", claim: Claim | None = None
) -> Placement:
    """
    Place an order at today's prices and announce it.

    Touches the orders database only: prices come from the local price book, so catalog and inventory may be down.

    :raises NotForSale: a line names a sku that is unknown, not sellable, or has no price in the currency
    :raises PricesIncomplete: the same, while the price book is being made again; or prices change all the time
    :raises OutOfStock: a line is known to be sold out
    :raises KeyReused: the claim's key was used with another request
    """
    wanted = Wanted(customer_id=customer_id, lines=lines, currency=currency, note=note, claim=claim)
    for _ in range(3):
        if claim and (known := _replay(customer_id, claim)):
            return known
        [outcome] = place_orders([wanted])
        if isinstance(outcome, OrderView):
            return Placement(order=outcome, replayed=False)
        if not isinstance(outcome, NotTogether):
            raise outcome
    raise KeyReused


def place_orders(wanted: Sequence[Wanted]) -> list[Outcome]:
    """
    Place orders as `place_order` does: together, all that can be placed at prices that are remembered, then the rest.

    One that cannot be placed never spoils its neighbours, and none is told that it failed because others did.

    :raises Error: the database cannot be asked; none was placed
    """
    outcomes: list[Outcome] = [NotTogether()] * len(wanted)
    left = list(range(len(wanted)))
    # What is remembered refuses nobody. Then twice: something may change between reading and writing.
    for find, again in ((recall, NexusError), (look_up, PricesMoved), (look_up, PricesMoved)):
        try:
            found = _attempted([wanted[position] for position in left], find)
        except Error as failure:
            if len(left) == len(wanted):
                raise
            found = [failure] * len(left)
        if found is None:
            continue
        for position, outcome in zip(left, found, strict=True):
            outcomes[position] = outcome
        left = [position for position in left if isinstance(outcomes[position], again)]
        if not left:
            break
    return _explained(outcomes)


def place_waiting_orders(wanted: Sequence[Wanted]) -> list[Outcome]:
    """
    The same for orders whose keys nobody has looked up, in a thread that does nothing else: no end of a request lets a
    broken connection go there.
    """
    close_broken_connections()
    return _without_known(wanted, place_orders(wanted))


def _without_known(wanted: Sequence[Wanted], outcomes: list[Outcome]) -> list[Outcome]:
    """Who is refused now may have been served before, with the same key: that is for `place_order` to find out."""
    refused: dict[tuple[UUID, str], list[int]] = {}
    for position, (order, outcome) in enumerate(zip(wanted, outcomes, strict=True)):
        if order.claim and isinstance(outcome, NexusError):
            refused.setdefault((order.customer_id, order.claim.key), []).append(position)
    try:
        known = list_claimed(refused) if refused else set()
    except Error as failure:
        return _instead(outcomes, chain(*refused.values()), failure)
    return _instead(outcomes, chain(*(refused[pair] for pair in known)), NotTogether())


def forget_old_claims() -> int:
    """Delete claims past their lifetime; how many they were."""
    old = PlacementClaim.objects.using(DATABASE).filter(created_at__lt=datetime.now(UTC) - CLAIM_LIFETIME)
    return old.delete()[0]


def _attempted(wanted: Sequence[Wanted], find: Find) -> list[Outcome] | None:
    """What comes of one attempt at the offers found; None where not all of them are."""
    if (offers := find(skus_of(wanted))) is None:
        return None
    attempt = Attempt(wanted, offers)
    if attempt:
        try:
            attempt.settle(dict(run(DATABASE, PLACE, attempt.parameters())))
        except (DataError, IntegrityError) as failure:
            # The statement failed as a whole, and one of them is to blame: each gets another chance by itself.
            if len(attempt) == 1:
                attempt.fail(failure)
        except Error as failure:
            attempt.fail(failure)
    return attempt.outcomes


def _explained(outcomes: list[Outcome]) -> list[Outcome]:
    """What is said of them: while the price book is being made again nobody can tell what is for sale."""
    unknown = [position for position, outcome in enumerate(outcomes) if isinstance(outcome, NotForSale)]
    try:
        return _instead(outcomes, unknown, PricesIncomplete()) if unknown and is_incomplete() else outcomes
    except Error as failure:
        # The others may have been placed by now.
        return _instead(outcomes, unknown, failure)


def _instead(outcomes: list[Outcome], positions: Iterable[int], outcome: Outcome) -> list[Outcome]:
    for position in positions:
        outcomes[position] = outcome
    return outcomes


def _replay(customer_id: UUID, claim: Claim) -> Placement | None:
    """The order that this key placed; a claim older than its lifetime is let go."""
    known = find_claim(customer_id=customer_id, key=claim.key)
    if known is None:
        return None
    if known.created_at < datetime.now(UTC) - CLAIM_LIFETIME:
        PlacementClaim.objects.using(DATABASE).filter(
            customer_id=customer_id, key=claim.key, created_at=known.created_at
        ).delete()
        return None
    if known.fingerprint != claim.fingerprint:
        figures.idempotency.labels("mismatch").inc()
        raise KeyReused
    figures.idempotency.labels("replay").inc()
    order = get_order(order_id=known.order_id)
    first_answer = replace(order, status=Status.PLACED, reason="", updated_at=order.placed_at, version=1)
    return Placement(order=first_answer, replayed=True)
