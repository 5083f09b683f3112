"""The floor runs the product's own statement: a parameter that it cannot fill must not pass unnoticed."""

import pytest
from django.db import connections

from benchmarks.placing import OFFERS, script
from nexus.orders.services.attempt import PLACE


class TestScript:
    def test_leaves_no_parameter_of_the_statement(self):
        assert "%s" not in script(PLACE)

    def test_refuses_a_column_that_it_has_no_value_for(self):
        with pytest.raises(ValueError, match="colour"):
            script("WITH a AS (SELECT * FROM unnest(%s::uuid[], %s::text[]) AS t(id, colour)) SELECT 1")

    def test_refuses_a_parameter_elsewhere(self):
        with pytest.raises(ValueError, match="outside"):
            script("WITH a AS (SELECT * FROM unnest(%s::uuid[]) AS t(id)) SELECT %s")

    @pytest.mark.django_db(databases=["orders"])
    def test_writes_one_order_with_two_lines_its_claim_and_its_event(self):
        statement = "".join(line for line in script(PLACE).splitlines(True) if not line.startswith("\\set"))
        for name, value in (("customer", "7"), ("a", "1"), ("b", "2")):
            statement = statement.replace(f" :{name}::", f" {value}::").replace(f"(:{name}::", f"({value}::")
        with connections["orders"].cursor() as cursor:
            cursor.execute("CREATE SEQUENCE bench_number")
            cursor.execute(OFFERS)

            cursor.execute(statement)

            counts = []
            for table in ("orders_order", "orders_orderline", "orders_placementclaim", "event_log"):
                cursor.execute(f"SELECT count(*) FROM {table}")
                counts.append(cursor.fetchone()[0])
        assert counts == [1, 2, 1, 1]
