"""How many replicas one metric asks for: the arithmetic of the HPA's replica calculator, integers and all.

    desired = ceil(ready pods * usage / target)

with a tolerance around 1, and with careful guesses for pods of which nothing is known. Amounts are in thousandths,
whole, as the controller keeps them. Source: kube-controller-manager, podautoscaler/replica_calculator (1.33) and the
Kubernetes page "Horizontal Pod Autoscaling", section "Algorithm details".
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from advisor.autoscale.pods import Clock, Pod, Sorted, ready_count, sort_pods

TOLERANCE: Final = 0.1
"""``--horizontal-pod-autoscaler-tolerance``."""
SPLIT_SINCE: Final = (1, 33)
"""Kubernetes since which the two sides have tolerances of their own (KEP-4951), compared as ``1 - down <= ratio <=
1 + up``; before, ``|1 - ratio| <= tolerance``, which differs in the last bit at exactly 1.1."""
MOST: Final = 2**31 - 1
"""No count is larger: replicas are 32-bit integers."""


Pairs: TypeAlias = Sequence[tuple[int, int]]
"""Usage and request of pods."""
_Ratio: TypeAlias = Callable[[Pairs], float]


class NoMetrics(Exception):  # noqa: N818 - a state of the controller, not a failure of ours
    """The metric says nothing of any pod that counts, so it asks for nothing."""


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far the ratio may be off 1 without a change."""

    up: float = TOLERANCE
    down: float = TOLERANCE
    version: tuple[int, int] = SPLIT_SINCE
    """Kubernetes' major and minor."""

    def holds(self, ratio: float) -> bool:
        """Whether nothing is to be done."""
        if self.version >= SPLIT_SINCE:
            return 1.0 - self.down <= ratio <= 1.0 + self.up
        return abs(1.0 - ratio) <= self.up


USUAL: Final = Tolerance()
CLOCK: Final = Clock()


@dataclass(frozen=True, slots=True)
class Look:
    """What the controller has before it at one sync."""

    now: float
    replicas: int
    """``spec.replicas`` of the scaled workload."""
    pods: tuple[Pod, ...]
    tolerance: Tolerance = USUAL
    clock: Clock = CLOCK


def by_utilisation(look: Look, target: int, *, cpu: bool = True) -> int:
    """For a resource metric with ``averageUtilization`` (percent of the request, a whole number)."""
    found = sort_pods(look.pods, look.now, cpu=cpu, clock=look.clock)
    spare = max(100, target)
    amounts = _Amounts(
        known=[(_usage(pod), pod.request) for pod in found.counted],
        low=[(0, pod.request) for pod in found.missing],
        high=[(pod.request * spare // 100, pod.request) for pod in found.missing],
        unready=[(0, pod.request) for pod in found.unready],
    )
    return _replicas(look, found, amounts, lambda pairs: _utilisation(pairs) / target)


def by_average(look: Look, target: int, *, cpu: bool = False) -> int:
    """For a pods metric, or a resource metric, with ``averageValue`` (thousandths per pod)."""
    found = sort_pods(look.pods, look.now, cpu=cpu, clock=look.clock)
    amounts = _Amounts(
        known=[(_usage(pod), 1) for pod in found.counted],
        low=[(0, 1) for _ in found.missing],
        high=[(target, 1) for _ in found.missing],
        unready=[(0, 1) for _ in found.unready],
    )
    return _replicas(look, found, amounts, lambda pairs: (sum(used for used, _ in pairs) // len(pairs)) / target)


def by_value(look: Look, value: int, target: int) -> int:
    """For an object or external metric with ``value``: the whole against the target, spread over ready pods."""
    ratio = value / target
    if look.replicas == 0:
        return min(MOST, math.ceil(ratio))
    return look.replicas if look.tolerance.holds(ratio) else min(MOST, math.ceil(ratio * ready_count(look.pods)))


def by_average_value(look: Look, value: int, target: int, exist: int) -> int:
    """For an object or external metric with ``averageValue``: the whole over the target of one pod.

    ``exist`` are the pods that there are (``status.replicas``), ready or not.
    """
    ratio = value / (target * exist) if exist else math.inf if value else math.nan
    return exist if look.tolerance.holds(ratio) else min(MOST, math.ceil(value / target))


@dataclass(frozen=True, slots=True)
class _Amounts:
    """Usage and request of pods: as measured, and as guessed where nothing was."""

    known: Pairs
    low: Pairs
    high: Pairs
    unready: Pairs


def _replicas(look: Look, found: Sorted, amounts: _Amounts, ratio_of: _Ratio) -> int:
    """The shared course of both: reckon, guess for the unknown, reckon again, never turn round because of a guess."""
    if not amounts.known:
        raise NoMetrics("no metric of any pod that counts")
    first = ratio_of(amounts.known)
    rises_with_unready = bool(found.unready) and first > 1.0
    if not rises_with_unready and not found.missing:
        return look.replicas if look.tolerance.holds(first) else math.ceil(first * len(found.counted))
    guessed = amounts.high if first < 1.0 else amounts.low if first > 1.0 else ()
    pairs = [*amounts.known, *guessed, *(amounts.unready if rises_with_unready else ())]
    then = ratio_of(pairs)
    if look.tolerance.holds(then) or (first < 1.0 < then) or (then < 1.0 < first):
        return look.replicas
    wanted = math.ceil(then * len(pairs))
    turns = (then < 1.0 and wanted > look.replicas) or (then > 1.0 and wanted < look.replicas)
    return look.replicas if turns else wanted


def _utilisation(pairs: Pairs) -> int:
    """Whole percent, rounded down."""
    used, requested = sum(used for used, _ in pairs), sum(request for _, request in pairs)
    if not requested:
        raise NoMetrics("pods without a resource request have no utilisation")
    return used * 100 // requested


def _usage(pod: Pod) -> int:
    assert pod.usage is not None  # only such pods count
    return pod.usage
