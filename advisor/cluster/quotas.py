"""What ResourceQuotas leave for more pods of a workload."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

from advisor.cluster.parts import Part
from advisor.cluster.snapshot import Quota, Workload


class Left(NamedTuple):
    """Room that one line of a quota leaves."""

    quota: Quota
    resource: str
    pods: int


def left(part: Part) -> Iterator[Left]:
    """Every line that more pods would use up."""
    if part.workload is None:
        return
    for quota in part.cluster.quotas:
        for name, each in _asks(part.workload).items():
            if each and name in quota.hard:
                rest = quota.hard[name] - quota.used.get(name, 0.0)
                yield Left(quota, name, max(0, math.floor(rest / each + 1e-9)))


def most_pods(part: Part) -> int | None:
    """Pods that quotas let the workload have altogether; None where nothing limits them."""
    room = min((one.pods for one in left(part)), default=None)
    return None if room is None or part.workload is None else part.workload.replicas + room


def _asks(workload: Workload) -> dict[str, float | None]:
    """What one more pod adds to each line."""
    asks, limits = workload.requests, workload.limits
    return {
        "pods": 1.0,
        "count/pods": 1.0,
        "cpu": asks.cpu,
        "requests.cpu": asks.cpu,
        "memory": asks.memory,
        "requests.memory": asks.memory,
        "limits.cpu": limits.cpu,
        "limits.memory": limits.memory,
    }
