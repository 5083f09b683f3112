"""
What a request gives through the proxy is what it gives directly, or the refusal that docs/gateway.md states. Requests
are bytes on a socket, so that no client mends them first.
"""

import json
from collections.abc import Iterator

import pytest

from tests.gateway.door import Raw, both, send
from tests.gateway.service_app import LARGE

Ports = tuple[int, int]
# What every server says of itself, and what a door adds by its office.
OWN = {"date", "server", "x-request-id", "ratelimit", "ratelimit-policy", "connection", "transfer-encoding"}
OWN |= {"content-security-policy", "x-content-type-options", "x-frame-options", "referrer-policy"}
OWN |= {"cross-origin-opener-policy"}


@pytest.fixture(scope="module")
def ports(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ports]:
    with both(tmp_path_factory.mktemp("door"), NEXUS_RATE_LIMIT="0", NEXUS_REDIS_URL="redis://127.0.0.1:1/0") as ports:
        yield ports


def request(method: str = "GET", target: str = "/api/v1/orders/echo", *headers: str, body: bytes = b"") -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", "Connection: close", *headers]
    if body and not any(line.lower().startswith(("content-length", "transfer-encoding")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


def chunked(*pieces: bytes, trailer: bytes = b"") -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n" + trailer + b"\r\n"


def seen(answer: Raw) -> tuple[int, list[tuple[str, str]], bytes, bool]:
    headers = sorted((name, value) for name, value in answer.headers if name not in OWN)
    return answer.status, headers, answer.body, answer.whole


BASE = "/api/v1/orders"
CHUNKED = "Transfer-Encoding: chunked"
SAME = {
    "get": request(),
    "query": request("GET", f"{BASE}/echo?a=1&b=%2F&c=%C3%A9&a=2&empty=&=x"),
    "query with a question mark": request("GET", f"{BASE}/echo?a=?&b"),
    "encoded path": request("GET", f"{BASE}/a%20b%C3%A9"),
    "encoded letters stay as they came": request("GET", f"{BASE}/%65cho"),
    "reserved letters in a path": request("GET", f"{BASE}/a;b=c,d:e@f!g$h'i(j)*+&="),
    "trailing slash": request("GET", f"{BASE}/echo/"),
    "empty query": request("GET", f"{BASE}/echo?"),
    "head": request("HEAD"),
    "head of an answer with a body": request("HEAD", f"{BASE}/teapot"),
    "options": request("OPTIONS"),
    "delete": request("DELETE"),
    "delete with a body": request("DELETE", body=b"{}"),
    "put": request("PUT", body=b'{"a": 1}'),
    "patch": request("PATCH", body=b'{"a": 1}'),
    "post": request("POST", body=b'{"a": 1}'),
    "post of nothing": request("POST", f"{BASE}/echo", "Content-Length: 0"),
    "post without a length": request("POST"),
    "chunked post": request("POST", f"{BASE}/echo", CHUNKED) + chunked(b"one", b"two"),
    "chunked post of nothing": request("POST", f"{BASE}/echo", CHUNKED) + chunked(),
    "chunks with extensions": request("POST", f"{BASE}/echo", CHUNKED) + b"3;a=b\r\none\r\n0\r\n\r\n",
    "chunks with a trailer": request("POST", f"{BASE}/echo", CHUNKED) + chunked(b"one", trailer=b"X-Sum: 1\r\n"),
    "upper-case chunked": request("POST", f"{BASE}/echo", "Transfer-Encoding: CHUNKED") + chunked(b"one"),
    "body with zeros": request("POST", body=bytes(range(256))),
    "body of 64 kB": request("POST", body=b"x" * 65536),
    "body of 1 MB": request("POST", body=b"y" * 1_048_576),
    "many chunks": request("POST", f"{BASE}/echo", CHUNKED) + chunked(*[b"z" * 10] * 2000),
    "content type": request("POST", f"{BASE}/echo", "Content-Type: application/json; charset=utf-8", body=b"{}"),
    "no content type": request("POST", body=b"{}"),
    "accept": request("GET", f"{BASE}/echo", "Accept: text/html;q=0.9, */*;q=0.1"),
    "accept-encoding": request("GET", f"{BASE}/echo", "Accept-Encoding: gzip, br"),
    "user agent": request("GET", f"{BASE}/echo", "User-Agent: shop/1"),
    "no user agent": request("GET", f"{BASE}/echo"),
    "cookie": request("GET", f"{BASE}/echo", "Cookie: a=1; b=2"),
    "authorization that is no bearer": request("GET", f"{BASE}/echo", "Authorization: Basic YTpi"),
    "idempotency key": request("POST", f"{BASE}/echo", "Idempotency-Key: abc", body=b"{}"),
    "repeated header": request("GET", f"{BASE}/echo", "X-Part: 1", "X-Part: 2"),
    "empty header": request("GET", f"{BASE}/echo", "X-Empty:"),
    "header with spaces around": request("GET", f"{BASE}/echo", "X-Space:   a b   "),
    "header in UTF-8": request("GET", f"{BASE}/echo", "X-Name: " + "é".encode().decode("latin-1")),
    "header of 7,000": request("GET", f"{BASE}/echo", "X-Long: " + "v" * 7000),
    "90 headers": request("GET", f"{BASE}/echo", *[f"X-Many-{n}: {n}" for n in range(90)]),
    "traceparent": request("GET", f"{BASE}/echo", f"traceparent: 00-{'a' * 32}-{'b' * 16}-01"),
    "expect": request("POST", f"{BASE}/echo", "Expect: 200-maybe", body=b"{}"),
    "upgrade": request("GET", f"{BASE}/echo", "Upgrade: h2c, websocket", "HTTP2-Settings: AAA"),
    "range": request("GET", f"{BASE}/range", "Range: bytes=10-19"),
    "open range": request("GET", f"{BASE}/range", "Range: bytes=990-"),
    "range that cannot be": request("GET", f"{BASE}/range", "Range: bytes=5000-"),
    "no range": request("GET", f"{BASE}/range"),
    "tag": request("GET", f"{BASE}/tagged"),
    "tag that is known": request("GET", f"{BASE}/tagged", 'If-None-Match: "one"'),
    "tag that is another": request("GET", f"{BASE}/tagged", 'If-None-Match: "two"'),
    "pieces": request("GET", f"{BASE}/pieces"),
    "events": request("GET", f"{BASE}/events"),
    "large": request("GET", f"{BASE}/large"),
    "head of large": request("HEAD", f"{BASE}/large"),
    "nothing": request("GET", f"{BASE}/nothing"),
    "created": request("POST", f"{BASE}/created", body=b"{}"),
    "redirect": request("GET", f"{BASE}/moved"),
    "redirect to another host": request("GET", f"{BASE}/elsewhere"),
    "gone": request("GET", f"{BASE}/gone"),
    "failure": request("GET", f"{BASE}/wrong"),
    "busy": request("POST", f"{BASE}/busy", body=b"{}"),
    "cookies": request("GET", f"{BASE}/cookies"),
    "packed": request("GET", f"{BASE}/packed", "Accept-Encoding: gzip"),
    "latin-1 in the answer": request("GET", f"{BASE}/latin"),
    "many headers in the answer": request("GET", f"{BASE}/many"),
    "long header in the answer": request("GET", f"{BASE}/long"),
    "unusual status": request("GET", f"{BASE}/teapot"),
    "http/1.0": b"GET /api/v1/orders/echo HTTP/1.0\r\nHost: localhost\r\n\r\n",
}


@pytest.mark.parametrize("sent", SAME.values(), ids=SAME.keys())
def test_gives_what_the_service_gives(ports: Ports, sent: bytes) -> None:
    direct, through = (send(port, sent) for port in ports)

    assert seen(through) == seen(direct)
    assert direct.whole
    assert not through.rest


SMUGGLING = {
    "two lengths": request("POST", f"{BASE}/echo", "Content-Length: 5", "Content-Length: 6") + b"abcde",
    "a list of lengths": request("POST", f"{BASE}/echo", "Content-Length: 5, 6") + b"abcde",
    "a length that is none": request("POST", f"{BASE}/echo", "Content-Length: 5x") + b"abcde",
    "a negative length": request("POST", f"{BASE}/echo", "Content-Length: -5") + b"abcde",
    "an unknown coding": request("POST", f"{BASE}/echo", "Transfer-Encoding: xchunked") + chunked(b"a"),
    "chunked before another": request("POST", f"{BASE}/echo", "Transfer-Encoding: chunked, gzip") + chunked(b"a"),
    "chunked with a control letter": request("POST", f"{BASE}/echo", "Transfer-Encoding: chunked\x0b") + chunked(b"a"),
    "a chunk size that is none": request("POST", f"{BASE}/echo", CHUNKED) + b"zz\r\nabc\r\n0\r\n\r\n",
    "a chunk longer than it says": request("POST", f"{BASE}/echo", CHUNKED) + b"2\r\nabcdef\r\n0\r\n\r\n",
    "a folded header": request("GET", f"{BASE}/echo", "X-Fold: a\r\n b"),
    "a space before the colon": request("GET", f"{BASE}/echo", "X-Space : a"),
    "a header without a name": request("GET", f"{BASE}/echo", ": a"),
    "a zero in a header": request("GET", f"{BASE}/echo", "X-Zero: a\x00b"),
    "a bare return in a header": request("GET", f"{BASE}/echo", "X-Return: a\rX-Evil: b"),
    "a space in the target": request("GET", f"{BASE}/echo /x"),
    "a method in small letters": request("get", f"{BASE}/echo"),
    "no version": b"GET /api/v1/orders/echo\r\nHost: localhost\r\n\r\n",
    "200 headers": request("GET", f"{BASE}/echo", *[f"X-Many-{n}: {n}" for n in range(200)]),
    "a header of 20 kB": request("GET", f"{BASE}/echo", "X-Long: " + "v" * 20_000),
    "a URL of 20 kB": request("GET", f"{BASE}/{'a' * 20_000}"),
}


@pytest.mark.parametrize("sent", SMUGGLING.values(), ids=SMUGGLING.keys())
def test_lets_nothing_pass_that_two_servers_might_read_differently(ports: Ports, sent: bytes) -> None:
    """Refused by the door; the second request that hides behind the first is never answered."""
    hidden = b"GET /api/v1/orders/gone HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    try:
        answer = send(ports[1], sent + hidden)
    except ValueError:
        return  # Hung up on, without a word.

    assert 400 <= answer.status < 500, answer
    assert b"HTTP/1.1" not in answer.rest


LENGTH_AND_CHUNKS = {
    "length, then chunks": ["Content-Length: 4", CHUNKED],
    "chunks, then length": [CHUNKED, "Content-Length: 4"],
}


@pytest.mark.parametrize("headers", LENGTH_AND_CHUNKS.values(), ids=LENGTH_AND_CHUNKS.keys())
def test_a_length_beside_chunks_counts_for_nothing(ports: Ports, headers: list[str]) -> None:
    """Refused, or read as chunks (RFC 9112, section 6.3); never by its length, which would leave a request over."""
    sent = request("POST", f"{BASE}/echo", *headers) + chunked(b"one")
    answer = send(ports[1], sent)

    assert answer.status == 400 or b'"length": 3' in answer.body
    assert b"HTTP/1.1" not in answer.rest


AMBIGUOUS = [
    "//echo",
    "/a//echo",
    "/a/../echo",
    "/./echo",
    "/a%2f..%2fecho",
    "/a\\echo",
    "/%2e%2e/echo",
    "/a%00",
    "/a%252fb",
]


@pytest.mark.parametrize("path", AMBIGUOUS)
def test_refuses_paths_that_servers_read_differently(ports: Ports, path: str) -> None:
    answer = send(ports[1], request("GET", BASE + path))

    assert answer.status == 400
    assert b"path_not_canonical" in answer.body


@pytest.mark.parametrize("method", ["TRACE", "PROPFIND"])
def test_refuses_methods_that_no_service_has(ports: Ports, method: str) -> None:
    answer = send(ports[1], request(method))

    assert answer.status == 405
    assert "GET" in answer.header("allow")


@pytest.mark.parametrize("target", ["/api/v1/orders/B\xc3\xbccher", "/api/v1/orders/echo?q=B\xc3\xbccher"])
def test_refuses_letters_that_must_be_in_percents(ports: Ports, target: str) -> None:
    """No two servers read them alike (RFC 9112, section 3.2: a target is a URI)."""
    answer = send(ports[1], request("GET", target))

    assert answer.status == 400
    assert "must be written in percents" in json.loads(answer.body)["detail"]


class TestBodies:
    def test_refuses_one_that_says_it_is_too_large_unread(self, ports: Ports) -> None:
        answer = send(ports[1], request("POST", f"{BASE}/echo", "Content-Length: 9999999"))

        assert answer.status == 413

    def test_refuses_one_that_turns_out_too_large(self, ports: Ports) -> None:
        answer = send(ports[1], request("POST", f"{BASE}/echo", CHUNKED) + chunked(*[b"x" * 65536] * 17))

        assert answer.status == 413

    def test_passes_one_that_comes_byte_by_byte(self, ports: Ports) -> None:
        whole = request("POST", body=b'{"a": 1}')

        answer = send(ports[1], *[whole[at : at + 1] for at in range(len(whole))])

        assert answer.status == 200
        assert b'"length": 8' in answer.body

    def test_passes_a_large_answer_unchanged(self, ports: Ports) -> None:
        assert send(ports[1], request("GET", f"{BASE}/large")).body == LARGE
