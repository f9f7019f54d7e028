"""What Prometheus' operator and Grafana need to show the stage: a ServiceMonitor, a dashboard."""

from __future__ import annotations

from typing import Any, Final

from surgecast.manifests.objects import Object, chosen, made
from surgecast.manifests.stage import NAME

EVERY: Final = "5s"
"""Between two scrapes: a surge grows within half a minute, and the usual 30 s would show two points of it."""
DASHBOARD: Final = "surgecast-stage"

_NODE: Final = 'job="surgecast-stage",namespace="$namespace"'
_EGRESS: Final = f"8 * sum by (pod) (rate(surgecast_stage_wire_bytes_total{{{_NODE}}}[$__rate_interval]))"


def _waits(what: str) -> str:
    return f"sum by (queue) (rate(surgecast_stage_queue_wait_seconds_{what}{{{_NODE}}}[$__rate_interval]))"


PANELS: Final[tuple[tuple[str, str, str, str], ...]] = (
    (
        "Requests per second",
        "reqps",
        f"sum by (kind) (rate(surgecast_stage_requests_total{{{_NODE}}}[$__rate_interval]))",
        "{{kind}}",
    ),
    (
        "Answers that are not 200",
        "reqps",
        f'sum by (status) (rate(surgecast_stage_requests_total{{{_NODE},status!="200"}}[$__rate_interval]))',
        "{{status}}",
    ),
    (
        "Egress per node",
        "bps",
        _EGRESS,
        "{{pod}}",
    ),
    (
        "Share of the egress declared",
        "percentunit",
        f"{_EGRESS} / sum by (pod) (surgecast_stage_declared_egress_bits_per_second{{{_NODE}}})",
        "{{pod}}",
    ),
    ("Requests that wait", "short", f"sum by (queue) (surgecast_stage_queue_depth{{{_NODE}}})", "{{queue}}"),
    (
        "Mean wait",
        "s",
        f"{_waits('sum')} / {_waits('count')}",
        "{{queue}}",
    ),
    (
        "Refusals for want of capacity",
        "reqps",
        f"sum by (reason) (rate(surgecast_stage_refusals_total{{{_NODE}}}[$__rate_interval]))",
        "{{reason}}",
    ),
    ("Requests in flight", "short", f"sum by (pod) (surgecast_stage_requests_in_flight{{{_NODE}}})", "{{pod}}"),
    ("Cores used", "none", f"sum by (pod) (rate(process_cpu_seconds_total{{{_NODE}}}[$__rate_interval]))", "{{pod}}"),
    ("Memory", "bytes", f"sum by (pod) (process_resident_memory_bytes{{{_NODE}}})", "{{pod}}"),
)
"""Title, Grafana's unit, PromQL, legend."""


def service_monitor(namespace: str) -> Object:
    """Scrapes every node of the stage."""
    monitor = made("ServiceMonitor", NAME, namespace, "monitoring")
    monitor["spec"] = {
        "selector": chosen("stage"),
        "endpoints": [{"port": "http", "path": "/metrics", "interval": EVERY, "scrapeTimeout": EVERY}],
    }
    return monitor


def dashboard() -> dict[str, Any]:
    """Grafana's JSON, two panels a row."""
    return {
        "uid": DASHBOARD,
        "title": "surgecast: the stage",
        "tags": ["surgecast"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "refresh": "5s",
        "time": {"from": "now-15m", "to": "now"},
        "templating": {"list": [_source(), _namespace()]},
        "panels": [_panel(number, *panel) for number, panel in enumerate(PANELS)],
    }


def _source() -> dict[str, Any]:
    return {"name": "source", "label": "Prometheus", "type": "datasource", "query": "prometheus", "hide": 0}


def _namespace() -> dict[str, Any]:
    return {
        "name": "namespace",
        "label": "Namespace",
        "type": "query",
        "datasource": {"type": "prometheus", "uid": "${source}"},
        "query": "label_values(surgecast_stage_requests_in_flight, namespace)",
        "refresh": 2,
        "hide": 0,
    }


def _panel(number: int, title: str, unit: str, expression: str, legend: str) -> dict[str, Any]:
    source = {"type": "prometheus", "uid": "${source}"}
    return {
        "id": number + 1,
        "type": "timeseries",
        "title": title,
        "datasource": source,
        "gridPos": {"x": 12 * (number % 2), "y": 8 * (number // 2), "w": 12, "h": 8},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0, "custom": {"fillOpacity": 10}}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [{"refId": "A", "datasource": source, "expr": expression, "legendFormat": legend}],
    }
