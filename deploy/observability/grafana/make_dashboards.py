"""
Makes the dashboards' JSON, which is what Grafana reads; a test makes it again and compares.

    python deploy/observability/grafana/make_dashboards.py [FOLDER]
"""

import json
import sys
from pathlib import Path
from typing import Any

from panels import DASHBOARDS, Panel

SOURCE = {"type": "prometheus", "uid": "prometheus"}
WIDTH, HEIGHT, ACROSS = 8, 7, 3


def dashboard(name: str) -> dict[str, Any]:
    """What Grafana reads."""
    title, panels = DASHBOARDS[name]
    return {
        "uid": f"nexus-{name}",
        "title": title,
        "tags": ["nexus"],
        "schemaVersion": 39,
        "timezone": "browser",
        "refresh": "30s",
        "time": {"from": "now-1h", "to": "now"},
        "links": [{"type": "dashboards", "tags": ["nexus"], "title": "Nexus", "asDropdown": False}],
        "panels": [_panel(panel, number) for number, panel in enumerate(panels)],
    }


def _panel(panel: Panel, number: int) -> dict[str, Any]:
    row, column = divmod(number, ACROSS)
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0}
    if panel.bound is not None:
        steps = [{"color": "green", "value": None}, {"color": "red", "value": panel.bound}]
        defaults["thresholds"] = {"mode": "absolute", "steps": steps}
        defaults["custom"] = {"thresholdsStyle": {"mode": "dashed"}}
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.about,
        "datasource": SOURCE,
        "gridPos": {"x": column * WIDTH, "y": row * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "targets": [
            {"refId": chr(65 + at), "datasource": SOURCE, "expr": query, "legendFormat": legend}
            for at, (legend, query) in enumerate(panel.queries.items())
        ],
    }


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "dashboards"
    for name in DASHBOARDS:
        (folder / f"{name}.json").write_text(json.dumps(dashboard(name), indent=2) + "\n")
