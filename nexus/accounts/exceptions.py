"""What accounts refuses."""

from nexus.contracts.errors import Conflict, Invalid, NotFound, TooMany


class NoSuchCustomer(NotFound):
    """There is no such customer, or not any more."""


class WeakPassword(Invalid):
    """The password is too easy to guess."""

    code = "weak_password"


class InvalidGrant(Invalid):
    """The refresh token is unknown, expired, revoked or was used before."""

    code = "invalid_grant"


class WrongCredentials(InvalidGrant):
    """The e-mail address and the password do not belong together."""


class TooManyAttempts(TooMany):
    """Too many failed logins; try again later."""

    code = "too_many_attempts"


class StaffCannotBeErased(Conflict):
    """A member of staff cannot be erased: a superuser takes their rights away first."""

    code = "staff_cannot_be_erased"
