"""CloudFront: which distributions serve a target, and what CloudWatch counted of them while runs were under way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from advisor.clouds.aws import HOME, Aws
from advisor.clouds.snapshot import Delivered, Distribution

METRICS: Final = {
    "requests": ("Requests", "Sum"),
    "bytes": ("BytesDownloaded", "Sum"),
    "hit": ("CacheHitRate", "Average"),
    "errors": ("TotalErrorRate", "Average"),
}
"""Metrics of ``AWS/CloudFront`` and the one statistic that each has (CloudFront's developer guide)."""
PERIODS: Final = ((timedelta(days=15), 60), (timedelta(days=63), 300), (timedelta(days=455), 3600))
"""How long CloudWatch keeps periods of how many seconds (GetMetricStatistics)."""


class Window(NamedTuple):
    """When a run was under way."""

    start: datetime
    end: datetime


def listed(aws: Aws) -> tuple[Distribution, ...]:
    """Every distribution of the account. Raises `Refused`."""
    told = aws.every("cloudfront", HOME, "list_distributions", "DistributionList.Items")
    return tuple(sorted((_distribution(one) for one in told), key=lambda one: one.id))


def serving(found: Sequence[Distribution], hosts: Sequence[str]) -> tuple[Distribution, ...]:
    """Those that answer to one of ``hosts``, by their own name or an alias."""
    return tuple(one for one in found if _serves(one, hosts))


def _distribution(told: dict[str, Any]) -> Distribution:
    origins = told.get("Origins", {}).get("Items") or ()
    shields = (one.get("OriginShield") or {} for one in origins)
    return Distribution(
        id=told["Id"],
        domain=told["DomainName"],
        aliases=tuple(sorted(told.get("Aliases", {}).get("Items") or ())),
        enabled=bool(told.get("Enabled", True)),
        price_class=str(told.get("PriceClass", "")),
        shields=tuple(sorted({str(one.get("OriginShieldRegion", "")) for one in shields if one.get("Enabled")})),
    )


def _serves(one: Distribution, hosts: Sequence[str]) -> bool:
    """An alias may begin with ``*.``, which stands for one label or more."""
    names = (one.domain, *one.aliases)
    return any(
        host.lower() == name.lower() or (name.startswith("*.") and host.lower().endswith(name[1:].lower()))
        for host in hosts
        for name in names
    )


def delivered(
    aws: Aws, distributions: Sequence[Distribution], windows: Sequence[Window], now: datetime
) -> Iterator[Delivered]:
    """Of each distribution over all windows; those older than CloudWatch remembers count nothing. Raises `Refused`."""
    for one in distributions:
        told = [_metrics(aws, one.id, window, seconds) for window in windows if (seconds := period_at(window, now))]
        yield Delivered(
            distribution=one.id,
            seconds=sum(_length(window, period_at(window, now)) for window in windows),
            requests=_sum(told, "requests"),
            bytes=_sum(told, "bytes"),
            hit_ratio=_weighted(told, "hit"),
            error_ratio=_weighted(told, "errors"),
        )


def period_at(window: Window, now: datetime) -> int:
    """Seconds of the shortest period that CloudWatch still keeps of a window; 0 where it keeps none."""
    age = now - window.start
    return next((seconds for kept, seconds in PERIODS if age < kept), 0)


def _bounds(window: Window, seconds: int) -> tuple[datetime, datetime]:
    """Whole periods that hold the window."""
    first = int(window.start.timestamp()) // seconds * seconds
    last = -(-int(window.end.timestamp()) // seconds) * seconds
    zone = window.start.tzinfo
    return datetime.fromtimestamp(first, zone), datetime.fromtimestamp(max(last, first + seconds), zone)


def _length(window: Window, seconds: int) -> int:
    if not seconds:
        return 0
    start, end = _bounds(window, seconds)
    return int((end - start).total_seconds())


def _metrics(aws: Aws, distribution: str, window: Window, seconds: int) -> dict[str, dict[datetime, float]]:
    start, end = _bounds(window, seconds)
    dimensions = [{"Name": "DistributionId", "Value": distribution}, {"Name": "Region", "Value": "Global"}]
    queries = [
        {
            "Id": name,
            "MetricStat": {
                "Metric": {"Namespace": "AWS/CloudFront", "MetricName": metric, "Dimensions": dimensions},
                "Period": seconds,
                "Stat": statistic,
            },
        }
        for name, (metric, statistic) in METRICS.items()
    ]
    found: dict[str, dict[datetime, float]] = {name: {} for name in METRICS}
    asked = {"StartTime": start, "EndTime": end, "MetricDataQueries": queries}
    for one in aws.every("cloudwatch", HOME, "get_metric_data", "MetricDataResults", **asked):
        found[one["Id"]] |= dict(zip(one["Timestamps"], one["Values"], strict=True))
    return found


def _sum(told: Sequence[dict[str, dict[datetime, float]]], name: str) -> float | None:
    values = [value for series in told for value in series[name].values()]
    return sum(values) if values else None


def _weighted(told: Sequence[dict[str, dict[datetime, float]]], name: str) -> float | None:
    """A percentage as a share, weighted by the requests of its period; None where it was not counted."""
    pairs = [(value / 100, series["requests"].get(at, 0.0)) for series in told for at, value in series[name].items()]
    weight = sum(count for _, count in pairs)
    return sum(share * count for share, count in pairs) / weight if weight else None
