"""A service behind the door: its instances, which of them is asked, and how many requests it may have at once."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import aiohttp

from nexus.gateway.discovery import Fixed, Source, Unfound
from nexus.gateway.discovery.sources import EVERY
from nexus.gateway.exceptions import NoInstance, ServiceFull
from nexus.gateway.upstream.breaker import Breaker, State
from nexus.gateway.upstream.budget import Budget
from nexus.gateway.upstream.outliers import Outliers
from nexus.telemetry import figures

log = logging.getLogger("nexus.gateway")

MOST_UNDER_WAY = 512
"""Requests that one service may have at once, from one gateway process: another service's must find room too."""
FIRST_WORD = 2.0
"""Seconds that a request waits for the first addresses."""
SHORTEST_PAUSE = 0.5


@dataclass(eq=False)
class Instance:
    """One process of a service, and what is known of it."""

    address: str
    breaker: Breaker
    under_way: int = 0
    answered: int = 0
    wrong: int = 0
    ejected_until: float = float("-inf")
    ejections: int = 0

    @contextmanager
    def busy(self) -> Iterator[None]:
        """With one request more, while the block lasts."""
        self.under_way += 1
        try:
            yield
        finally:
            self.under_way -= 1


@dataclass
class Service:
    """Instances of one service."""

    name: str
    source: Source
    most: int = MOST_UNDER_WAY
    clock: Callable[[], float] = time.monotonic
    budget: Budget = field(default_factory=Budget)
    instances: dict[str, Instance] = field(default_factory=dict)
    under_way: int = 0
    _outliers: Outliers = field(default_factory=Outliers)
    _heard: asyncio.Event = field(default_factory=asyncio.Event)
    _watching: asyncio.Task[None] | None = None

    def learn(self, addresses: Collection[str]) -> None:
        """These are the instances now; what was known of those that stay is kept."""
        for address in sorted(set(addresses) - self.instances.keys()):
            self.instances[address] = Instance(address, self._breaker(address))
        for address in self.instances.keys() - set(addresses):
            del self.instances[address]
        self._tell_state()
        self._heard.set()

    def _breaker(self, address: str) -> Breaker:
        def moved(state: State) -> None:
            log.warning("%s at %s: breaker %s", self.name, address, state)
            figures.breaker_moves.labels(self.name, state.value).inc()
            self._tell_state()

        return Breaker(clock=self.clock, moved=moved)

    def _tell_state(self) -> None:
        broken = sum(each.breaker.state is not State.CLOSED for each in self.instances.values())
        figures.breaker_state.labels(self.name).set(broken / len(self.instances) if self.instances else 1.0)

    @contextmanager
    def room(self) -> Iterator[None]:
        """
        A place among the requests under way.

        :raises ServiceFull: there is none
        """
        if self.under_way >= self.most:
            figures.shed.labels("service_full").inc()
            raise ServiceFull(f"{self.name} has as many requests as it may have.")
        self.under_way += 1
        try:
            yield
        finally:
            self.under_way -= 1

    def choose(self, *, avoid: Collection[Instance] = ()) -> Instance:
        """
        The less busy of two at random (M. Mitzenmacher, "The Power of Two Choices", 2001) among those that may be
        asked, others than `avoid` if there are any; else one that has answered since.

        :raises NoInstance: nobody may be asked
        """
        for ejected in self._outliers.look(list(self.instances.values())):
            log.warning("%s at %s fails more than its peers: ejected", self.name, ejected.address)
        now = self.clock()
        usable = [each for each in self.instances.values() if each.breaker.allows and each.ejected_until <= now]
        fresh = [each for each in usable if each not in avoid]
        if not usable:
            raise NoInstance(f"{self.name} does not answer.", retry_after=self._rests_for())
        some = fresh or [each for each in usable if not each.breaker.is_doubted] or usable
        return min(random.sample(some, min(2, len(some))), key=lambda each: each.under_way)

    def has_other(self, tried: Collection[Instance]) -> bool:
        """Whether somebody else may be asked."""
        now = self.clock()
        others = (each for each in self.instances.values() if each not in tried)
        return any(each.breaker.allows and each.ejected_until <= now for each in others)

    def may_be_back_within(self, seconds: float) -> bool:
        """
        Whether it is worth a moment's waiting: the service was well a moment ago, and who is away is to be asked within
        that time. Who is replaced may take long; it is the others who say whether the service is well.
        """
        breakers = [each.breaker for each in self.instances.values()]
        lately = any(breaker.was_well_lately for breaker in breakers)
        return lately and any(breaker.may_be_back_within(seconds) for breaker in breakers)

    def _rests_for(self) -> int:
        rests = [each.breaker.rests_for for each in self.instances.values()]
        return max(1, round(min(rests, default=1.0)))

    async def known(self, session: aiohttp.ClientSession) -> None:
        """Returns when addresses are known, or after a short while; begins to watch the source when first called."""
        if isinstance(self.source, Fixed):
            if not self._heard.is_set():
                self.learn(self.source.addresses)
            return
        if self._watching is None or self._watching.done():
            self._watching = asyncio.get_running_loop().create_task(self._watch(session))
        if not self._heard.is_set():
            try:
                async with asyncio.timeout(FIRST_WORD):
                    await self._heard.wait()
            except TimeoutError:
                return

    async def _watch(self, session: aiohttp.ClientSession) -> None:
        """Ask the source for ever, never more often than twice a second; silence changes nothing."""
        while not session.closed:
            began = self.clock()
            try:
                self.learn(await self.source.find(session))
                pause = max(SHORTEST_PAUSE, EVERY - (self.clock() - began)) if not self._is_told() else SHORTEST_PAUSE
            except Unfound as why:
                log.warning("%s: %s", self.name, why)
                pause = EVERY
            await asyncio.sleep(pause * random.uniform(0.75, 1.25))

    def _is_told(self) -> bool:
        """Whether the source answers when something changes, so that no pause is needed."""
        return bool(getattr(self.source, "index", 0))

    def stop(self) -> None:
        """Watch no more."""
        if self._watching:
            self._watching.cancel()
