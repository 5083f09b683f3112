"""Which rows are brought: those that were written since, and none that were not."""

from contextlib import closing

import pytest
from psycopg import sql

from nexus.eventbus.moving.copying import CHANGED, copy_changes
from nexus.eventbus.moving.tables import tables_of, with_dependents
from tests.eventbus.moving.conftest import Moved

NOW = "SELECT pg_current_xact_id()::text::bigint"


class TestChanges:
    def test_are_what_was_written_since(self, moved: Moved) -> None:
        moved.fill(3)
        [[since]] = moved.sql(moved.source, NOW)
        moved.sql(moved.source, "UPDATE shelf SET pieces = 70 WHERE sku = '2'")

        with closing(moved.source.connect()) as source, closing(moved.target.connect()) as target:
            shelf = [table for table in tables_of(source) if table.name == "shelf"]
            count = copy_changes(source, target, shelf, since=since)

        assert count == 1
        assert moved.sql(moved.target, "SELECT sku, pieces FROM shelf") == [("2", 70)]

    @pytest.mark.parametrize(
        ("xmin", "since", "changed"),
        [
            (100, 100, True),
            (99, 100, False),
            (5, 2**32 - 10, True),  # the counter has gone round in between
            (2**32 - 11, 2**32 - 10, False),
            (7, 3 * 2**32 + 7, True),
            (6, 3 * 2**32 + 7, False),
        ],
    )
    def test_are_told_by_a_counter_that_goes_round(self, moved: Moved, xmin: int, since: int, changed: bool) -> None:
        query = sql.SQL("SELECT {} FROM (SELECT {}::text::xid AS xmin) AS t").format(
            sql.SQL(CHANGED).format(since=sql.Literal(since)), sql.Literal(str(xmin))
        )

        with moved.source.connect() as connection:
            assert connection.execute(query).fetchone() == (changed,)


class TestTables:
    def test_come_after_those_that_they_refer_to(self, moved: Moved) -> None:
        with moved.source.connect() as connection:
            names = [table.name for table in tables_of(connection)]

        assert names.index("place") < names.index("shelf")
        assert "django_migrations" not in names

    def test_are_emptied_with_those_that_refer_to_them(self, moved: Moved) -> None:
        with moved.source.connect() as connection:
            tables = tables_of(connection)

        assert [table.name for table in with_dependents(["place"], tables)] == ["place", "shelf"]
