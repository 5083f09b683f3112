"""
Makes the saved objects that Kibana imports, one to a line; a test makes them again and compares.

    python deploy/elk/kibana/make_objects.py [FILE]
"""

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

VIEW = "nexus-logs"
REQUESTS = 'event.dataset: "nexus.access"'
BATCHES = 'event.dataset: "nexus.batch"'
FAILURES = "event.outcome: failure or log.level: (error or critical)"
WIDTH, HEIGHT = 24, 15
INDEX = "kibanaSavedObjectMeta.searchSourceJSON.index"
VIEW_REFERENCE = {"name": INDEX, "type": "index-pattern", "id": VIEW}


def data_view() -> dict[str, Any]:
    attributes = {"title": "logs-nexus-*", "name": "Nexus", "timeFieldName": "@timestamp"}
    return {"type": "index-pattern", "id": VIEW, "attributes": attributes, "references": []}


def search(name: str, title: str, query: str, columns: Sequence[str]) -> dict[str, Any]:
    """Lines that a query finds, the newest first."""
    attributes = {
        "title": title,
        "columns": list(columns),
        "sort": [["@timestamp", "desc"]],
        "kibanaSavedObjectMeta": {"searchSourceJSON": _source(query)},
    }
    return {"type": "search", "id": name, "attributes": attributes, "references": [VIEW_REFERENCE]}


def table(name: str, title: str, query: str, by: str, metrics: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
    """A row for each value of a field; metrics are (aggregation, field, heading), and the first orders the rows."""
    aggregations = [
        {"id": str(number), "enabled": True, "schema": "metric", "type": kind, "params": _params(kind, field, heading)}
        for number, (kind, field, heading) in enumerate(metrics, 1)
    ]
    terms = {"field": by, "size": 30, "order": "desc", "orderBy": "1", "customLabel": by}
    aggregations.append({"id": "0", "enabled": True, "schema": "bucket", "type": "terms", "params": terms})
    state = {
        "title": title,
        "type": "table",
        "aggs": aggregations,
        "params": {"perPage": 15, "showTotal": False, "showPartialRows": False, "showMetricsAtAllLevels": False},
    }
    return _visualization(name, title, query, state)


def over_time(name: str, title: str, query: str, by: str) -> dict[str, Any]:
    """How many lines there were, stacked by the values of a field."""
    time = {"field": "@timestamp", "interval": "auto", "useNormalizedEsInterval": True, "min_doc_count": 1}
    terms = {"field": by, "size": 10, "order": "desc", "orderBy": "1"}
    aggregations = [
        {"id": "1", "enabled": True, "schema": "metric", "type": "count", "params": {}},
        {"id": "2", "enabled": True, "schema": "segment", "type": "date_histogram", "params": time},
        {"id": "3", "enabled": True, "schema": "group", "type": "terms", "params": terms},
    ]
    series = {"show": True, "type": "histogram", "mode": "stacked", "data": {"id": "1", "label": "lines"}}
    params = {
        "type": "histogram",
        "addLegend": True,
        "addTooltip": True,
        "legendPosition": "right",
        "categoryAxes": [
            {"id": "x", "type": "category", "position": "bottom", "show": True, "scale": {"type": "linear"}}
        ],
        "valueAxes": [{"id": "y", "type": "value", "position": "left", "show": True, "scale": {"type": "linear"}}],
        "seriesParams": [series | {"valueAxis": "y"}],
    }
    return _visualization(
        name, title, query, {"title": title, "type": "histogram", "aggs": aggregations, "params": params}
    )


def dashboard(name: str, title: str, shown: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Two side by side."""
    panels, references = [], []
    for number, each in enumerate(shown):
        place = {"x": number % 2 * WIDTH, "y": number // 2 * HEIGHT, "w": WIDTH, "h": HEIGHT, "i": str(number)}
        panels.append(
            {"panelIndex": str(number), "gridData": place, "type": each["type"], "panelRefName": f"panel_{number}"}
        )
        # Kibana finds a panel's object by its index and the name above.
        references.append({"name": f"{number}:panel_{number}", "type": each["type"], "id": each["id"]})
    attributes = {
        "title": title,
        "panelsJSON": json.dumps(panels),
        "optionsJSON": json.dumps({"useMargins": True, "hidePanelTitles": False}),
        "timeRestore": True,
        "timeFrom": "now-1h",
        "timeTo": "now",
        "kibanaSavedObjectMeta": {"searchSourceJSON": json.dumps({"query": _query(""), "filter": []})},
    }
    return {"type": "dashboard", "id": name, "attributes": attributes, "references": references}


def _visualization(name: str, title: str, query: str, state: dict[str, Any]) -> dict[str, Any]:
    attributes = {
        "title": title,
        "visState": json.dumps(state),
        "uiStateJSON": "{}",
        "kibanaSavedObjectMeta": {"searchSourceJSON": _source(query)},
    }
    return {"type": "visualization", "id": name, "attributes": attributes, "references": [VIEW_REFERENCE]}


def _params(kind: str, field: str, heading: str) -> dict[str, Any]:
    params: dict[str, Any] = {"customLabel": heading}
    params |= {"field": field} if field else {}
    return params | ({"percents": [50, 95, 99]} if kind == "percentiles" else {})


def _source(query: str) -> str:
    return json.dumps({"query": _query(query), "filter": [], "indexRefName": INDEX})


def _query(text: str) -> dict[str, str]:
    return {"query": text, "language": "kuery"}


SPENT = ("percentiles", "event.duration", "nanoseconds")
FAILURE_COLUMNS = ("log.level", "event.dataset", "labels.route", "labels.subscriber", "message", "error.type")
BATCH_SUMS = [("sum", f"nexus.batch.{outcome}", outcome) for outcome in ("applied", "duplicate", "ignored", "buried")]
SHOWN = [
    over_time("nexus-statuses", "Requests by status", REQUESTS, "http.response.status_code"),
    over_time("nexus-outcomes", "Batches by outcome", BATCHES, "event.outcome"),
    table("nexus-routes", "Requests by route", REQUESTS, "labels.route", [("count", "", "requests"), SPENT]),
    table(
        "nexus-subscribers",
        "Batches by subscriber",
        BATCHES,
        "labels.subscriber",
        [("count", "", "batches"), *BATCH_SUMS, SPENT],
    ),
    search("nexus-failures", "What failed", FAILURES, [*FAILURE_COLUMNS, "labels.correlation_id"]),
]


def objects() -> list[dict[str, Any]]:
    """All of them, each after what it refers to."""
    return [data_view(), *SHOWN, dashboard("nexus", "Nexus: requests and batches", SHOWN)]


if __name__ == "__main__":
    file = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "objects.ndjson"
    file.write_text("".join(json.dumps(each) + "\n" for each in objects()))
