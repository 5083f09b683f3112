"""Requests as bytes, made before they are needed or put together from ready parts."""

import json
import random
from collections.abc import Iterator, Sequence
from itertools import cycle
from typing import Any

HOST = b"Host: 127.0.0.1\r\n"
BODIES = 20_000


def gets(paths: Sequence[str], *, once: bool) -> Iterator[bytes]:
    """GET each path, in turn for ever or once."""
    encoded = [b"GET %b HTTP/1.1\r\n%bAccept: application/json\r\n\r\n" % (path.encode(), HOST) for path in paths]
    return iter(encoded) if once else cycle(encoded)


def orders(
    *, tokens: Sequence[str], skus: Sequence[str], lines: int, run: str, keys: bool, most: int = 0
) -> Iterator[bytes]:
    """
    POST orders of that many different random skus, one piece each, customers in turn; a key of its own for each.

    `run` begins the keys: no two runs may share it. `most` ends them after so many; 0 never does.
    """
    dice = random.Random(run)
    heads = [_head(token) for token in tokens]
    kinds = BODIES if len(skus) > lines else 1
    bodies = [_body(dice.sample(skus, lines)) for _ in range(kinds)]
    # Nothing above may wait for the first request: it would count as the shop's time.
    return _put_together(heads, bodies, run.encode() if keys else b"", most)


def _put_together(heads: Sequence[bytes], bodies: Sequence[bytes], keys: bytes, most: int) -> Iterator[bytes]:
    number = 0
    while not most or number < most:
        head, body = heads[number % len(heads)], bodies[number % len(bodies)]
        number += 1
        if keys:
            yield b"%bIdempotency-Key: %b-%d\r\n%b" % (head, keys, number, body)
        else:
            yield head + body


def requests_of(plan: dict[str, Any]) -> Iterator[bytes]:
    """The requests that a plan describes: ``{"gets": …}`` or ``{"orders": …}`` with the arguments above."""
    if "gets" in plan:
        return gets(**plan["gets"])
    return orders(**plan["orders"])


def _head(token: str) -> bytes:
    start = b"POST /api/v1/orders HTTP/1.1\r\n%bContent-Type: application/json\r\n" % HOST
    return b"%bAccept: application/json\r\nAuthorization: Bearer %b\r\n" % (start, token.encode())


def _body(skus: Sequence[str]) -> bytes:
    body = json.dumps({"lines": [{"sku": sku, "quantity": 1} for sku in skus]}).encode()
    return b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
