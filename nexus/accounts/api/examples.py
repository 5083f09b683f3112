"""Examples in the OpenAPI document."""

from collections.abc import Mapping

from drf_spectacular.utils import OpenApiExample

PERSON = {"id": "0199d2f4-6c1e-7cc0-b1a5-3f0a2f6f1c11", "email": "ada@example.org", "name": "Ada Lovelace"}
PROFILE_BODY = PERSON | {"registered_at": "2026-03-01T09:30:00Z"}
PAIR = {
    "access_token": "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIwMTk5ZDJmNCJ9.c2lnbmF0dXJl",
    "refresh_token": "pXb0n6m1cM8u3b1hZ4l2Wk5Jq7Vt9Ys-Rf_Dg2Nh4Ke6Ma8Pc0Qe2Sg4Ui6Wk8Ym",
    "token_type": "Bearer",
    "expires_in": 300,
    "scope": "orders profile",
}
REFRESH_TOKEN = {"refresh_token": PAIR["refresh_token"]}
CREDENTIALS = {"email": "ada@example.org", "password": "correct horse battery staple"}


def _request(value: Mapping[str, object]) -> OpenApiExample:
    return OpenApiExample("Request", value=value, request_only=True)


def _answer(value: Mapping[str, object], status: str) -> OpenApiExample:
    return OpenApiExample("Answer", value=value, response_only=True, status_codes=[status])


REGISTER = [_request(CREDENTIALS | {"name": "Ada Lovelace"}), _answer(PERSON, "201")]
TOKEN = [_request(CREDENTIALS), _answer(PAIR, "200")]
REFRESH = [_request(REFRESH_TOKEN), _answer(PAIR, "200")]
REVOKE = [_request(REFRESH_TOKEN)]
PROFILE = [_answer(PROFILE_BODY, "200")]
PROFILE_CHANGE = [_request({"name": "Ada King"}), _answer(PROFILE_BODY | {"name": "Ada King"}, "200")]
