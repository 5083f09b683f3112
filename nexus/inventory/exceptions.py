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


class RegionUnknown(Invalid):
    """There is no link to such a region, or what came is not meant for this one."""

    code = "unknown_region"


class NothingToSend(Invalid):
    """A share has at least one piece."""

    code = "nothing_to_send"


class TooMuch(Invalid):
    """A location cannot hold that many."""

    code = "too_much"
