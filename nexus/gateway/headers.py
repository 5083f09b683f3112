"""What of a request's and an answer's headers passes the door (RFC 9110, section 7.6.1; RFC 9112, section 6)."""

from collections.abc import Iterable

Headers = list[tuple[bytes, bytes]]
Raw = Iterable[tuple[bytes, bytes]]

HOP_BY_HOP = frozenset(
    b"connection proxy-connection keep-alive te trailer transfer-encoding upgrade http2-settings "
    b"proxy-authenticate proxy-authorization proxy-authentication-info expect".split()
)
# Said by us or by nobody: from outside they would be believed.
OURS = frozenset(
    b"forwarded x-real-ip "
    b"true-client-ip cf-connecting-ip x-client-ip x-cluster-client-ip x-original-url x-rewrite-url "
    b"x-request-id x-request-deadline content-length".split()
)
CLAIMS_TO_BE = (b"x-forwarded-", b"x-user-", b"x-auth-", b"x-nexus-", b"x-remote-", b"remote-user")
NOT_PASSED_BACK = frozenset({b"server", b"date", b"x-request-id"})


def named_by_connection(headers: Raw) -> set[bytes]:
    """What ``Connection`` says is for this hop alone."""
    return {
        option.strip().lower()
        for name, value in headers
        if name.lower() == b"connection"
        for option in value.split(b",")
    }


def for_service(headers: Raw, *, own: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The request's headers as the service gets them, and `own` after them; nobody's word about who they are."""
    headers = list(headers)
    dropped = HOP_BY_HOP | OURS | named_by_connection(headers)
    passed = [
        (name.decode("latin-1"), _text(value))
        for name, value in headers
        # With an underscore it could pass for another: X_User_Id for X-User-Id.
        if name.lower() not in dropped and not name.lower().startswith(CLAIMS_TO_BE) and b"_" not in name
    ]
    return [*passed, *own]


def _text(value: bytes) -> str:
    """What is sent on is UTF-8; what came in it stays as it is, anything else was Latin-1."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def for_client(headers: Raw) -> list[tuple[bytes, bytes]]:
    """The answer's headers as they go out, in lower case."""
    headers = [(name.lower(), value) for name, value in headers]
    dropped = HOP_BY_HOP | NOT_PASSED_BACK | named_by_connection(headers)
    return [(name, value) for name, value in headers if name not in dropped and not name.startswith(b"ratelimit")]
