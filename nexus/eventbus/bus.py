"""The bus that settings chose: start it, stop it, or carry everything there is at once."""

import logging
import threading
import time
from contextlib import ExitStack, suppress
from importlib import import_module
from types import ModuleType

from django.conf import settings

from nexus.eventbus import backends
from nexus.eventbus.chores import Chores
from nexus.eventbus.registry import members
from nexus.eventbus.relay import FollowedElsewhere, Relay

log = logging.getLogger("nexus.eventbus")


def backend() -> ModuleType:
    """The module named by ``EVENT_BUS["BACKEND"]``."""
    return import_module(settings.EVENT_BUS["BACKEND"])


def begin_where(transport: str) -> dict[str, bool]:
    """
    Let relays that have not begun begin where those of another transport stand: what lies before is in its hands
    already, and need not be published again. Which of them did, by consumer.
    """
    theirs = import_module(f"{backends.__name__}.{transport}").relays()
    return {relay.consumer: relay.begin_where(theirs) for relay in backend().relays()}


class Carrier:
    """Runs the relays and the apps' chores in threads, until stopped."""

    def __init__(self, relays: list[Relay], *, chores: bool = True) -> None:
        self._stop = threading.Event()
        runs = {relay.consumer: relay.run for relay in relays}
        if chores:
            busy = [member for member in members.values() if member.chores]
            runs |= {f"chores of {member.name}": Chores(member.chores).run for member in busy}
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


def start_in_web_process() -> bool:
    """
    With a bus that lives in the web process, start it there and return True; otherwise `manage.py relay` is a process
    of its own.
    """
    if backend().CARRIED_BY_WEB:
        Carrier(backend().relays()).start()
        return True
    return False


def drain(*, steps: int = 1_000_000) -> int:
    """
    Carry everything there is, and what follows from it, before returning; the number of records moved.

    For tests and commands; only for a bus that lives in one process.

    :raises FollowedElsewhere: another process carries already
    :raises RuntimeError: it does not come to rest
    """
    total = 0
    with ExitStack() as stack:
        followers = [stack.enter_context(relay.stepping()) for relay in backend().relays()]
        for _ in range(steps):
            moved = sum(step() for step in followers)
            total += moved
            if moved == 0:
                return total
    raise RuntimeError(f"still busy after {steps} steps: do two handlers answer each other?")


def settle(*, timeout: float = 600) -> None:
    """
    Return when everything told so far has been heard: by carrying it here, or by waiting for those who do.

    :raises TimeoutError: nobody seems to carry it
    """
    if backend().CARRIED_BY_WEB:
        with suppress(FollowedElsewhere):
            drain()
            return
    deadline = time.monotonic() + timeout
    while lags := {name: lag for name, lag in lag_of_subscribers().items() if lag}:
        if time.monotonic() > deadline:
            raise TimeoutError(f"not heard yet: {lags}; do relay and workers run?")
        time.sleep(0.2)


def lag_of_subscribers() -> dict[str, int]:
    """How many events each subscriber of this process has yet to hear, dead letters counted as heard."""
    return {
        member.name: sum(publisher.store.count_told(list(member.handlers)) for publisher in members.values())
        - member.store.count_heard(member.name, list(member.handlers))
        for member in members.values()
        if member.handlers
    }
