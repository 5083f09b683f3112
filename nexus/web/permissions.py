"""Who may do what, by the scopes of the token. Views are closed unless they say otherwise."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from nexus.web.principal import Principal


class SignedIn(BasePermission):
    """A customer or client with a valid token."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return isinstance(request.user, Principal)


class Anyone(BasePermission):
    """Open to the world, on purpose."""

    def has_permission(self, request: Request, view: Any) -> bool:
        return True


class _Scope(BasePermission):
    scope = ""
    customers_only = False
    readable = False

    def has_permission(self, request: Request, view: Any) -> bool:
        if self.readable and request.method in SAFE_METHODS:
            return True
        user = request.user
        if not isinstance(user, Principal) or self.scope not in user.scopes:
            return False
        return user.customer_id is not None or not self.customers_only


def customer_with(scope: str) -> type[BasePermission]:
    """A person with this scope; a client acting for itself is not one."""
    return type("CustomerWith", (_Scope,), {"scope": scope, "customers_only": True})


def holder_of(scope: str) -> type[BasePermission]:
    """A customer or client with this scope."""
    return type("HolderOf", (_Scope,), {"scope": scope})


def read_by_anyone_written_by(scope: str) -> type[BasePermission]:
    """GET for the world, the rest for holders of the scope."""
    return type("WrittenBy", (_Scope,), {"scope": scope, "readable": True})
