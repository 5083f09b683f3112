"""Who is asking, as their token says: no user table is consulted, so every app can leave without one."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, kw_only=True)
class Principal:
    """
    A customer, or an OAuth client acting for itself (then `customer_id` is None).

    `is_authenticated` and `pk` are what DRF and Django expect of a request's user.
    """

    customer_id: UUID | None
    client_id: str
    scopes: frozenset[str]
    label: str = ""

    is_authenticated = True
    is_anonymous = False
    is_active = True

    @property
    def pk(self) -> str:
        return str(self.customer_id or self.client_id)

    @property
    def username(self) -> str:
        return str(self)

    def get_username(self) -> str:
        return str(self)

    def __str__(self) -> str:
        return self.label or self.pk
