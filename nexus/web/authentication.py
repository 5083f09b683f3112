"""``Authorization: Bearer`` with a JWT access token; the token alone says who is asking."""

from uuid import UUID

from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from nexus.web.principal import Principal
from nexus.web.tokens import BadToken, verifier

CHALLENGE = 'Bearer realm="nexus", error="invalid_token"'


class BearerToken(BaseAuthentication):
    """Answers 401 with ``WWW-Authenticate`` for a token that is malformed, expired or not ours."""

    def authenticate(self, request: Request) -> tuple[Principal, None] | None:
        scheme, _, token = get_authorization_header(request).partition(b" ")
        if not scheme:
            return None
        try:
            if scheme.lower() != b"bearer" or not token:
                raise BadToken("expected: Bearer, one space, the token")
            return principal_of(token.decode("ascii").strip()), None
        except (BadToken, UnicodeDecodeError) as why:
            raise AuthenticationFailed(f"The access token is {why}.", code="invalid_token") from None

    def authenticate_header(self, request: Request) -> str:
        return CHALLENGE


def principal_of(token: str) -> Principal:
    """:raises BadToken: with a reason that may be shown"""
    claims = verifier.claims(token)
    acts_for_itself = claims["sub"] == claims["client_id"]
    try:
        customer_id = None if acts_for_itself else UUID(claims["sub"])
    except ValueError:
        raise BadToken("not for a customer") from None
    return Principal(customer_id=customer_id, client_id=claims["client_id"], scopes=frozenset(claims["scope"].split()))
