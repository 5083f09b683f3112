"""Where the keys come from: fetched rarely, whatever comes in, and without them nothing is believed."""

import base64
import json
import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.conf import settings
from hypothesis import given
from hypothesis import strategies as st

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


KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
NOW = int(time.time())
# Far apart: a run of all tests takes many minutes after this line.
GOOD = {"exp": NOW + 86_400, "iat": NOW, "iss": settings.ISSUER, "aud": settings.AUDIENCE}
GOOD |= {"sub": "a", "jti": "b", "client_id": "c", "scope": "orders"}
ODD = [None, True, 0, -1, NOW - 36_000, NOW + 36_000, 1e400, 0.5, "", "orders", [], {}]


def signed(payload: Any, header: Any = None) -> str:
    """Anything at all, with a good signature; `...` leaves out what the header would say."""
    full = {"typ": "at+jwt", "alg": "RS256", "kid": "ours"} | (header or {})
    parts = [{name: value for name, value in full.items() if value is not ...}, payload]
    text = ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts)
    signature = jwt.algorithms.RSAAlgorithm(jwt.algorithms.RSAAlgorithm.SHA256).sign(text.encode(), KEY)
    return f"{text}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def believed(token: str) -> bool:
    """Whether it is."""
    keys = {"keys": [json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(KEY.public_key())) | {"kid": "ours"}]}
    try:
        Verifier(KeySet(lambda: keys)).claims(token)
    except BadToken:
        return False
    return True


def believed_by_pyjwt(token: str) -> bool:
    """Whether the whole of PyJWT would believe it."""
    try:
        jwt.decode(
            token,
            KEY.public_key(),
            algorithms=["RS256"],
            issuer=settings.ISSUER,
            audience=settings.AUDIENCE,
            leeway=10,
            options={"require": list(GOOD)},
        )
    except (jwt.PyJWTError, ValueError):
        return False
    return True


class TestSigned:
    """What has a good signature and is still not to be believed, or is."""

    def test_a_good_one_is_believed(self) -> None:
        assert believed(signed(GOOD))
        assert believed(signed(GOOD | {"aud": ["others", settings.AUDIENCE], "nbf": NOW, "more": {"to": "say"}}))

    @given(st.dictionaries(st.sampled_from([*GOOD, "nbf"]), st.sampled_from(ODD), min_size=1, max_size=2))
    def test_nothing_is_believed_that_pyjwt_would_not(self, claims: dict[str, Any]) -> None:
        token = signed({name: value for name, value in (GOOD | claims).items() if value is not None})

        assert not believed(token) or believed_by_pyjwt(token)

    @pytest.mark.parametrize("name", GOOD)
    @pytest.mark.parametrize("value", [None, True, ["x"], {"x": "y"}])
    def test_a_claim_that_is_none_is_not_believed(self, name: str, value: Any) -> None:
        assert not believed(signed(GOOD | {name: value}))

    @pytest.mark.parametrize(
        "claims",
        [
            {"exp": NOW - 11},
            {"iat": NOW + 36_000},
            {"nbf": NOW + 36_000},
            {"iss": "else"},
            {"aud": ["else"]},
            {"aud": "else"},
        ],
    )
    def test_one_for_others_or_for_another_time_is_not_believed(self, claims: dict[str, Any]) -> None:
        assert not believed(signed(GOOD | claims))

    @pytest.mark.parametrize("payload", [None, [], "text", 7, [GOOD]])
    def test_what_are_no_claims_is_not_believed(self, payload: Any) -> None:
        assert not believed(signed(payload))

    @pytest.mark.parametrize(
        "header",
        [
            {"typ": "JWT"},
            {"typ": None},
            {"alg": "none"},
            {"alg": "HS256"},
            {"alg": "PS256"},
            {"alg": "RS512"},
            {"alg": None},
            {"alg": ...},
            {"typ": ...},
            {"kid": ...},
            {"crit": ["exp"]},
            {"crit": []},
            {"b64": False},
            {"kid": "theirs"},
        ],
    )
    def test_another_kind_of_token_is_not_believed(self, header: dict[str, Any]) -> None:
        assert not believed(signed(GOOD, header))

    def test_a_token_with_parts_more_or_less_or_in_another_alphabet_is_not_believed(self) -> None:
        first, second, third = signed(GOOD).split(".")
        other = signed(GOOD | {"sub": "other"}).split(".")

        for parts in (
            [first, second],
            [first, second, third, third],
            [first, second, third, ""],
            [first, second, ""],
            [first, "", third],
            ["", second, third],
            [first, other[1], third],
            [first, second, other[2]],
            [first, second, third + "="],
            [first, second, third + "=="],
            [first, second, f"!!!!{third}"],
            [first, second + "\n", third],
            [first, second, third.replace("-", "+").replace("_", "/") + "+"],
            [first, "ü", third],
        ):
            assert not believed(".".join(parts)), parts


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
