"""Several threads that decode an event for the first time, all at the same moment."""

import signal
import subprocess
import sys

PROGRAM = """
import sys, threading
from dataclasses import dataclass
from typing import Annotated
from uuid import UUID, uuid4
import msgspec
from nexus.contracts.base import EVENTS, Event, enclose
from nexus.eventbus import wire

THREADS, KINDS = 8, 400
sys.setswitchinterval(1e-6)


def new_kind(number):
    # Like ours: annotated, with parts whose class nobody has seen either.
    bulb = dataclass(frozen=True, kw_only=True)(type("Bulb", (), {"__annotations__": {"watts": int, "colour": str}}))
    shade = dataclass(frozen=True, kw_only=True)(type("Shade", (), {"__annotations__": {"bulbs": tuple[bulb, ...]}}))
    parts = {"lamp_id": Annotated[UUID, "its id"], "name": Annotated[str, "its name"], "brightness": int}
    parts |= {"shades": tuple[shade, ...], "bulbs": tuple[bulb, ...]}
    kind = type(f"Lit{number}", (Event,), {"__annotations__": parts, "subject": "lamp"}, name=f"toys.lit-{number}.v1")
    made = dataclass(frozen=True, kw_only=True)(kind)
    EVENTS[made.type] = made
    one = bulb(watts=4, colour="red")
    return made(lamp_id=uuid4(), name="x", shades=(shade(bulbs=(one, one)),), bulbs=(one,), brightness=1)


def decode(record):
    if sys.argv[1] == "ours":
        return wire.envelope_of(record).data
    return msgspec.json.decode(record.data, type=EVENTS[record.type])


for number in range(KINDS):
    record = wire.record_of(enclose(new_kind(number), sequence=1))
    ready, found = threading.Barrier(THREADS), []

    def at_once():
        ready.wait()
        found.append(decode(record))

    threads = [threading.Thread(target=at_once) for _ in range(THREADS)]
    [each.start() for each in threads]
    [each.join() for each in threads]
    assert len(found) == THREADS and len(set(found)) == 1, found
"""


def status_of(whose: str) -> int:
    done = subprocess.run([sys.executable, "-c", PROGRAM, whose], capture_output=True, timeout=120, check=False)
    return done.returncode


def test_all_of_them_get_it() -> None:
    assert status_of("ours") == 0


def test_without_a_decoder_made_beforehand_the_process_dies() -> None:
    """When this fails, msgspec has mended it, and `wire` may decode by the class again."""
    assert any(status_of("theirs") == -signal.SIGSEGV for _ in range(5))
