"""
Requests that are understood without a parser: whole in one piece, and in the form in which nearly all of them come.

Whatever is in doubt is the parser's. So nothing is understood here that it would refuse, or take for something else:
lines end with CRLF, a header is a token, a colon, a space and visible ASCII (RFC 9112, section 5), none comes twice, a
body is as long as it says and ends what was received, and of the connection nothing is said but that it is to be kept.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

LONGEST, LONGEST_LINE, LONGEST_NAME = 16 * 1024, 256, 64
LONGEST_KEPT = 2048
"""Bytes of a request whose headers a connection keeps."""
MOST_LINES, MOST_NAMES = 4096, 1024
Pair = tuple[bytes, bytes]
Seen = tuple[str, str, bytes, list[Pair], bytes]
"""Method, path, query, headers with their names in small letters, and body."""

VISIBLE = bytes(range(0x20, 0x7F))
NAME = re.compile(rb"[!#$%&'*+.^_`|~0-9a-z-]+")
ASKS = re.compile(rb"(GET|POST) (/[!-\"$&->@-~]*)(?:\?([!-\"$-~]*))? HTTP/1\.1\r")
OTHERS = {b"expect", b"proxy-connection", b"te", b"trailer", b"transfer-encoding", b"upgrade"}
"""Headers that say how to read the rest."""
REPEATED = {
    b"accept",
    b"accept-encoding",
    b"accept-language",
    b"connection",
    b"content-length",
    b"content-type",
    b"host",
    b"user-agent",
}
"""What many say in the same words, and nobody keeps a secret in."""
NOTHING = b"\r\n" * 4
"""With which no request ends that is understood here."""
_known: dict[bytes, Pair] = {}
_names: dict[bytes, bytes] = {}


class Glance:
    """That of one connection."""

    __slots__ = ("_after", "_headers")

    def __init__(self) -> None:
        self._after = NOTHING
        self._headers: list[Pair] = []

    def at(self, data: bytes) -> Seen | None:
        """The request that the data are, or None where that is not plain."""
        # A client that asks again mostly says the same about itself.
        if data.endswith(self._after) and (asked := _asked(data[: -len(self._after)])):
            return (*asked, self._headers, b"")
        # One search for a single byte is half of what it costs to look for both ends of lines, and of the head.
        lines = data.split(b"\n") if len(data) <= LONGEST else []
        if not lines or (asked := _asked(lines[0])) is None or (named := _named_in(lines)) is None:
            return None
        ended, headers = len(named) + 1, list(named.items())
        body = lines[-1] if ended + 2 == len(lines) else b"\n".join(lines[ended + 1 :])
        if (length := named.get(b"content-length")) is not None:
            return (*asked, headers, body) if length == b"%d" % len(body) and asked[0] == "POST" else None
        if body:
            return None
        if len(data) <= LONGEST_KEPT:
            self._after, self._headers = data[len(lines[0]) :], headers
        return (*asked, headers, b"")


def _named_in(lines: Sequence[bytes]) -> dict[bytes, bytes] | None:
    """The headers by name, from the second line to the one that ends the head, and has ended itself."""
    try:
        ended = lines.index(b"\r", 0, -1)
    except ValueError:
        return None
    named: dict[bytes, bytes] = {}
    for line in lines[1:ended]:
        # To look for a token would take as long as to read it.
        pair = (_known.get(line) if len(line) <= LONGEST_LINE else None) or _pair(line)
        if pair is None:
            return None
        named[pair[0]] = pair[1]
    return named if len(named) == ended - 1 else None


def _asked(line: bytes) -> tuple[str, str, bytes] | None:
    return _understood(line) if len(line) <= LONGEST_LINE else None


@lru_cache(maxsize=4096)
def _understood(line: bytes) -> tuple[str, str, bytes] | None:
    """What a first line asks for, if no percents have to be looked at."""
    found = ASKS.fullmatch(line)
    return found and (found[1].decode(), found[2].decode(), found[3] or b"")


def _pair(line: bytes) -> Pair | None:
    given, _, rest = line.partition(b": ")
    name, value = _names.get(given) or _name(given), rest[:-1]
    if name is None or not rest.endswith(b"\r") or value.translate(None, VISIBLE) or value.strip() != value:
        return None
    if not value or (name == b"connection" and value.lower() != b"keep-alive"):
        return None
    pair = name, value
    if name in REPEATED and len(line) <= LONGEST_LINE:
        if len(_known) >= MOST_LINES:
            _known.clear()
        _known[line] = pair
    return pair


def _name(given: bytes) -> bytes | None:
    name = given.lower()
    if len(given) > LONGEST_NAME or not NAME.fullmatch(name) or name in OTHERS:
        return None
    if len(_names) >= MOST_NAMES:
        _names.clear()
    _names[given] = name
    return name
