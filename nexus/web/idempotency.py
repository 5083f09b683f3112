"""
``Idempotency-Key`` on POST: the same key and body get the first answer again.

The key, the effect and the answer are one transaction, so that a crash leaves all of them or none. A second request
with the key of one still under way is refused with 409 instead of waiting for it.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import wraps
from hashlib import blake2b, sha256
from typing import Any, Protocol

import msgspec
from django.db import connections, transaction
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from nexus.contracts.errors import FieldError, InProgress, Invalid, KeyReused
from nexus.web.models import IdempotencyKey
from nexus.web.principal import Principal

LIFETIME = timedelta(hours=24)
LONGEST_KEY = 255
KEPT_HEADERS = ("Location", "ETag")


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


def read_key(request: Request) -> str | None:
    """
    The request's key, None without one.

    :raises Invalid: it is empty, too long or not printable ASCII
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 1 <= len(key) <= LONGEST_KEY or not key.isascii() or not key.isprintable():
        message = f"1 to {LONGEST_KEY} printable ASCII characters."
        raise Invalid(errors=[FieldError(field="Idempotency-Key", code="invalid", message=message)])
    return key


def fingerprint_of(*parts: Any) -> str:
    """A digest of the request's meaning; key order and spaces in its JSON make no difference."""
    return sha256(msgspec.json.encode(parts, order="sorted")).hexdigest()


def scope_of(request: Request) -> str:
    """Keys belong to a caller and a route: nobody can see another's answers with a guessed key."""
    user = request.user
    caller = user.pk if isinstance(user, Principal) else f"anyone {request.META.get('REMOTE_ADDR', '')}"
    return f"{caller} {sha256(request.path.encode()).hexdigest()[:40]}"


Post = Callable[..., Response]


def idempotent(store: AnswerStore) -> Callable[[Post], Post]:
    """Decorate a view's ``post``: an answer below 400 is kept for its key; a refusal leaves nothing behind."""

    def decorate(post: Post) -> Post:
        @wraps(post)
        def keyed(view: Any, request: Request, *args: Any, **kwargs: Any) -> Response:
            key = read_key(request)
            if key is None:
                return post(view, request, *args, **kwargs)
            fingerprint = fingerprint_of(request.method, request.path, request.data)

            def work() -> Answer:
                response = post(view, request, *args, **kwargs)
                headers = {name: response[name] for name in KEPT_HEADERS if name in response}
                return Answer(
                    fingerprint=fingerprint, status=response.status_code, body=_plain(response.data), headers=headers
                )

            answer, replayed = store.once(scope=scope_of(request), key=key, work=work)
            return _respond(answer, fingerprint=fingerprint, replayed=replayed)

        return keyed

    return decorate


def _plain(data: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(data, enc_hook=str)) if data is not None else None


def _respond(answer: Answer, *, fingerprint: str, replayed: bool) -> Response:
    if answer.fingerprint != fingerprint:
        raise KeyReused
    headers = answer.headers | ({"Idempotent-Replayed": "true"} if replayed else {})
    return Response(answer.body, status=answer.status, headers=headers)
