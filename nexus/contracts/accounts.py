"""What accounts tells. Ids only: personal data never travels in an event."""

from dataclasses import dataclass
from uuid import UUID

from nexus.contracts.base import Event


@dataclass(frozen=True, kw_only=True)
class CustomerRegistered(Event, name="accounts.customer-registered.v1", listeners=False):
    """Somebody became a customer."""

    customer_id: UUID

    @property
    def subject(self) -> str:
        return str(self.customer_id)


@dataclass(frozen=True, kw_only=True)
class CustomerErased(Event, name="accounts.customer-erased.v1"):
    """A customer asked to be forgotten; whoever keeps something personal about them drops it."""

    customer_id: UUID

    @property
    def subject(self) -> str:
        return str(self.customer_id)
