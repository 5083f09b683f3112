"""What a look at one part of the shop came to."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """`POORLY` is bearable: something is slower or less than it should be. `BROKEN` costs customers something."""

    WELL = "well"
    POORLY = "poorly"
    BROKEN = "broken"


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """A part, how it is, what was seen, and what to do when it is not well."""

    part: str
    state: State
    seen: str
    advice: str = ""


def well(part: str, seen: str) -> Diagnosis:
    return Diagnosis(part=part, state=State.WELL, seen=seen)


def poorly(part: str, seen: str, advice: str) -> Diagnosis:
    return Diagnosis(part=part, state=State.POORLY, seen=seen, advice=advice)


def broken(part: str, seen: str, advice: str) -> Diagnosis:
    return Diagnosis(part=part, state=State.BROKEN, seen=seen, advice=advice)


def first_line_of(why: Exception) -> str:
    """What a driver says, without its explanations."""
    return (str(why).strip().splitlines() or [type(why).__name__])[0]
