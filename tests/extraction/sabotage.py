"""Takes a guard of the move away, from outside: the product has no switch for it."""

import os
from collections.abc import Callable, Sequence

WITHOUT = "EXTRACTION_WITHOUT"


def drop_fence() -> None:
    """The old database stays open to everybody while the rest is copied, and afterwards."""
    from nexus.eventbus.moving.places import Connection, Place

    shut = Place.shut

    def shut_the_new_one(place: Place, *, but: Sequence[Connection] = ()) -> None:
        if place != Place.of_settings("inventory"):
            shut(place, but=but)

    Place.shut = shut_the_new_one


def drop_inbox() -> None:
    """What has been heard is not among what is copied and compared."""
    from nexus.eventbus.moving import tables

    found = tables.tables_of
    tables.tables_of = lambda connection: [table for table in found(connection) if table.name != "inbox"]


GUARDS: dict[str, Callable[[], None]] = {"fence": drop_fence, "inbox": drop_inbox}


def take_away() -> None:
    """What the environment names, if it does."""
    if guard := os.environ.get(WITHOUT):
        GUARDS[guard]()
