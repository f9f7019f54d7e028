"""k6: every sample (``--out json=FILE``), or the totals of ``--summary-export`` and ``handleSummary``.

k6 times a request without opening its connection, and counts ``data_received`` on the connection, TLS included, when
an iteration ends. Its samples carry the moment that the request ended.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from advisor.foreign import COUNTED, TIMED, Count, Outcomes, Percentiles, Point, Reader, Series, Source, Tally, kind_of

MOST_SUMMARY: Final = 16 * 2**20
"""Characters of a summary, which is read whole."""
LONGEST: Final = 1e12
"""Milliseconds of a request; more is a damaged number."""
_RECORDABLE: Final = dict.fromkeys((*TIMED, *COUNTED, "egress"), "do_k6_url")
_SAMPLED: Final = dict.fromkeys(_RECORDABLE, "do_k6_json")
"""What a summary has not, samples have."""
_PERCENTILE: Final = re.compile(r"p\((\d{1,3}(?:\.\d+)?)\)")
_TIMES: Final = frozenset({"http_req_duration", "http_req_waiting"})
_WANTED: Final = frozenset({"http_reqs", "http_req_failed", "http_req_duration", "http_req_waiting", "data_received"})


class K6(Reader):
    """Samples become sketches; totals are carried as k6 reports them."""

    def knows(self, head: str) -> bool:
        """By its first line, or by the names in a summary."""
        return _is_samples(head) or (
            head.lstrip().startswith("{") and '"metrics"' in head and '"line"' not in head[:200]
        )

    def read(self, source: Source) -> Outcomes:
        """Either form."""
        return _samples(source) if _is_samples(source.head()) else _summary(source)


def _is_samples(head: str) -> bool:
    first = head.lstrip().partition("\n")[0]
    return first.startswith("{") and '"metric"' in first and ('"Metric"' in first or '"Point"' in first)


def _samples(source: Source) -> Outcomes:
    tally = Tally()
    for number, line in enumerate(source.lines(), 1):
        if '"Point"' in line and ('"http_req' in line or '"data_received"' in line):
            _add(source, number, tally, line)
    remarks = ("foreign_k6", "foreign_k6_wire", "foreign_no_phases", "foreign_kinds")
    return replace(source.outcomes("k6", tally, remarks, _RECORDABLE), whole_only=frozenset({"egress"}))


def _add(source: Source, number: int, tally: Tally, line: str) -> None:
    try:
        point = json.loads(line)
        metric, data = point["metric"], point["data"]
        if metric not in _WANTED:
            return
        at, value = datetime.fromisoformat(data["time"]).timestamp(), float(data["value"])
        tags = dict(data.get("tags") or {})
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise source.wrong(number, line, "a k6 Point with metric, data.time and data.value") from error
    if not (math.isfinite(value) and value >= 0) or (metric in _TIMES and value > LONGEST):
        raise source.wrong(number, f"{metric} {value}", "a number of zero or more")
    _take(tally, metric, at, value, tags)


def _take(tally: Tally, metric: str, at: float, value: float, tags: dict[str, Any]) -> None:
    kind = kind_of(str(tags.get("url") or tags.get("name") or ""))
    match metric:
        case "http_reqs":
            tally.request("requests", kind, at, value)
        case "http_req_failed":
            tally.request("failed", kind, at, value)
        case "data_received":
            tally.count("wire_bits", at, 8 * value)
        case "http_req_duration":
            tally.response("total", kind, at, value / 1000 if _went_well(tags) else None)
        case "http_req_waiting":
            tally.response("ttfb", kind, at, value / 1000 if _went_well(tags) else None)


def _went_well(tags: dict[str, Any]) -> bool:
    """As k6 judged it, or by the status where it did not."""
    if "expected_response" in tags:
        return str(tags["expected_response"]) == "true"
    return not tags.get("error_code") and str(tags.get("status", "200"))[:1] in ("2", "3")


def _summary(source: Source) -> Outcomes:
    text = ""
    for line in source.lines():
        text += line
        if len(text) > MOST_SUMMARY:
            raise source.wrong(0, "a longer summary", f"at most {MOST_SUMMARY:,} characters")
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise source.wrong(getattr(error, "lineno", 0), error, "a JSON summary of k6") from error
    metrics = data.get("metrics") if isinstance(data, dict) else None
    if not isinstance(metrics, dict) or "http_reqs" not in metrics:
        raise source.wrong(0, "no metrics.http_reqs", "a summary of a k6 test with HTTP requests")
    return Outcomes(
        name=source.path.name,
        tool="k6",
        started_at=None,
        seconds=0,
        series={"": Series()},
        reported=_reported(source, metrics),
        percentiles=_percentiles(source, metrics),
        totals=(totals := _totals(source, metrics)),
        lasted=_lasted(source, metrics, totals),
        recordable=_SAMPLED,
        remarks=("foreign_k6", "foreign_k6_wire", "foreign_totals"),
    )


def _totals(source: Source, metrics: dict[str, Any]) -> dict[Count, float]:
    """``passes`` of a rate are the times that it was true: here, the requests that failed."""
    places: dict[Count, tuple[str, str]] = {"requests": ("http_reqs", "count"), "failed": ("http_req_failed", "passes")}
    found = {name: _figure(source, metrics, *place) for name, place in places.items()}
    return {name: value for name, value in found.items() if value is not None}


def _lasted(source: Source, metrics: dict[str, Any], totals: Mapping[Count, float]) -> float:
    rate = _figure(source, metrics, "http_reqs", "rate")
    return totals.get("requests", 0.0) / rate if rate else 0.0


def _percentiles(source: Source, metrics: dict[str, Any]) -> Percentiles | None:
    """k6 weighs the two samples next to a percentile's rank, and rounds nothing that matters."""
    count = _figure(source, metrics, "http_reqs", "count")
    keys = {0.0: ("min",), 0.5: ("med", "p(50)"), 1.0: ("max",)}
    trend = metrics.get("http_req_duration", {})
    trend = trend.get("values", trend) if isinstance(trend, dict) else {}
    for key in trend if isinstance(trend, dict) else {}:
        if (found := _PERCENTILE.fullmatch(str(key))) and 0 < float(found[1]) < 100:
            keys.setdefault(float(found[1]) / 100, (key,))
    values = {share: _figure(source, metrics, "http_req_duration", *names) for share, names in keys.items()}
    points = [Point(share, *[value / 1000] * 3) for share, value in sorted(values.items()) if value is not None]
    return Percentiles(round(count), tuple(points), "do_k6_trend") if count and points else None


def _reported(source: Source, metrics: dict[str, Any]) -> dict[str, float]:
    """Percentiles that the summary does not hold (``summaryTrendStats``) are absent."""
    places = {
        "requests": (("http_reqs", "rate"), 1.0),
        "wire": (("data_received", "rate"), 8.0),
        "errors": (("http_req_failed", "value", "rate"), 1.0),
        "request_p50": (("http_req_duration", "med", "p(50)"), 0.001),
        "request_p95": (("http_req_duration", "p(95)"), 0.001),
        "request_p99": (("http_req_duration", "p(99)"), 0.001),
    }
    found = {name: (_figure(source, metrics, *place), unit) for name, (place, unit) in places.items()}
    return {name: value * unit for name, (value, unit) in found.items() if value is not None}


def _figure(source: Source, metrics: dict[str, Any], metric: str, *keys: str) -> float | None:
    """A figure of ``--summary-export``, or one below ``values`` as ``handleSummary`` has it."""
    values = metrics.get(metric, {})
    values = values.get("values", values) if isinstance(values, dict) else values
    if not isinstance(values, dict):
        raise source.wrong(0, f"metrics.{metric} {values!r}", "a mapping of figures")
    key = next((key for key in keys if key in values), None)
    if key is None:
        return None
    value = values[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        raise source.wrong(0, f"metrics.{metric}.{key} {value!r}", "a number of zero or more")
    return float(value)
