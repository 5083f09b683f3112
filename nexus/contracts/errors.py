"""
What can go wrong, in kinds that every app subclasses and that `nexus.web` alone turns into HTTP answers.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class FieldError:
    """One thing wrong with one field; `field` is a path such as ``lines.0.quantity``."""

    field: str
    code: str
    message: str


class NexusError(Exception):
    """
    The base of every refusal.

    `code` is stable and machine-readable; the message is for people. `errors` names the fields at fault, if any.
    """

    code = "error"

    def __init__(self, message: str = "", *, errors: Sequence[FieldError] = ()) -> None:
        super().__init__(message or (self.__doc__ or "").strip().split("\n")[0])
        self.errors = tuple(errors)


class Invalid(NexusError):
    """The request is malformed or breaks a rule."""

    code = "invalid"


class NotFound(NexusError):
    """There is no such thing, or it is not yours."""

    code = "not_found"


class Forbidden(NexusError):
    """You may not do this."""

    code = "forbidden"


class Conflict(NexusError):
    """The present state does not allow this."""

    code = "conflict"


class Stale(NexusError):
    """It was changed by somebody else since you read it."""

    code = "stale"


class KeyReused(NexusError):
    """This Idempotency-Key was used before with another request."""

    code = "idempotency_key_reused"


class InProgress(NexusError):
    """The first request with this Idempotency-Key is still being worked on."""

    code = "in_progress"
    retry_after = 1


class TooMany(NexusError):
    """Too many attempts; try again later. `retry_after` says in how many seconds."""

    code = "too_many"

    def __init__(self, message: str = "", *, retry_after: int) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Unavailable(NexusError):
    """Something this needs is not reachable right now."""

    code = "unavailable"
    retry_after = 5


class NoAnswer(NexusError):
    """A service took the request and gave no answer; nobody knows whether it did what was asked."""

    code = "no_answer"


class TooLate(NexusError):
    """There was no answer within the time that the request may take."""

    code = "too_late"
