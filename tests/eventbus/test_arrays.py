"""Arrays as PostgreSQL reads them: what goes in comes out."""

from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from nexus.eventbus.stores.postgres_rows import run
from tests.eventbus.conftest import DATABASES

pytestmark = pytest.mark.django_db(databases=DATABASES)
TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]) | st.sampled_from('"\\,{} '))


def read(values: list[Any], kind: str) -> list[Any]:
    [[found]] = run("orders", f"SELECT %s::{kind}[]", [values])
    assert isinstance(found, list)
    return found


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXTS | st.none(), max_size=6))
@example(["a", "b"])
@example(["", "NULL", "null"])
@example(['a","b'])
@example(["a\\", "b"])
@example(['"', "b"])
@example(["a", None])
@example([None, "a"])
def test_texts_arrive_as_they_are(values: list[str | None]) -> None:
    assert read(values, "text") == values


def test_numbers_arrive_as_they_are() -> None:
    assert read([1, None, -3], "int") == [1, None, -3]
