"""What is understood without a parser: only what the parser understands in the same way."""

import httptools
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nexus.web.server import glance
from nexus.web.server.glance import Glance, Seen

GET = b"GET /a HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST /orders HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}"
CONTINUED = b"Content-Length: 2\r\n"


class Parsed:
    """What the server's parser makes of bytes."""

    def __init__(self, data: bytes) -> None:
        self.url = self.body = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.begun = self.complete = 0
        self.parser = httptools.HttpRequestParser(self)
        self.failed = False
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.failed = True

    def on_message_begin(self) -> None:
        self.begun += 1

    def on_url(self, url: bytes) -> None:
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        self.complete += 1

    def seen(self) -> Seen:
        """In the glance's terms."""
        path, _, query = self.url.partition(b"?")
        return self.parser.get_method().decode(), path.decode(), query, self.headers, self.body

    @property
    def is_plain(self) -> bool:
        """Whether this is one request, whole, after which the connection goes on as before."""
        kept = self.parser.should_keep_alive() and not self.parser.should_upgrade()
        return not self.failed and self.begun == self.complete == 1 and kept and self.parser.get_http_version() == "1.1"


NAMES = ["Host", "Accept", "X-Other", "Idempotency-Key"] * 5
NAMES += ["Host", "accept", "Content-Length", "content-length", "Transfer-Encoding", "Connection", "Expect", "Upgrade"]
NAMES += ["X-Other", "Idempotency-Key", "Content-Length ", " X", "X\0", "", "X\tY", "Nämé", "Proxy-Connection", "TE"]
VALUES = ["localhost", "*/*", "a b"] * 5
VALUES += ["localhost", "2", "02", "+2", "2, 2", "0", "3", "chunked", "keep-alive", "Keep-Alive", "close", "upgrade"]
VALUES += ["100-continue", "a b", " a", "a ", "", "a\rb", "a\nb", "a\0b", "a\tb", "é", "websocket", "\x7f"]
TARGETS = ["/a"] * 8
TARGETS += [
    "/",
    "/a",
    "/a?b=c",
    "/a?",
    "//a",
    "/%41",
    "/a#b",
    "*",
    "a",
    "http://h/a",
    "/ä",
    "/a b",
    "/a\tb",
    '/"<>\\^`{|}',
]
LINE_ENDS = st.sampled_from(["\r\n"] * 12 + ["\n", "\r", "\r\n ", "\r\r\n"])


@st.composite
def requests(draw: st.DrawFn) -> bytes:
    """Like requests, and now and then none."""
    method = draw(st.sampled_from(["GET", "POST", "POST", "get", "PUT", "CONNECT"]))
    version = draw(st.sampled_from(["1.1"] * 6 + ["1.0", "2.0"]))
    first = f"{method} {draw(st.sampled_from(TARGETS))} HTTP/{version}"
    pairs = draw(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=4))
    body = draw(st.sampled_from(["", "{}", "{}", "2\r\n{}\r\n0\r\n\r\n", "{\n}", "GET /b HTTP/1.1\r\n\r\n"]))
    if draw(st.booleans()):
        pairs.append(("Content-Length", str(len(body))))
    lines = [f"{name}{draw(st.sampled_from([': '] * 6 + [':', ':  ', ' : ']))}{value}" for name, value in pairs]
    whole = "".join(line + draw(LINE_ENDS) for line in [first, *lines, ""]).encode("latin-1") + body.encode()
    return whole[: len(whole) - draw(st.sampled_from([0] * 6 + [1, 2, 3]))]


@settings(max_examples=1000)
@given(requests())
@example(GET)
@example(POST)
@example(POST.replace(b"2\r", b"2 \r"))
@example(POST.replace(CONTINUED, CONTINUED * 2))
@example(POST.replace(CONTINUED, CONTINUED + b"Transfer-Encoding: chunked\r\n"))
@example(GET.replace(b"localhost", b"local\rhost"))
@example(GET.replace(b"localhost\r\n", b"localhost\r\n folded: x\r\n"))
@example(GET + GET)
def test_what_is_understood_is_what_the_parser_understands(data: bytes) -> None:
    seen = Glance().at(data)

    if seen is not None:
        parsed = Parsed(data)
        assert parsed.is_plain
        assert seen == parsed.seen()


@settings(max_examples=500)
@given(requests(), requests())
@example(GET, GET.replace(b"GET", b"POST"))
@example(b"GET /a HTTP/1.1\r\n\r\n", GET)
@example(GET, GET.replace(b"Host", b"Accept: */*\r\nHost"))
def test_what_came_before_makes_no_difference(before: bytes, data: bytes) -> None:
    used = Glance()
    for each in (GET, before):
        used.at(each)

    assert used.at(data) == Glance().at(data)


@pytest.mark.parametrize(
    "data",
    [
        GET,
        POST,
        GET.replace(b"/a", b"/a?b=c&d=%20"),
        GET.replace(b"Host", b"host"),
        GET.replace(b"\r\n\r\n", b'\r\nConnection: Keep-Alive\r\nIf-None-Match: W/"a", *\r\n\r\n'),
        POST.replace(b"{}", b"{\n\r\n\r\n}").replace(b": 2", b": 7"),
        POST.replace(b"2", b"0").replace(b"{}", b""),
        POST.replace(CONTINUED, b"").replace(b"{}", b""),
    ],
)
def test_what_nearly_all_ask_is_understood(data: bytes) -> None:
    seen = Glance().at(data)

    assert seen == Parsed(data).seen()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        GET[:-1],
        GET[:-2],
        GET + b"G",
        POST + b"G",
        POST[:-1],
        GET.replace(b"GET", b"HEAD"),
        GET.replace(b"1.1", b"1.0"),
        GET.replace(b"/a", b"/%61"),
        GET.replace(b"/a", b"*"),
        GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"),
        GET.replace(b"\r\n\r\n", b"\r\nContent-Length: 0\r\n\r\n"),
        GET.replace(b"\r\n\r\n", b"\r\nX: " + b"x" * glance.LONGEST + b"\r\n\r\n"),
        GET.replace(b"\r\n\r\n", b"\r\n" + b"x" * (glance.LONGEST_NAME + 1) + b": x\r\n\r\n"),
        GET.replace(b"/a", b"/" + b"a" * glance.LONGEST_LINE),
        POST.replace(CONTINUED, b""),
        GET.replace(b"\r\n\r\n", b"\r\n" + CONTINUED + b"\r\n{}"),
        POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n"),
        POST.replace(b"\r\n\r\n", b"\r\nUpgrade: websocket\r\n\r\n"),
        POST.replace(b"\r\n", b"\n"),
        GET.replace(b"\r\n\r\n", b"\r\nX: yz\nY: z\r\n\r\n"),
        GET.replace(b"\r\n\r\n", b"\r\nX: \r\n\r\n"),
    ],
)
def test_the_rest_is_the_parsers(data: bytes) -> None:
    assert Glance().at(data) is None


def test_headers_said_again_are_read_once() -> None:
    one = Glance()

    first, second = one.at(GET), one.at(GET.replace(b"/a", b"/b?c"))

    assert first is not None
    assert second is not None
    assert second[:3] == ("GET", "/b", b"c")
    assert second[3] is first[3]


def test_a_connection_keeps_headers_that_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    one, long = Glance(), GET.replace(b"localhost", b"h" * glance.LONGEST_KEPT)

    first, second = one.at(long), one.at(long)

    assert first == second is not None
    assert second[3] is not first[3]


def test_secrets_are_not_kept() -> None:
    secret = b"Bearer s3cr3t"
    headers = b"".join(b"\r\n%b: %b" % (name, secret) for name in (b"Authorization", b"Cookie", b"Idempotency-Key"))

    assert Glance().at(POST.replace(b"\r\n\r\n", headers + b"\r\n\r\n"))

    assert not any(secret in line for line in glance._known)


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glance, "MOST_LINES", 10)
    monkeypatch.setattr(glance, "MOST_NAMES", 10)

    for number in range(50):
        hosts = GET.replace(b"localhost", b"h%d" % number)
        assert Glance().at(hosts.replace(b"\r\n\r\n", b"\r\nX-%d: x\r\n\r\n" % number))

    assert Glance().at(GET.replace(b"localhost", b"h" * glance.LONGEST_LINE))
    assert len(glance._known) <= 10
    assert all(len(line) <= glance.LONGEST_LINE for line in glance._known)
    assert len(glance._names) <= 10
