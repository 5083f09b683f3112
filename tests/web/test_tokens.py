"""Where the keys come from: fetched rarely, whatever comes in, and without them nothing is believed."""

import json
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from nexus.contracts.errors import Unavailable
from nexus.web.tokens import BadToken, KeySet


def key_set(fetch: Callable[[], Any]) -> tuple[KeySet, list[int]]:
    """A key set and a list that grows with every fetch."""
    fetches: list[int] = []

    def counted() -> Any:
        fetches.append(1)
        return fetch()

    return KeySet(counted), fetches


def one_key() -> dict[str, Any]:
    public = rsa.generate_private_key(public_exponent=65537, key_size=2048).public_key()
    return {"keys": [json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(public)) | {"kid": "known"}]}


class TestKeySet:
    def test_is_fetched_once_however_many_unknown_keys_are_asked_for(self) -> None:
        keys, fetches = key_set(one_key)

        for number in range(1000):
            with pytest.raises(BadToken):
                keys.get(f"unknown-{number}")

        assert len(fetches) == 1

    @pytest.mark.parametrize("broken", [{}, [], {"keys": [{}]}, {"keys": "x"}, {"keys": [{"kid": "a", "kty": "?"}]}])
    def test_that_is_broken_is_unavailable_and_not_asked_for_again_at_once(self, broken: Any) -> None:
        keys, fetches = key_set(lambda: broken)

        for _ in range(5):
            with pytest.raises(Unavailable):
                keys.get("known")

        assert len(fetches) == 1

    def test_goes_on_with_what_it_has_when_a_later_fetch_fails(self) -> None:
        answers = iter([one_key(), {}])
        keys, _ = key_set(lambda: next(answers))
        keys.get("known")
        keys._fetched = float("-inf")

        assert keys.get("known")
