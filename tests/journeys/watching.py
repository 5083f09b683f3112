"""A member of the staff, or anybody else, who looks at the living map of a running shop."""

import json
import re
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPResponse
from typing import Any
from urllib.parse import urlencode

from tests.journeys.system import System

STREAM = "/admin/map/stream"
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
Snapshot = dict[str, Any]


def session_of(shop: System, who: str) -> str:
    """The cookies of the demo's ``staff`` or ``customer`` after logging in as a browser does."""
    page = "/admin/login/" if who == "staff" else "/login"
    login = shop.demo()[who]
    with closing(HTTPConnection("127.0.0.1", shop.port, timeout=30)) as browser:
        browser.request("GET", page)
        form = browser.getresponse()
        token = TOKEN.search(form.read().decode())
        assert token
        fields = {"username": login["email"], "password": login["password"], "csrfmiddlewaretoken": token[1]}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookies_of(form)}
        browser.request("POST", page, urlencode(fields), headers)
        answer = browser.getresponse()
        answer.read()
        assert answer.status == 302, answer.status
        return cookies_of(answer)


def cookies_of(answer: HTTPResponse) -> str:
    return "; ".join(each.partition(";")[0] for each in answer.headers.get_all("Set-Cookie") or ())


def get(shop: System, path: str, *, cookies: str = "", method: str = "GET") -> tuple[HTTPResponse, bytes]:
    """An answer to its end."""
    with closing(HTTPConnection("127.0.0.1", shop.port, timeout=30)) as browser:
        browser.request(method, path, headers={"Cookie": cookies})
        answer = browser.getresponse()
        return answer, answer.read()


@contextmanager
def watching(shop: System, cookies: str, query: str = "") -> Iterator[HTTPResponse]:
    """The stream, open until the end of the block."""
    with closing(HTTPConnection("127.0.0.1", shop.port, timeout=30)) as browser:
        browser.request("GET", STREAM + query, headers={"Cookie": cookies})
        yield browser.getresponse()


def events_of(stream: HTTPResponse) -> Iterator[tuple[str, Any]]:
    """Name and content of each event, until the stream ends."""
    name = ""
    while line := stream.readline():
        field, _, value = line.decode().rstrip("\n").partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)


def snapshots(shop: System, cookies: str) -> Iterator[Snapshot]:
    """One after another, however many streams it takes."""
    query = ""
    while True:
        with watching(shop, cookies, query) as stream:
            assert stream.status == 200
            yield from (content["seen"] for name, content in events_of(stream) if name == "now")
        query = "?again"
