"""Adds our windows into Locust's own request statistics: sums once a second, not an event per request."""

from __future__ import annotations

import time

from locust.stats import RequestStats, StatsEntry, StatsError, bucket_response_time

from loadtests.results import Requests, Window
from loadtests.sketch import middle_of

METHOD = "GET"


def add_windows(stats: RequestStats, windows: list[Window]) -> None:
    """Count every request of ``windows`` under the name ``region kind``, such as ``id segment``."""
    for window in windows:
        for kind, requests in window.requests.items():
            _add(stats, f"{window.region} {kind}", requests)


def _add(stats: RequestStats, name: str, requests: Requests) -> None:
    entry = _entry(stats, name, requests)
    stats.get(name, METHOD).extend(entry)
    stats.total.extend(entry)
    for reason, count in requests.errors.items():
        _add_error(stats, name, reason, count)


def _entry(stats: RequestStats, name: str, requests: Requests) -> StatsEntry:
    now = time.time()
    entry = StatsEntry(stats, name, METHOD)
    entry.start_time = entry.last_request_timestamp = now
    entry.num_requests = requests.count
    entry.num_none_requests = requests.count - requests.total.count
    entry.num_failures = requests.failed
    entry.num_reqs_per_sec[int(now)] = requests.count
    entry.num_fail_per_sec[int(now)] = requests.failed
    entry.total_content_length = requests.bytes
    if requests.total.count:
        entry.total_response_time = round(requests.total.total * 1000)
        entry.min_response_time = round(requests.total.smallest * 1000)
        entry.max_response_time = round(requests.total.largest * 1000)
        for index, count in requests.total.bins.items():
            entry.response_times[bucket_response_time(middle_of(index) * 1000)] += count
    return entry


def _add_error(stats: RequestStats, name: str, reason: str, count: int) -> None:
    key = StatsError.create_key(METHOD, name, reason)
    if key not in stats.errors:
        stats.errors[key] = StatsError(METHOD, name, reason, first_seen=time.time())
    stats.errors[key].occurrences += count
    stats.errors[key].last_seen = time.time()
