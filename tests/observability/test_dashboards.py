"""Every question that dashboards and rules ask has an answer in a shop that runs."""

import math
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from nexus.embedded.shapes import APPS, SUBSCRIBERS
from nexus.telemetry import figures
from tests.eventually import eventually
from tests.observability.queries import Query, Selector, groups, of_dashboards, of_rules, plain, selectors
from tests.observability.tools import SHIPPED
from tests.observability.watched import Prometheus, watched_shop

FAULTS = {
    "nexus_shed_total": figures.shed,
    "nexus_unavailable_total": figures.unavailable,
    "nexus_stale_answers_total": figures.stale,
    "nexus_retry_budget_exhausted_total": figures.budget_exhausted,
    "route:http_failures:rate5m": None,
}
"""What is told only once something has gone wrong; a figure's labels are then known from its table."""
PATIENCE = 150.0
RECORDED = [rule["record"] for group in groups() for rule in group["rules"] if "record" in rule]
UNUSUAL = {"failed"}
"""Values that a label has only once something has gone wrong."""
OF_SERVICES = {"gateway", *APPS, *(f"{app}-relay" for app in APPS), *(f"{name}-worker" for name in SUBSCRIBERS)}
"""Processes of the other shape; the shop that is watched here is a monolith."""
QUERIES = [pytest.param(query, id=query.where) for query in of_dashboards() + of_rules()]
PANELS = [pytest.param(query, id=query.where) for query in of_dashboards()]


@dataclass
class Watched:
    """A shop in which everything that needs no fault has happened: what Prometheus knows, which panels stayed empty."""

    prometheus: Prometheus
    empty: list[Query]


@pytest.fixture(scope="module")
def watched() -> Iterator[Watched]:
    with watched_shop() as (shop, prometheus):
        customer = shop.log_in("customer")
        silent = [query for query in of_dashboards() if not needs_fault(query)]

        def all_answer() -> bool:
            shop.trade(customer)
            silent[:] = [query for query in silent if not answers(prometheus, query)]
            return not silent

        # If they do not, the tests say which, each for itself.
        with suppress(AssertionError):
            eventually(all_answer, within=PATIENCE, every=1)
        yield Watched(prometheus, silent)


@pytest.fixture(scope="module")
def prometheus(watched: Watched) -> Prometheus:
    return watched.prometheus


def needs_fault(query: Query) -> bool:
    return any(selector.metric in FAULTS for selector in selectors(query.text))


def answers(prometheus: Prometheus, query: Query) -> bool:
    """Whether there is a line to draw."""
    return any(not math.isnan(float(each["value"][1])) for each in prometheus.query(plain(query.text)))


def complaints(prometheus: Prometheus, selector: Selector) -> list[str]:
    """What a query says of a metric that is not so."""
    if (figure := FAULTS.get(selector.metric)) and not prometheus.series(selector.metric):
        labels = {"job", "instance", "process", *figure._labelnames}
        return [f"{selector.metric} has no {label}" for label in selector.labels - labels]
    found = prometheus.series(selector.metric)
    if not found:
        return [] if selector.metric in FAULTS else [f"there is no {selector.metric}"]
    wrong = [f"{selector.metric} has no {label}" for label in selector.labels if not any(label in s for s in found)]
    chosen = [(name, value) for name, value in selector.values if value not in {s.get(name) for s in found}]
    return wrong + [
        f"no {selector.metric} has {name}={value}" for name, value in chosen if value not in UNUSUAL | OF_SERVICES
    ]


class TestTheDashboards:
    def test_are_what_is_made(self, tmp_path: Path) -> None:
        subprocess.run([sys.executable, SHIPPED / "grafana" / "make_dashboards.py", tmp_path], check=True)

        made = {file.name: file.read_text() for file in tmp_path.iterdir()}
        assert made == {file.name: file.read_text() for file in (SHIPPED / "grafana" / "dashboards").iterdir()}

    @pytest.mark.parametrize("query", PANELS)
    def test_show_something(self, watched: Watched, query: Query) -> None:
        # Whatever the answer: that there is one.
        watched.prometheus.query(plain(query.text))

        assert query not in watched.empty

    def test_show_what_only_faults_make_in_few_places(self) -> None:
        assert {query.where for query in of_dashboards() if needs_fault(query)} == {
            "shop: Failures (5xx) by route",
            "door: Sent away because too much waits",
            "door: Answers 503, by the problem's code",
            "door: Tried once more, and forbidden to be",
            "door: Old answers for a service that is away",
        }


class TestEveryQuery:
    @pytest.mark.parametrize("query", QUERIES)
    def test_names_metrics_and_labels_that_the_shop_tells(self, prometheus: Prometheus, query: Query) -> None:
        wrong = [each for selector in selectors(query.text) for each in complaints(prometheus, selector)]

        assert wrong == []

    @pytest.mark.parametrize(
        ("wrong", "complaint"),
        [
            ("nexus_outbox_oldest_age", "there is no nexus_outbox_oldest_age"),
            ("max by (subscriber) (nexus_outbox_pending)", "nexus_outbox_pending has no subscriber"),
            ('nexus_queue_messages{state="lost"}', "no nexus_queue_messages has state=lost"),
            ("sum by (cause) (nexus_shed_total)", "nexus_shed_total has no cause"),
        ],
    )
    def test_would_be_caught_with_a_wrong_name(self, prometheus: Prometheus, wrong: str, complaint: str) -> None:
        (selector,) = selectors(wrong)

        assert complaint in complaints(prometheus, selector)

    def test_would_be_caught_keeping_what_was_added_up(self) -> None:
        with pytest.raises(ValueError, match="added up"):
            selectors("max by (subscriber) (sum by (log) (nexus_outbox_pending))")


class TestTheRules:
    def test_are_all_evaluated_without_error(self, prometheus: Prometheus) -> None:
        assert prometheus.ill_rules() == []

    def test_let_no_alert_fire_in_a_shop_that_is_well(self, prometheus: Prometheus) -> None:
        """But for those about the instance that is ill on purpose."""
        pending = {each["metric"]["alertname"] for each in prometheus.query("ALERTS")}

        assert pending <= {"BreakerOpen", "RetriesForbidden"}

    def test_are_recorded_under_the_names_that_panels_ask_for(self, prometheus: Prometheus) -> None:
        missing = [name for name in RECORDED if not prometheus.series(name) and name not in FAULTS]

        assert missing == []
