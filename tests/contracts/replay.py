"""A recorded life of an order, lived again on today's code."""

import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from nexus.contracts.base import EVENTS
from nexus.contracts.orders import OrderLine, OrderPlaced
from nexus.orders.models import TRANSITIONS, Status
from tests.contracts.stage import Stage, Told

History = dict[str, Any]
"""What `record.py` writes."""


def differences_of(history: History) -> list[str]:
    """
    Where today's code leads to something else than the recorded life did.

    Each app gets the recorded events of the other, as a log or a queue would still hold them; what it tells because
    of them is compared with what was told then, ids and instants aside.
    """
    stage = _live_again(history)
    then, now = _ids_aside(history["records"]), _ids_aside(stage.told())
    found = [f"told then, not now: {event}" for event in then if event not in now]
    found += [f"told now, not then: {event}" for event in now if event not in then]
    end = stage.end()
    found += [f"{name} was {was} and is {end[name]}" for name, was in history["end"].items() if end[name] != was]
    return found


def fold(history: History) -> str:
    """The status that the order's events lead to by today's table of transitions."""
    status = Status.PLACED
    for told in history["records"]:
        if told["source"] == OrderPlaced.source and told["type"] != OrderPlaced.type:
            before, after = TRANSITIONS[EVENTS[told["type"]]]
            assert status in before, f"{told['type']} no longer leads on from {status}"
            status = after
    return status.value


def _live_again(history: History) -> Stage:
    records = {told["id"]: told for told in history["records"]}
    placed = next(told for told in history["records"] if told["type"] == OrderPlaced.type)
    stage = Stage(lines=[OrderLine(**line) for line in placed["data"]["lines"]], stock=history["stock"])
    for step in history["steps"]:
        told = records[step["event"]]
        if step["does"] == "tells":
            reason = told["data"].get("reason", "")
            stage.tells(EVENTS[told["type"]], customer_id=UUID(placed["data"]["customer_id"]), reason=reason)
        else:
            stage.hears(step["app"], json.loads(json.dumps(told).replace(placed["subject"], str(stage.order_id))))
    return stage


def _ids_aside(told: Sequence[Told]) -> list[Told]:
    """In a form in which two lives of an order compare."""
    placed = next(event for event in told if event["type"] == OrderPlaced.type)
    names = {placed["subject"]: "<order>", placed["data"]["number"]: "<number>"}
    return [
        {
            "type": event["type"],
            "subject": names.get(event["subject"]),
            "sequence": event["sequence"],
            "data": {name: _plain(name, value, names) for name, value in event["data"].items()},
        }
        for event in told
    ]


def _plain(name: str, value: Any, names: Mapping[str, str]) -> Any:
    if name.endswith("_at") and value is not None:
        return "<instant>"
    return names.get(value, value) if isinstance(value, str) else value
