"""The product's statement for placing orders, as a script for pgbench: one order of two lines, made up in SQL."""

import re

FIND = """
import importlib, pkgutil, django
django.setup()
import nexus.orders as app
names = [each.name for each in pkgutil.walk_packages(app.__path__, "nexus.orders.") if ".migrations" not in each.name]
places = (getattr(importlib.import_module(name), "PLACE", None) for name in sorted(names, key=len))
print(next(text for text in places if isinstance(text, str)))
"""
"""Prints the statement, wherever in the app it stands; for the shop's Python."""
_UNNEST = re.compile(r"unnest\(([^()]*)\)\s*AS\s+\w+\(([^)]*)\)", re.IGNORECASE)
PLACEHOLDER = "%s"

SKUS, NAME, PRICE = 2000, "Some desk lamp", 6990
OFFERS = f"""
INSERT INTO orders_price (sku, name, prices, sellable, version)
SELECT 'BENCH-' || lpad(number::text, 6, '0'), '{NAME}', '{{"EUR": {PRICE}}}', true, 1
FROM generate_series(1, {SKUS}) AS number
"""
"""Puts all that the orders ask for into the price book, which the statement looks at."""

FRESH = """
WITH fresh AS MATERIALIZED (
    SELECT uuidv7() AS id, uuidv7() AS event_id, nextval('bench_number') AS number, clock_timestamp() AS at,
           ('00000000-0000-4000-8000-' || lpad(to_hex(:customer::bigint), 12, '0'))::uuid AS customer_id,
           'BENCH-' || lpad(:a::text, 6, '0') AS a, 'BENCH-' || lpad((:a::bigint + :b::bigint)::text, 6, '0') AS b
),"""
VARIABLES = rf"""\set customer random(1, 2000)
\set a random(1, {SKUS // 2})
\set b random(1, {SKUS // 2})
"""
DATA = f"""'{{"order_id":"' || id || '","number":"F-2026-' || number || '","customer_id":"' || customer_id
    || '","currency":"EUR","total":{2 * PRICE},"lines":[{{"sku":"' || a || '","name":"{NAME}","quantity":1,'
    || '"unit_price":{PRICE}}},{{"sku":"' || b || '","name":"{NAME}","quantity":1,"unit_price":{PRICE}}}]}}'"""

HEADER = {
    "id": "id",
    "number": "'F-2026-' || lpad(number::text, 6, '0')",
    "customer_id": "customer_id",
    "currency": "'EUR'",
    "total": str(2 * PRICE),
    "note": "''",
    "placed_at": "at",
    "key": "id::text",
    "fingerprint": "md5(id::text) || md5(id::text)",
}
LINES = {
    "order_id": "id, id",
    "position": "0, 1",
    "sku": "a, b",
    "name": f"'{NAME}', '{NAME}'",
    "quantity": "1, 1",
    "unit_price": f"{PRICE}, {PRICE}",
}
EVENT = {
    "id": "event_id",
    "type": "'orders.order-placed.v1'",
    "subject": "id::text",
    "sequence": "1",
    "time": "at",
    "data": DATA,
    "correlation_id": "event_id::text",
    "causation_id": "''",
    "traceparent": "''",
}


def script(statement: str) -> str:
    """
    The statement with an expression for each of its parameters, and the variables that these need.

    :raises ValueError: the statement has a parameter that nothing here stands for
    """
    filled = _UNNEST.sub(_filled, statement)
    if PLACEHOLDER in filled:
        raise ValueError("the statement has parameters outside of unnest(…) AS name(…)")
    first, found, rest = filled.replace("%%", "%").strip().partition("WITH ")
    if first or not found:
        raise ValueError("the statement does not begin with WITH")
    return f"{VARIABLES}{FRESH.strip()} {rest.rstrip(';')};\n"


def _filled(match: "re.Match[str]") -> str:
    parameters = [word.strip() for word in match[1].split(",")]
    columns = [word.strip() for word in match[2].split(",")]
    values = _values_for(columns)
    if len(parameters) != len(columns) or (unknown := sorted(set(columns) - values.keys())):
        raise ValueError(f"no value is known for {unknown if len(parameters) == len(columns) else columns}")
    filled = ", ".join(
        parameter.replace(PLACEHOLDER, f"(SELECT ARRAY[{values[column]}] FROM fresh)")
        for parameter, column in zip(parameters, columns, strict=True)
    )
    return match[0].replace(match[1], filled, 1)


def _values_for(columns: list[str]) -> dict[str, str]:
    if "subject" in columns:
        return EVENT
    return LINES if "position" in columns else HEADER
