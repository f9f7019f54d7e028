"""Files as other tools write them, made of known samples: latencies in seconds, second by second."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from advisor.gate import Gate, judge, read_judgeable
from loadtests.budgets import read_page

Latencies = Sequence[Sequence[float]]
START = 1_795_392_000
SHARES = (0.50, 0.66, 0.75, 0.80, 0.90, 0.95, 0.98, 0.99, 0.999, 0.9999, 1.0)
"""Locust's ``PERCENTILES_TO_REPORT``."""
SEGMENT = "http://stage.example.test/live/720p-1.ts"


def steady(median: float, seconds: int = 40, each: int = 60, seed: int = 1) -> list[list[float]]:
    """Lognormal latencies around a median; their p95 is 1.39 times as long."""
    rng = np.random.default_rng(seed)
    return [[median * float(draw) for draw in np.exp(rng.normal(0, 0.2, each))] for _ in range(seconds)]


def k6_samples(latencies: Latencies, *, failed: int = 0, url: str = SEGMENT) -> str:
    """``k6 run --out json=FILE``; of each second's requests, the first ``failed`` fail."""
    lines = []
    for at, second in enumerate(latencies):
        for number, latency in enumerate(second):
            bad = number < failed
            tags = {"expected_response": str(not bad).lower(), "status": "503" if bad else "200", "url": url}
            values = {
                "http_reqs": 1.0,
                "http_req_failed": float(bad),
                "http_req_duration": latency * 1000,
                "http_req_waiting": latency * 500,
            }
            for metric, value in values.items():
                data = {"time": f"2026-11-23T00:{at // 60:02d}:{at % 60:02d}Z", "value": value, "tags": tags}
                lines.append(json.dumps({"metric": metric, "type": "Point", "data": data}))
        received = {"time": f"2026-11-23T00:{at // 60:02d}:{at % 60:02d}Z", "value": 1e5 * len(second), "tags": {}}
        lines.append(json.dumps({"metric": "data_received", "type": "Point", "data": received}))
    return "\n".join(lines) + "\n"


def k6_percentile(ordered: Sequence[float], share: float) -> float:
    """As k6's ``TrendSink.P`` weighs the two samples next to the rank."""
    rank = share * (len(ordered) - 1)
    low, high = ordered[math.floor(rank)], ordered[math.ceil(rank)]
    return low + (high - low) * (rank - math.floor(rank))


def k6_summary(latencies: Latencies, *, failed: int = 0, shares: Sequence[float] = (0.90, 0.95, 0.98, 0.99)) -> str:
    """``k6 run --summary-export FILE``; ``failed`` requests in all fail."""
    samples = sorted(1000 * value for second in latencies for value in second)
    trend = {f"p({share * 100:g})": k6_percentile(samples, share) for share in shares}
    trend |= {"min": samples[0], "med": k6_percentile(samples, 0.5), "max": samples[-1], "avg": sum(samples)}
    count, seconds = len(samples), len(latencies)
    metrics = {
        "http_reqs": {"count": count, "rate": count / seconds},
        "http_req_failed": {"passes": failed, "fails": count - failed, "value": failed / count},
        "http_req_duration": trend,
        "data_received": {"count": 1e5 * count, "rate": 1e5 * count / seconds},
    }
    return json.dumps({"metrics": metrics}, indent=1)


def bucket(milliseconds: float) -> int:
    """Locust's ``bucket_response_time`` (a test holds it against Locust's own)."""
    digits = next((digits for limit, digits in ((100, 0), (1000, -1), (10_000, -2)) if milliseconds < limit), -3)
    return int(round(milliseconds, digits))


def locust_percentile(buckets: dict[int, int], count: int, share: float) -> int:
    """Locust's ``calculate_response_time_percentile`` (a test holds it against Locust's own)."""
    seen = 0
    for value in sorted(buckets, reverse=True):
        seen += buckets[value]
        if count - seen <= int(count * share):
            return value
    return 0


def locust_history(latencies: Latencies, *, failed: int = 0, full: bool = False) -> str:
    """``locust --csv``: a row a second, percentiles since the start; of each second's requests, ``failed`` fail."""
    names = [f"{share * 100:g}%" for share in SHARES]
    head = ["Timestamp", "User Count", "Type", "Name", "Requests/s", "Failures/s", *names]
    head += [f"Total {what}" for what in ("Request Count", "Failure Count", "Median Response Time")]
    head += [f"Total {what}" for what in ("Average Response Time", "Min Response Time", "Max Response Time")]
    rows, buckets, count, seen = [",".join(head)], Counter[int](), 0, list[float]()
    rows.append(",".join([str(START - 1), "4", "", "Aggregated", "0", "0", *["N/A"] * 11, *["0"] * 6]))
    for at, second in enumerate(latencies):
        seen += [1000 * value for value in second]
        buckets.update(bucket(1000 * value) for value in second)
        count += len(second)
        cells = [str(locust_percentile(buckets, count, share)) for share in SHARES]
        sums = [count, failed * (at + 1), cells[0], sum(seen) / count, min(seen), max(seen)]
        whose = ("GET,/live/1.ts", ",Aggregated") if full else (",Aggregated",)
        rows += [",".join([str(START + at), "4", name, "9", "0", *cells, *map(str, sums)]) for name in whose]
    return "\n".join(rows) + "\n"


def jmeter_log(latencies: Latencies, *, failed: int = 0, url: str = SEGMENT) -> str:
    """``jmeter -n -l FILE``; without ``url`` no address is saved. Of each second, the first ``failed`` fail."""
    rows = ["timeStamp,elapsed,label,responseMessage,success,bytes,Latency" + (",URL" if url else "")]
    for at, second in enumerate(latencies):
        for number, latency in enumerate(second):
            start, elapsed = round(1000 * (START + at)), round(1000 * latency)
            row = [start, elapsed, "Watch", "OK", str(number >= failed).lower(), 100_000, elapsed // 2]
            rows.append(",".join(map(str, [*row, url] if url else row)))
    return "\n".join(rows) + "\n"


def judged(file: Path, budgets: str, baselines: Sequence[Path] = ()) -> Gate:
    """The gate over a file; one budget a line."""
    placed = read_page("b.yaml", "".join(f"- {line}\n" for line in budgets.splitlines()))
    needed = frozenset(one.budget.metric for one in placed)
    return judge(read_judgeable([str(file)], needed), placed, [read_judgeable([str(one)], needed) for one in baselines])
