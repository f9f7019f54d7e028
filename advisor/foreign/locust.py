"""Locust's ``*_stats_history.csv`` (``locust --csv``): counts per second, percentiles only since the start.

The percentiles are rounded to two significant digits and cover everything up to their row, so they cannot be merged,
cut or given an interval: the last ones are carried as Locust reports them.
"""

from __future__ import annotations

import csv
import math
import re
from dataclasses import replace
from typing import Final

from advisor.foreign import Outcomes, Percentiles, Point, Reader, Source, Tally

_NEEDED: Final = ("Timestamp", "Name", "Total Request Count", "Total Failure Count")
_PERCENTILES: Final = {"50%": "request_p50", "95%": "request_p95", "99%": "request_p99"}
_WHOLE: Final = "Aggregated"
_SHARE: Final = re.compile(r"(\d{1,3}(?:\.\d+)?)%")


class Locust(Reader):
    """The history of all requests together; rows of single names are read for nothing but what they imply."""

    def knows(self, head: str) -> bool:
        """By the columns that no other tool has."""
        first = head.partition("\n")[0]
        return all(column in first for column in ("Timestamp", "User Count", "Total Request Count"))

    def read(self, source: Source) -> Outcomes:
        """Counts as differences between rows; the last row's percentiles."""
        rows = csv.DictReader(source.lines())
        if missing := [name for name in _NEEDED if name not in (rows.fieldnames or ())]:
            raise source.wrong(1, f"no column {missing[0]!r}", f"the columns {', '.join(_NEEDED)}")
        tally, last, full = Tally(), dict[str, str](), False
        try:
            for row in rows:
                if row["Name"] != _WHOLE:
                    full = True
                    continue
                _add(source, rows.line_num, tally, last, row)
                last = row
        except csv.Error as error:
            raise source.wrong(rows.line_num, error, "a row of a CSV file") from error
        remarks = ("foreign_locust_current" if full else "foreign_locust", "foreign_no_phases")
        recordable = dict.fromkeys(("request.total", "request.error_rate", "request.rate"), "do_locust")
        if full:
            return source.outcomes("locust", tally, remarks, recordable | {"request.total": "do_locust_full"})
        return replace(
            source.outcomes("locust", tally, remarks, recordable),
            reported=_reported(source, rows.line_num, last),
            percentiles=_percentiles(source, rows.line_num, last),
        )


def _add(source: Source, line: int, tally: Tally, before: dict[str, str], row: dict[str, str]) -> None:
    """What came since the row before; a smaller count is a fresh start (``--reset-stats``)."""
    at = _number(source, line, row, "Timestamp")
    if before and at < float(before["Timestamp"]):
        raise source.wrong(line, f"Timestamp {at:.0f}", f"{before['Timestamp']} or later")
    for what, column in (("requests", "Total Request Count"), ("failed", "Total Failure Count")):
        now = _number(source, line, row, column)
        known = float(before[column]) if before else 0.0
        tally.count("requests" if what == "requests" else "failed", at, now - known if now >= known else now)


def _number(source: Source, line: int, row: dict[str, str], column: str) -> float:
    try:
        value = float(row[column])
    except (TypeError, ValueError):
        value = math.nan
    if not (math.isfinite(value) and value >= 0):
        raise source.wrong(line, f"{column} {row[column]!r}", "a number of zero or more")
    return value


def _reported(source: Source, line: int, last: dict[str, str]) -> dict[str, float]:
    """Milliseconds as seconds; ``N/A`` is what Locust writes before the first request."""
    found = {name: column for column, name in _PERCENTILES.items() if last.get(column, "N/A") != "N/A"}
    return {name: _number(source, line, last, column) / 1000 for name, column in found.items()}


def _percentiles(source: Source, line: int, last: dict[str, str]) -> Percentiles | None:
    """Every percentile of the last row; the smallest and the largest are not rounded."""
    points = []
    for column, text in last.items():
        share = _SHARE.fullmatch(column or "")
        if share and text != "N/A" and 0 < float(share[1]) < 100:
            value = _number(source, line, last, column)
            ends = (value - _unit(value * (1 - 1e-9)) / 2, value, value + _unit(value) / 2)
            points.append(Point(float(share[1]) / 100, *(max(end, 0.0) / 1000 for end in ends)))
    for column, share_of_all in (("Total Min Response Time", 0.0), ("Total Max Response Time", 1.0)):
        if last.get(column):
            points.append(Point(share_of_all, *[_number(source, line, last, column) / 1000] * 3))
    samples = round(_number(source, line, last, "Total Request Count")) if last else 0
    return Percentiles(samples, tuple(sorted(points)), "do_locust_percentile") if samples and points else None


def _unit(milliseconds: float) -> float:
    """What Locust rounds to (``bucket_response_time``): milliseconds below a hundred, then two digits."""
    return next((unit for limit, unit in ((100, 1.0), (1000, 10.0), (10_000, 100.0)) if milliseconds < limit), 1000.0)
