"""The front door on the express lane: the same limit for the same callers as in `nexus.gateway.middleware`."""

from collections.abc import Sequence

from django.apps import apps
from django.conf import settings

from nexus.gateway.callers import caller_at
from nexus.gateway.exceptions import RateLimited
from nexus.gateway.limits import Verdict, limit_lines, limiter
from nexus.gateway.map.stream import watch
from nexus.gateway.policies import Account, Policy, account_of_customer
from nexus.telemetry import figures
from nexus.web.aliases import real_path
from nexus.web.express import Exchange, Reply
from nexus.web.express.head import Head
from nexus.web.express.lane import Forward, Send, refusal
from nexus.web.express.pipe import redis
from nexus.web.express.presence import Receive

STAFF_ARE_HERE = apps.is_installed("django.contrib.admin") and settings.STAFF_PAGES


async def door(exchange: Exchange) -> Reply | None:
    """Count the request; the refusal when it is one too many."""
    [refused] = await common_door([exchange])
    return refused


async def common_door(exchanges: Sequence[Exchange]) -> Sequence[Reply | None]:
    """The same for requests that came together."""
    if not Policy.of_settings().count:
        return [None] * len(exchanges)
    verdicts = await limiter.check_all(redis(), [_account(exchange) for exchange in exchanges])
    return [_refusal(exchange, verdict) for exchange, verdict in zip(exchanges, verdicts, strict=True)]


def _refusal(exchange: Exchange, verdict: Verdict) -> Reply | None:
    exchange.verdict = verdict
    if verdict.allowed:
        return None
    figures.rate_limited.labels(exchange.policy.name).inc()
    return refusal(RateLimited(retry_after=verdict.retry_after), exchange)


def early_door(exchange: Exchange) -> bool:
    """The same where no question to Redis is needed; whether it was done, and the request may pass."""
    if not Policy.of_settings().count:
        return True
    exchange.kind = kind = Policy.kind_of(exchange.path)
    account: Account | None = exchange.head.accounts.get(kind)
    if account is None:
        account = _account(exchange)
        # What a token says may be different tomorrow; the address of a connection stays.
        if not exchange.head.has_token:
            exchange.head.accounts[kind] = account
    exchange.policy, exchange.verdict = account.policy, limiter.check_at_once(redis(), account)
    return exchange.verdict is not None


def ready_door(head: Head, kind: str) -> bytes | None:
    """The same for an answer that is ready: what it says of the limit, or None of whoever is not known here yet."""
    account: Account | None = head.accounts.get(kind)
    if account is None:
        return None if Policy.of_settings().count else b""
    return limiter.tell_at_once(redis(), account)


def _account(exchange: Exchange) -> Account:
    path = real_path(exchange.path)
    if claims := exchange.claims():
        account = account_of_customer(claims["sub"], claims["scope"], Policy.kind_of(path))
    else:
        peer = exchange.scope["client"][0] if exchange.scope["client"] else ""
        caller = caller_at(peer, forwarded=exchange.head.text(b"x-forwarded-for") or "")
        policy = Policy.of(path)
        account = Account(policy.bucket(caller), policy)
    exchange.policy = account.policy
    return account


def lines(exchange: Exchange) -> bytes:
    """What the answer tells the caller about the limit, as it goes out."""
    return limit_lines(exchange.verdict, exchange.policy) if exchange.verdict else b""


async def watched(exchange: Exchange, receive: Receive, send: Send) -> Reply | None:
    """The map's stream, to which strangers find the door as they do elsewhere."""
    return await door(exchange) or await watch(exchange, receive, send)


STREAMS: dict[str, Forward] = {"/admin/map/stream": watched} if STAFF_ARE_HERE else {}
