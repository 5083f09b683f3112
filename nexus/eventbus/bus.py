"""The bus that settings chose: start it, stop it, or carry everything there is at once."""

import logging
import threading
import time
from contextlib import ExitStack
from types import ModuleType

from django.conf import settings
from django.utils.module_loading import import_module

from nexus.eventbus.chores import Chores
from nexus.eventbus.registry import members
from nexus.eventbus.relay import Relay

log = logging.getLogger("nexus.eventbus")


def backend() -> ModuleType:
    """The module named by ``EVENT_BUS["BACKEND"]``."""
    return import_module(settings.EVENT_BUS["BACKEND"])


class Carrier:
    """Runs the relays and the apps' chores in threads, until stopped."""

    def __init__(self, relays: list[Relay]) -> None:
        self._stop = threading.Event()
        runs = {relay.consumer: relay.run for relay in relays}
        runs |= {f"chores of {member.name}": Chores(member.chores).run for member in members.values() if member.chores}
        self._threads = [
            threading.Thread(target=run, args=[self._stop], name=name, daemon=True) for name, run in runs.items()
        ]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float = 10) -> None:
        """Let each relay finish its step."""
        self._stop.set()
        deadline = time.monotonic() + timeout
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def wait(self) -> None:
        """Return when stopped."""
        self._stop.wait()


def start_in_web_process() -> None:
    """With a bus that lives in the web process, start it there; otherwise `manage.py relay` is a process of its own."""
    if backend().CARRIED_BY_WEB:
        Carrier(backend().relays()).start()


def drain(*, rounds: int = 50) -> int:
    """
    Carry everything there is, and what follows from it, before returning; the number of records moved.

    For tests and commands; only for a bus that lives in one process.

    :raises RuntimeError: it does not come to rest, or another process carries already
    """
    total = 0
    with ExitStack() as stack:
        steps = [stack.enter_context(relay.stepping()) for relay in backend().relays()]
        for _ in range(rounds):
            moved = sum(step() for step in steps)
            total += moved
            if moved == 0:
                return total
    raise RuntimeError(f"still busy after {rounds} rounds: do two handlers answer each other?")
