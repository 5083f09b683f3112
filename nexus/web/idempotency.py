"""``Idempotency-Key`` on POST: the same key and body get the first answer again, for as long as it is kept."""

from collections.abc import Callable
from functools import wraps
from hashlib import sha256
from typing import Any

import msgspec
from rest_framework.request import Request
from rest_framework.response import Response

from nexus.contracts.errors import FieldError, Invalid, KeyReused
from nexus.telemetry import figures
from nexus.web.addresses import address_of
from nexus.web.answers import Answer, AnswerStore
from nexus.web.principal import Principal

LONGEST_KEY = 255
KEPT_HEADERS = ("Location", "ETag")


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
    caller = user.pk if isinstance(user, Principal) else f"anyone {address_of(request._request)}"
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
        figures.idempotency.labels("mismatch").inc()
        raise KeyReused
    figures.idempotency.labels("replay" if replayed else "new").inc()
    headers = answer.headers | ({"Idempotent-Replayed": "true"} if replayed else {})
    return Response(answer.body, status=answer.status, headers=headers)
