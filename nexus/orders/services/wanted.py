"""What customers want, and what becomes of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import Error

from nexus.contracts.correlation import Cause
from nexus.contracts.errors import NexusError
from nexus.orders.selectors import OrderView
from nexus.orders.services.offered import Line


@dataclass(frozen=True, kw_only=True)
class Claim:
    """An Idempotency-Key and the digest of the request that came with it."""

    key: str
    fingerprint: str


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """An order that a customer wants placed, and what it is told to come from."""

    customer_id: UUID
    lines: Sequence[Line]
    currency: str
    note: str = ""
    claim: Claim | None = None
    cause: Cause | None = None


class NotTogether(Exception):
    """Nothing was done for this order: its key is taken, or one of the others spoilt the statement. Place it alone."""


Outcome = OrderView | NexusError | NotTogether | Error
"""What becomes of one order among several: placed, or why not, or that nobody can tell."""


def skus_of(wanted: Sequence[Wanted]) -> set[str]:
    """All that the orders ask for."""
    return {line.sku for order in wanted for line in order.lines}
