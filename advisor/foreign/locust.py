"""Locust's ``*_stats_history.csv`` (``locust --csv``): counts per second, percentiles only since the start.

The percentiles are rounded to two significant digits and cover everything up to their row, so they cannot be merged,
cut or given an interval: the last ones are carried as Locust reports them.
"""

from __future__ import annotations

import csv
import math
from typing import Final

from advisor.foreign import Outcomes, Reader, Source, Tally

_NEEDED: Final = ("Timestamp", "Name", "Total Request Count", "Total Failure Count")
_PERCENTILES: Final = {"50%": "request_p50", "95%": "request_p95", "99%": "request_p99"}
_WHOLE: Final = "Aggregated"


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
        reported = {} if full else _reported(source, rows.line_num, last)
        return source.outcomes("locust", tally, remarks, reported)


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
