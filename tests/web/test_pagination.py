"""Links from page to page: the same page has the same ones, whoever made it and when."""

from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core import signing
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from nexus.contracts.paging import Slice
from nexus.web.pagination import list_body, read_page

PATH = "/api/v1/things"


def asked(**query: str) -> Request:
    return Request(APIRequestFactory().get(PATH, query))


def link_at(instant: float, monkeypatch: pytest.MonkeyPatch) -> str:
    """The cursor to what comes after thing 7, made at that time."""
    monkeypatch.setattr(signing.time, "time", lambda: instant)
    rows: Slice[Any] = Slice(items=[], next=("thing", 7))
    [cursor] = parse_qs(urlsplit(list_body(asked(), rows, [])["next"]).query)["cursor"]
    return cursor


class TestALink:
    def test_is_the_same_at_any_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert link_at(1_000_000.0, monkeypatch) == link_at(2_000_000.0, monkeypatch)

    def test_leads_to_where_it_says(self, monkeypatch: pytest.MonkeyPatch) -> None:
        assert read_page(asked(cursor=link_at(1.0, monkeypatch))).keys == ("thing", 7)

    def test_is_read_by_versions_that_signed_the_time_too(self, monkeypatch: pytest.MonkeyPatch) -> None:
        said = signing.loads(link_at(1.0, monkeypatch), salt=f"cursor {PATH}")

        assert said == [False, ["s", "thing"], ["i", 7]]

    def test_of_theirs_is_read(self) -> None:
        theirs = signing.dumps([False, ("s", "thing"), ("i", 7)], salt=f"cursor {PATH}")

        assert read_page(asked(cursor=theirs)).keys == ("thing", 7)
