"""The checker of the customers' history, against histories that are wrong in one way each."""

from dataclasses import replace
from typing import Any

import pytest

from tests.chaos.checker import Books, compare, count
from tests.chaos.customers import Purchase
from tests.chaos.result import Result

RIGHT = Books(
    statuses={"1": "confirmed", "2": "cancelled", "old": "confirmed"},
    claims={"one": "1", "two": "2"},
    before=frozenset({"old"}),
)


def history() -> list[Purchase]:
    return [
        Purchase(key="one", body={}, attempts=3, status=201, answer={"id": "1"}, answered_again=[{"id": "1"}]),
        Purchase(key="two", body={}, attempts=1, status=201, answer={"id": "2"}, cancelled=True),
        Purchase(key="three", body={}, attempts=1, status=409, answer={"code": "out_of_stock"}),
    ]


class TestTheHistory:
    def test_agrees_with_books_that_are_right(self) -> None:
        assert compare(history(), RIGHT) == []

    @pytest.mark.parametrize(
        ("kind", "name", "change"),
        [
            ("lost", "an order that was answered is there", {"statuses": {"2": "cancelled"}}),
            ("lost", "a key keeps its order", {"claims": {"one": "2", "two": "1"}}),
            ("lost", "what was cancelled stays so", {"statuses": {"1": "confirmed", "2": "confirmed"}}),
            ("double", "every order was sent by somebody", {"statuses": {**RIGHT.statuses, "3": "confirmed"}}),
            ("double", "a refusal leaves nothing behind", {"claims": {**RIGHT.claims, "three": "1"}}),
            ("stuck", "every order gets its verdict", {"statuses": {"1": "placed", "2": "cancelled"}}),
        ],
        ids=lambda each: str(each)[:40],
    )
    def test_shows_books_that_are_wrong(self, kind: str, name: str, change: dict[str, Any]) -> None:
        [found] = compare(history(), replace(RIGHT, **change))

        assert (found.kind, found.name) == (kind, name)

    def test_shows_an_answer_that_changed(self) -> None:
        purchases = history()
        purchases[0].answered_again.append({"id": "9"})

        assert [found.name for found in compare(purchases, RIGHT)] == ["one key has one answer"]

    def test_shows_a_customer_without_an_answer(self) -> None:
        unheard = Purchase(key="four", body={})

        assert [found.kind for found in compare([*history(), unheard], RIGHT)] == ["stuck"]

    def test_does_not_mind_an_order_whose_first_answer_was_lost(self) -> None:
        refused_later = Purchase(key="four", body={}, attempts=2, status=409, answer={})
        books = replace(RIGHT, statuses={**RIGHT.statuses, "4": "confirmed"}, claims={**RIGHT.claims, "four": "4"})

        assert compare([*history(), refused_later], books) == []


class TestTheResult:
    def test_passes_without_findings(self) -> None:
        assert Result(title="chaos seed 1", converged=3.0).row.endswith("time to converge: 3.0 s | PASSED")

    def test_fails_with_a_finding_and_names_it(self) -> None:
        findings = compare(history(), replace(RIGHT, statuses={"2": "cancelled"}))
        result = Result(title="chaos seed 1", findings=findings)

        assert " | lost: 1 | double effects: 0 | oversold: 0 | drift: 0 | stuck: 0 | " in result.row
        assert result.row.endswith("FAILED")
        assert result.details == ["lost: an order that was answered is there: 1, first one"]
        assert count(findings, "lost") == 1

    def test_fails_when_it_takes_too_long_to_converge(self) -> None:
        assert not Result(title="chaos seed 1", converged=31.0).passed
