"""What inventory refuses."""

from nexus.contracts.errors import Conflict, Invalid, NotFound


class ItemNotFound(NotFound):
    """There is no such sku."""


class LocationUnknown(Invalid):
    """There is no such location."""

    code = "unknown_location"


class LocationExists(Conflict):
    """There is a location of that code already."""

    code = "location_exists"


class BelowReserved(Conflict):
    """That many are not free to take: the rest is set aside for orders."""

    code = "below_reserved"


class TooMuch(Invalid):
    """A location cannot hold that many."""

    code = "too_much"
