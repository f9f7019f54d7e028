"""The Horizontal Pod Autoscaler, sync by sync: exact to kube-controller-manager, without a cluster.

    sync (every 15 s):  metrics ► replicas each asks for ► the most ► stabilised ► policies ► between min and max

Source: kube-controller-manager, podautoscaler/horizontal (1.33); Kubernetes' page "Horizontal Pod Autoscaling".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from advisor.autoscale.behavior import DOWNSCALE_STABILISATION, Behavior, Past, allowed, stabilised
from advisor.autoscale.replicas import (
    Look,
    NoMetrics,
    by_average,
    by_average_value,
    by_utilisation,
    by_value,
)

SYNC: Final = 15.0
"""Seconds: ``--horizontal-pod-autoscaler-sync-period``."""
UP_FACTOR: Final = 2
UP_LEAST: Final = 4
"""Without ``behavior`` an HPA at most doubles in a sync, or goes to four."""
MILLI: Final = 1000


@dataclass(frozen=True, slots=True)
class Metric:
    """One entry of ``spec.metrics``. Targets are in thousandths, utilisation in whole percent."""

    kind: Literal["utilization", "pods", "value", "average_value"]
    """``utilization``: a resource against its request. ``pods``: the mean of a per-pod amount. ``value`` and
    ``average_value``: an object or external metric, against the whole or against a share per pod."""
    target: int
    cpu: bool = True
    """Whether a resource metric is of CPU: then young pods are looked at closely."""

    def __post_init__(self) -> None:
        """As the API validates it."""
        if self.target <= 0:
            raise ValueError(f"expected a target above 0, found {self.target}")


@dataclass(frozen=True, slots=True)
class Hpa:
    """``spec`` of a HorizontalPodAutoscaler."""

    metrics: tuple[Metric, ...]
    max_replicas: int
    min_replicas: int = 1
    behavior: Behavior | None = None
    """None: the API server fills nothing in, and the older rules hold (at most double, or four)."""
    downscale_stabilisation: float = DOWNSCALE_STABILISATION

    def __post_init__(self) -> None:
        """As the API validates it."""
        if not 0 <= self.min_replicas <= self.max_replicas or self.max_replicas < 1:
            raise ValueError(f"expected 0 <= min <= max, found {self.min_replicas} and {self.max_replicas}")
        if not self.metrics:
            raise ValueError("expected at least one metric, found none")


Limit: TypeAlias = Literal["", "stabilised", "policy", "max", "min"]


@dataclass(frozen=True, slots=True)
class Decision:
    """What one sync came to."""

    replicas: int
    """``spec.replicas`` afterwards."""
    wanted: int | None
    """What the metrics asked for; None when they said nothing, or were not asked."""
    reason: Literal["metrics", "above_max", "below_min", "disabled", "no_metrics"]
    limited: Limit = ""
    """What kept it from what the metrics asked for."""


@dataclass(slots=True)
class Controller:
    """One HPA and what its controller remembers."""

    hpa: Hpa
    past: Past = field(default_factory=Past)

    def sync(self, look: Look, values: Sequence[int | None], exist: int | None = None) -> Decision:
        """Decide once.

        ``values`` has one entry per metric: the amount (thousandths) of an object or external one, anything for one of
        pods (their amounts are in ``look.pods``), None where the API failed. ``exist``: pods that there are.
        """
        decision = self._decide(look, values, len(look.pods) if exist is None else exist)
        if decision.replicas != look.replicas:
            self.past.did(look.now, look.replicas, decision.replicas)
        return decision

    def _decide(self, look: Look, values: Sequence[int | None], exist: int) -> Decision:
        hpa, current = self.hpa, look.replicas
        if current == 0 and hpa.min_replicas:
            return Decision(0, None, "disabled")
        if current > hpa.max_replicas:
            return Decision(hpa.max_replicas, None, "above_max")
        if current < hpa.min_replicas:
            return Decision(hpa.min_replicas, None, "below_min")
        wanted = self._wanted(look, values, exist)
        if wanted is None:
            return Decision(current, None, "no_metrics")
        return self._normalised(look.now, current, wanted)

    def _wanted(self, look: Look, values: Sequence[int | None], exist: int) -> int | None:
        """The most that any metric asks for; a metric that fails forbids going down (it might have asked for more)."""
        asked, failed = [], False
        for metric, value in zip(self.hpa.metrics, values, strict=True):
            try:
                asked.append(_replicas(metric, look, value, exist))
            except NoMetrics:
                failed = True
        if not asked or (failed and max(asked) < look.replicas):
            return None
        return max(asked)

    def _normalised(self, now: float, current: int, wanted: int) -> Decision:
        behavior = self.hpa.behavior
        if behavior is None:
            return self._without_behavior(now, current, wanted)
        steady = stabilised(self.past, behavior, now, current, wanted)
        self._remember(now, wanted)
        passed = allowed(self.past, behavior, now, current, steady)
        # between the bounds only in the direction of the change, as the controller does it
        least, most = self.hpa.min_replicas, self.hpa.max_replicas
        after = min(passed, most) if steady > current else max(passed, least) if steady < current else passed
        limited: Limit = "policy" if passed != steady else "stabilised" if steady != wanted else ""
        bound: Limit = "max" if after < passed else "min" if after > passed else limited
        return Decision(after, wanted, "metrics", bound)

    def _without_behavior(self, now: float, current: int, wanted: int) -> Decision:
        """The older rules: the highest recommendation of the window, then at most double, or four."""
        cutoff = now - self.hpa.downscale_stabilisation
        steady = max((wanted, *(count for at, count in self.past.recommended if at >= cutoff)))
        self._remember(now, wanted)
        limit = max(UP_FACTOR * current, UP_LEAST)
        after = max(self.hpa.min_replicas, min(steady, limit, self.hpa.max_replicas))
        if after == steady:
            return Decision(after, wanted, "metrics", "stabilised" if steady != wanted else "")
        if after < steady:
            return Decision(after, wanted, "metrics", "max" if after == self.hpa.max_replicas else "policy")
        return Decision(after, wanted, "metrics", "min")

    def _remember(self, now: float, wanted: int) -> None:
        self.past.recommended.append((now, wanted))
        self.past.forget(now, 3600.0)


def _replicas(metric: Metric, look: Look, value: int | None, exist: int) -> int:
    if value is None:
        raise NoMetrics("the metric's API failed")
    match metric.kind:
        case "utilization":
            return by_utilisation(look, metric.target, cpu=metric.cpu)
        case "pods":
            return by_average(look, metric.target)
        case "value":
            return by_value(look, value, metric.target)
        case "average_value":
            return by_average_value(look, value, metric.target, exist)
