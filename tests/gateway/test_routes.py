"""Which path belongs to whom, and which headers pass the door."""

import pytest
from django.conf import settings

from nexus.gateway.headers import for_client, for_service
from nexus.gateway.routes import Routes, is_canonical
from nexus.web.aliases import real_path


@pytest.mark.parametrize(
    ("path", "service"),
    [
        ("/api/v1/orders", "orders"),
        ("/api/v1/orders/", "orders"),
        ("/api/v1/orders/0192/cancel", "orders"),
        ("/api/orders/0192", "orders"),
        ("/api/users/me", "accounts"),
        ("/oauth/token", "accounts"),
        ("/.well-known/jwks.json", "accounts"),
        ("/api/v1/products/a", "catalog"),
        ("/api/v1/inventory/stock/A-1", "inventory"),
        ("/api/v1/ordersx", None),
        ("/api/v1", None),
        ("/api/schema", None),
        ("/", None),
        ("", None),
        ("/admin/", None),
        ("/livez", None),
    ],
)
def test_a_path_belongs_to_the_longest_prefix_of_whole_parts(path: str, service: str | None) -> None:
    assert Routes(settings.ROUTES).service_of(path) == service


def test_aliases_lead_to_the_same_endpoints() -> None:
    assert real_path("/api/users/me") == "/api/v1/accounts/me"
    assert real_path("/api/usersx") == "/api/usersx"


@pytest.mark.parametrize("path", ["/a", "/a/b%20c", "/a/%C3%A9", "/a.b/..c", "/a/b.", "/"])
def test_plain_paths_are_canonical(path: str) -> None:
    assert is_canonical(path)


STEPS = ["//a", "/a//b", "/a/../b", "/a/..", "/a/./b", "/a%2e%2e/b", "a", ""]
SEPARATORS = ["/a\\b", "/a%2fb", "/a%2Fb", "/a%5cb", "/a%00", "/a%252fb", "/a\nb", "/a\x7f"]


@pytest.mark.parametrize("path", [*STEPS, *SEPARATORS])
def test_what_servers_read_differently_is_not(path: str) -> None:
    assert not is_canonical(path)


def test_nobody_says_who_they_are() -> None:
    forged = ["X-User-Id", "x-auth-user", "X-Remote-User", "Remote-User", "X-Nexus-Scopes", "X_User_Id", "X-Real-IP"]
    forged += [
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "True-Client-IP",
        "CF-Connecting-IP",
        "X-Original-URL",
    ]
    headers = [(name.encode(), b"1") for name in forged] + [(b"Accept", b"*/*"), (b"Authorization", b"Bearer x")]

    passed = for_service(headers, own=[("X-Forwarded-For", "192.0.2.1")])

    assert passed == [("Accept", "*/*"), ("Authorization", "Bearer x"), ("X-Forwarded-For", "192.0.2.1")]


def test_what_is_for_one_hop_stays_there() -> None:
    hop = [(b"connection", b"close, X-Private"), (b"x-private", b"1"), (b"te", b"trailers"), (b"upgrade", b"h2c")]
    hop += [(b"transfer-encoding", b"chunked"), (b"keep-alive", b"5"), (b"trailer", b"x"), (b"expect", b"100-continue")]

    assert for_service([*hop, (b"accept", b"*/*")], own=[]) == [("accept", "*/*")]
    assert for_client([*hop[:2], (b"Set-Cookie", b"a"), (b"set-cookie", b"b"), (b"server", b"x")]) == [
        (b"set-cookie", b"a"),
        (b"set-cookie", b"b"),
    ]
