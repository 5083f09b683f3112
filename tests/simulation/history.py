"""What those outside have seen: the only evidence of what was promised to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID


@dataclass
class Request:
    """A customer's wish, sent once or, with a key, as often as the customer likes. `name` is its correlation id."""

    name: str
    customer_id: UUID
    key: str
    lines: Mapping[str, int]
    answered: list[UUID] = field(default_factory=list)


@dataclass
class History:
    """What was asked and answered."""

    requests: dict[str, Request] = field(default_factory=dict)
    done: list[tuple[str, UUID]] = field(default_factory=list)
    """Commands that were answered with success: the verb and the order."""
    adjusted: list[UUID] = field(default_factory=list)
    """Adjustments of stock that were answered with success."""

    def ask(self, *, customer_id: UUID, key: str, lines: Mapping[str, int]) -> Request:
        request = Request(name=f"request {len(self.requests) + 1}", customer_id=customer_id, key=key, lines=lines)
        self.requests[request.name] = request
        return request
