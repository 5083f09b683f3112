"""
Where the answers to keyed POSTs are kept. No HTTP here, so that services and chores may use it.

The key, the effect and the answer are one transaction, so that a crash leaves all of them or none. A second request
with the key of one still under way is refused with 409 instead of waiting for it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import blake2b
from typing import Any, Protocol

import msgspec
from django.db import connections, transaction
from django.utils import timezone

from nexus.contracts.errors import InProgress
from nexus.web.models import IdempotencyKey

LIFETIME = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a keyed request was answered."""

    fingerprint: str
    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


class AnswerStore(Protocol):
    """Where answers are kept: beside the data that the request changes."""

    def once(self, *, scope: str, key: str, work: Callable[[], Answer]) -> tuple[Answer, bool]:
        """
        The answer to this key, and whether it is an old one; `work` runs only if there is none yet.

        :raises InProgress: another request with this key is under way
        """
        ...


class SqlAnswers:
    """Answers in a Postgres database, in one transaction with what `work` does there."""

    def __init__(self, database: str) -> None:
        self._database = database

    def once(self, *, scope: str, key: str, work: Callable[[], Answer]) -> tuple[Answer, bool]:
        with transaction.atomic(using=self._database):
            self._lock(f"{scope} {key}")
            kept = IdempotencyKey.objects.using(self._database).filter(scope=scope, key=key)
            if row := kept.first():
                if row.created_at > timezone.now() - LIFETIME:
                    body = msgspec.json.decode(row.body)
                    return Answer(fingerprint=row.fingerprint, status=row.status, body=body, headers=row.headers), True
                row.delete(using=self._database)
            answer = work()
            kept.create(
                scope=scope,
                key=key,
                fingerprint=answer.fingerprint,
                status=answer.status,
                body=msgspec.json.encode(answer.body).decode(),
                headers=answer.headers,
            )
            return answer, False

    def forget_caller(self, caller: str) -> None:
        """Delete every answer to a caller, as its scope begins with them."""
        IdempotencyKey.objects.using(self._database).filter(scope__startswith=f"{caller} ").delete()

    def forget_old(self) -> int:
        """Delete answers past their lifetime; how many they were."""
        old = IdempotencyKey.objects.using(self._database).filter(created_at__lt=timezone.now() - LIFETIME)
        return old.delete()[0]

    def _lock(self, name: str) -> None:
        number = int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), signed=True)
        with connections[self._database].cursor() as cursor:
            cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [number])
            if not cursor.fetchone()[0]:
                raise InProgress
