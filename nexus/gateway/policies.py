"""Whose requests are limited to how many."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any, NamedTuple

from django.conf import settings
from django.core.signals import setting_changed
from django.dispatch import receiver

from nexus.gateway.callers import customer

MOST_OF_FEW, PART_OF_FEW = 8, 128


@dataclass(frozen=True)
class Policy:
    """So many requests in so many seconds, evenly refilled; a request may cost as much as several."""

    count: int
    seconds: int
    name: str = "default"
    cost: int = 1

    @staticmethod
    @cache
    def of_settings() -> "Policy":
        """What ``NEXUS_RATE_LIMIT`` says; a count of 0 means no limit."""
        return Policy(*settings.RATE_LIMIT)

    @staticmethod
    def of(path: str, claims: Mapping[str, Any] | None = None) -> "Policy":
        """
        The policy for a request: that of the path's class if there is one (``RATE_CLASSES``), else that of the first
        scope in the token that has one of its own (``NEXUS_RATE_LIMITS``), else the usual.
        """
        return _policy_of(Policy.kind_of(path), str(claims["scope"]) if claims and settings.RATE_LIMITS else "")

    @staticmethod
    def kind_of(path: str) -> str:
        """The class of a path; most have none, and are alike."""
        return _kinds().get(path.rstrip("/"), "")

    @cached_property
    def interval(self) -> int:
        """Microseconds that one request takes of the bucket; one is the least there is."""
        return self.cost * self._spacing

    @cached_property
    def burst(self) -> int:
        """Microseconds' worth of requests that may come at once."""
        return self._spacing * self.count

    @cached_property
    def _spacing(self) -> int:
        return max(1, self.seconds * 1_000_000 // self.count)

    @cached_property
    def few(self) -> int:
        """
        So many may be counted ahead of whoever comes again: so small a part that nobody misses them, and no more than
        come back within the second for which they are good.
        """
        return max(1, min(MOST_OF_FEW, self.count // PART_OF_FEW, self.count // self.seconds))

    def bucket(self, caller: str) -> str:
        """Where the caller's requests of this kind are counted."""
        return caller if self.name == "default" else f"{self.name}:{caller}"

    @cached_property
    def words(self) -> tuple[bytes, bytes]:
        """The arguments of the script."""
        return b"%d" % self.interval, b"%d" % self.burst

    @cached_property
    def lines(self) -> bytes:
        """What tells a caller of it, with places for how many requests remain and when they are all there again."""
        name = self.name.replace("%", "%%")
        told = f'ratelimit-policy: "{name}";q={self.count};w={self.seconds}', f'ratelimit: "{name}";r=%d;t=%d'
        return "".join(f"{line}\r\n" for line in told).encode()


@receiver(setting_changed)
def _forget_policy(**_: object) -> None:
    for known in (Policy.of_settings, _kinds, _policy_of, account_of_customer):
        known.cache_clear()


@cache
def _kinds() -> Mapping[str, str]:
    kinds: Mapping[str, str] = settings.RATE_CLASSES
    return kinds


@lru_cache(maxsize=1_000)
def _policy_of(kind: str, scope: str) -> Policy:
    usual = Policy.of_settings()
    if not usual.count:
        return usual
    name = next((each for each in (kind, *scope.split()) if each in settings.RATE_LIMITS), "default")
    count, seconds = settings.RATE_LIMITS.get(name, (usual.count, usual.seconds))
    # Nobody's whole bucket is smaller than what one request costs.
    return Policy(count, seconds, name=name, cost=min(settings.RATE_COSTS.get(kind, 1), count))


class Account(NamedTuple):
    """Where the requests of a caller under a policy are counted, for whoever comes again and again."""

    bucket: str
    policy: Policy


@lru_cache(maxsize=10_000)
def account_of_customer(subject: str, scope: str, kind: str) -> Account:
    """That of whoever a token with this scope is about, for paths of this class."""
    policy = _policy_of(kind, scope)
    return Account(policy.bucket(customer(subject)), policy)
