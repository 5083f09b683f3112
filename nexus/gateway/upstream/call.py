"""One request to a service: which instance, how long, and whether once more."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from nexus.contracts.errors import NoAnswer, TooLate
from nexus.gateway.exceptions import NoInstance, NotReached
from nexus.gateway.headers import Headers
from nexus.gateway.routes import NEVER_TWICE
from nexus.gateway.upstream.service import Instance, Service
from nexus.telemetry import figures

CONNECT_WITHIN = 1.0
IDLE = 30.0
"""Seconds without a byte of the answer; an event stream may be silent for longer."""
MOST_ATTEMPTS = 3
FIRST_PAUSE = 0.05
COMING_BACK, LOOK_EVERY = 1.0, 0.02
"""Seconds that a request waits when everybody it could go to has only just gone."""
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
WORTH_ANOTHER = frozenset({502, 503, 504})
GONE = frozenset({502, 504})
"""Statuses that a proxy in front of an instance gives when it cannot reach it."""
PIECE = 64 * 1024


@dataclass(kw_only=True)
class Asked:
    """
    What a service is asked. `target` is path and query as they came. `deadline` is by the event loop's clock;
    `is_hasty` when it is the client who set it: what is late then says nothing about the service.
    """

    method: str
    target: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    deadline: float
    is_hasty: bool = False

    @property
    def may_be_repeated(self) -> bool:
        """Whether it does the same when it arrives twice (RFC 9110, section 9.2.2, and our Idempotency-Key)."""
        if self.method in SAFE or self.method in ("PUT", "DELETE"):
            return True
        if self.method != "POST" or self.target.startswith(NEVER_TWICE):
            return False
        return any(name.lower() == "idempotency-key" for name, _ in self.headers)


@dataclass(kw_only=True)
class Answer:
    """A service's answer, of which the body has yet to be read."""

    response: aiohttp.ClientResponse
    instance: Instance

    @property
    def status(self) -> int:
        return self.response.status

    @property
    def headers(self) -> Headers:
        """As they came, in lower case, those that come several times included."""
        return [(name.lower(), value) for name, value in self.response.raw_headers]

    @property
    def streams(self) -> bool:
        """Whether it comes as things happen, and is mostly waited for."""
        return self.response.content_type == "text/event-stream"

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """
        The body as it comes.

        :raises NoAnswer: it breaks off
        """
        content = self.response.content
        try:
            while True:
                async with asyncio.timeout(None if self.streams else IDLE):
                    piece = await content.readany()
                if not piece:
                    return
                yield piece
        except (aiohttp.ClientError, OSError, TimeoutError) as why:
            self.instance.breaker.failed(probe=False)
            raise NoAnswer("The service's answer broke off.") from why


@dataclass
class Caller:
    """Asks services over pooled connections."""

    session: aiohttp.ClientSession

    @asynccontextmanager
    async def asking(self, service: Service, asked: Asked) -> AsyncIterator[Answer]:
        """
        The answer, while the block lasts.

        :raises NoInstance: nobody may be asked
        :raises ServiceFull: the service has as many requests as it may have
        :raises NotReached: no instance took the request
        :raises NoAnswer: an instance took it, and was gone before it answered
        :raises TooLate: no answer within the time there was
        """
        with ExitStack() as place:
            place.enter_context(service.room())
            await service.known(self.session)
            service.budget.deposit()
            answer = await self._answer(service, asked)
            if answer.streams:
                # Whoever watches takes no place of those who want something; how many may watch the service says.
                place.close()
            else:
                place.enter_context(answer.instance.busy())
            try:
                yield answer
            finally:
                # A connection whose answer was not read to its end cannot be used again.
                if answer.response.content.at_eof():
                    answer.response.release()
                else:
                    answer.response.close()

    async def _answer(self, service: Service, asked: Asked) -> Answer:
        tried: list[Instance] = []
        while True:
            instance = await self._choose(service, tried, asked)
            tried.append(instance)
            try:
                with instance.busy():
                    answer = await self._attempt(service, instance, asked)
            except (NotReached, NoAnswer) as failure:
                elsewhere = service.has_other(tried)
                # What nobody took burdens nobody when somebody else is asked: no retry in the sense of the budget.
                if isinstance(failure, NotReached) and elsewhere and len(tried) < MOST_ATTEMPTS:
                    continue
                harmless = isinstance(failure, NotReached) or asked.may_be_repeated
                if not (harmless and self._once_more(service, tried)):
                    raise
                if not elsewhere:
                    await self._pause(len(tried), asked)
                continue
            worth_it = answer.status in WORTH_ANOTHER and asked.method in SAFE and service.has_other(tried)
            if not (worth_it and self._once_more(service, tried)):
                return answer
            answer.response.close()

    async def _choose(self, service: Service, tried: Sequence[Instance], asked: Asked) -> Instance:
        """
        Somebody to ask; waits a moment if everybody has only just gone, as when processes are replaced in turn, or has
        been tried, without an answer since, while another is about to be back.
        """
        now = asyncio.get_running_loop().time
        until = min(now() + COMING_BACK, asked.deadline)
        while True:
            is_worth_waiting = now() < until and service.may_be_back_within(COMING_BACK)
            try:
                chosen = service.choose(avoid=tried)
            except NoInstance:
                if not is_worth_waiting:
                    raise
            else:
                if chosen not in tried or not chosen.breaker.is_doubted or not is_worth_waiting:
                    return chosen
            await asyncio.sleep(LOOK_EVERY)

    def _once_more(self, service: Service, tried: Sequence[Instance]) -> bool:
        if len(tried) >= MOST_ATTEMPTS:
            return False
        may = service.budget.withdraw()
        (figures.retries if may else figures.budget_exhausted).labels(service.name).inc()
        return may

    async def _pause(self, times: int, asked: Asked) -> None:
        """Full jitter (M. Brooker, "Exponential Backoff And Jitter", 2015), and never past the deadline."""
        pause = random.uniform(0, FIRST_PAUSE * 2**times)
        if asyncio.get_running_loop().time() + pause >= asked.deadline:
            raise TooLate
        await asyncio.sleep(pause)

    async def _attempt(self, service: Service, instance: Instance, asked: Asked) -> Answer:
        probe = instance.breaker.begin()
        began, status = time.perf_counter(), 0
        try:
            async with asyncio.timeout_at(asked.deadline):
                response = await self.session.request(
                    asked.method,
                    URL(instance.address + asked.target, encoded=True),
                    headers=CIMultiDict(asked.headers),
                    data=asked.body or None,
                    # A redirect is the client's to follow: we would go wherever a service, or its guest, sends us.
                    allow_redirects=False,
                )
            status = response.status
        except TimeoutError as why:
            # aiohttp's own, for a connection, is one too.
            is_ours = not isinstance(why, aiohttp.ServerTimeoutError)
            if is_ours and asked.is_hasty:
                instance.breaker.abandoned(probe=probe)
            else:
                self._went_wrong(instance, probe=probe, reached=is_ours)
            if not is_ours:
                raise NotReached(f"{service.name} does not answer.") from why
            raise TooLate from why
        except aiohttp.ClientConnectorError as why:
            self._went_wrong(instance, probe=probe, reached=False)
            raise NotReached(f"{service.name} does not answer.") from why
        except (aiohttp.ClientError, OSError, ValueError) as why:
            self._went_wrong(instance, probe=probe)
            raise NoAnswer(f"{service.name} gave no answer; nobody knows whether it did what was asked.") from why
        except BaseException:
            # The client left, or something is wrong with us; a probe without an outcome would be waited for for ever.
            instance.breaker.abandoned(probe=probe)
            raise
        finally:
            figures.calls.labels(service.name, str(status)).observe(time.perf_counter() - began)
        instance.answered += 1
        instance.wrong += response.status >= 500
        if response.status in GONE:
            instance.breaker.failed(probe=probe)
        else:
            instance.breaker.succeeded(probe=probe)
        return Answer(response=response, instance=instance)

    def _went_wrong(self, instance: Instance, *, probe: bool, reached: bool = True) -> None:
        instance.answered += 1
        instance.wrong += 1
        instance.breaker.failed(probe=probe, reached=reached)


def new_session() -> aiohttp.ClientSession:
    """Connections to services; nothing of a request or answer is changed, followed, decoded or remembered."""
    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=15, ttl_dns_cache=5),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_WITHIN),
        auto_decompress=False,
        requote_redirect_url=False,
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        read_bufsize=PIECE,
        max_line_size=16 * 1024,
        max_field_size=16 * 1024,
    )
    # aiohttp would send what does the same twice once more by itself, past our budget; no public word prevents it.
    setattr(session, "_retry_connection", False)  # noqa: B010
    return session
