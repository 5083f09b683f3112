"""Where the keys come from: fetched rarely, whatever comes in, and without them nothing is believed."""

import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from nexus.contracts.errors import Unavailable
from nexus.web.tokens import BadToken, KeySet, Verifier


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


class TestVerifier:
    @pytest.fixture
    def verifier(self, monkeypatch: pytest.MonkeyPatch) -> Verifier:
        """Takes a number for a token that is good until that second from now."""
        found = Verifier(key_set(one_key)[0])
        monkeypatch.setattr(found, "_verify", lambda token: {"exp": time.time() + float(token)})
        return found

    def test_forgets_tokens_that_expired(self, verifier: Verifier) -> None:
        for number in range(100):
            verifier.claims(f"-{number}.5")

        verifier.claims("60")

        assert len(verifier._known) == 1

    def test_remembers_no_more_than_it_may_the_youngest(self, verifier: Verifier) -> None:
        verifier.capacity = 3

        kept = [verifier.claims(str(60 + number)) for number in range(5)]

        assert list(verifier._known.values()) == kept[2:]

    def test_verifies_a_good_one_once(self, verifier: Verifier) -> None:
        assert verifier.claims("60") is verifier.claims("60")
