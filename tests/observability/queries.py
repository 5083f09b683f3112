"""What the dashboards and rules ask of Prometheus, taken apart."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import promql_parser
import yaml

from tests.observability.tools import SHIPPED

GRAFANAS = re.compile(r"\$__rate_interval")


@dataclass(frozen=True)
class Query:
    """Where it stands, and what it asks."""

    where: str
    text: str


@dataclass(frozen=True)
class Selector:
    """A metric, the values that it is chosen by, and every label that is named for it."""

    metric: str
    values: frozenset[tuple[str, str]]
    labels: frozenset[str]


def of_dashboards() -> list[Query]:
    found = []
    for file in sorted((SHIPPED / "grafana" / "dashboards").glob("*.json")):
        for panel in json.loads(file.read_text())["panels"]:
            found += [Query(f"{file.stem}: {panel['title']}", target["expr"]) for target in panel["targets"]]
    return found


def of_rules() -> list[Query]:
    rules = [rule for group in groups() for rule in group["rules"]]
    return [Query(rule.get("alert") or rule["record"], rule["expr"]) for rule in rules]


def groups() -> list[dict[str, Any]]:
    files = sorted((SHIPPED / "rules").glob("*.yml"))
    return [group for file in files for group in yaml.safe_load(file.read_text())["groups"]]


def plain(text: str, *, window: str = "1m") -> str:
    """The query without what only Grafana understands."""
    return GRAFANAS.sub(window, text)


def selectors(text: str) -> list[Selector]:
    """
    Every metric that a query names.

    :raises ValueError: it is no PromQL, or keeps a label that was added up away below
    """
    return list(_selectors(promql_parser.parse(plain(text)), frozenset()))


def _selectors(node: Any, kept: frozenset[str]) -> Iterator[Selector]:
    match node:
        case promql_parser.VectorSelector():
            equal = {each.name: each.value for each in node.matchers.matchers if each.op == promql_parser.MatchOp.Equal}
            named = {each.name for each in node.matchers.matchers}
            yield Selector(node.name or "", frozenset(equal.items()), kept | named)
        case promql_parser.AggregateExpr():
            by = frozenset(node.modifier.labels if node.modifier else ())
            if kept - by:
                raise ValueError(f"{', '.join(kept - by)} of {node} is added up away")
            yield from _selectors(node.expr, by)
        case promql_parser.BinaryExpr():
            matching = node.modifier.matching if node.modifier else None
            on = frozenset(matching.labels if matching else ())
            yield from _selectors(node.lhs, kept | on)
            # What only decides whether the left side is there gives nothing to whoever is above.
            yield from _selectors(node.rhs, on if str(node.op) in ("and", "unless") else kept | on)
        case promql_parser.Call():
            for argument in node.args:
                yield from _selectors(argument, kept)
        case promql_parser.MatrixSelector():
            yield from _selectors(node.vector_selector, kept)
        case promql_parser.ParenExpr() | promql_parser.UnaryExpr():
            yield from _selectors(node.expr, kept)
