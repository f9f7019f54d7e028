"""Pods as the HPA controller sees them at one moment, and how it sorts them before it reckons.

Source: the controller's pod grouping (kube-controller-manager, podautoscaler/replica_calculator, 1.33).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

CPU_INITIALIZATION: Final = 300.0
"""Seconds after a pod's start in which its CPU samples count only while it is ready and a whole metric window has
passed since it became so: ``--horizontal-pod-autoscaler-cpu-initialization-period``."""
INITIAL_READINESS_DELAY: Final = 30.0
"""Seconds after its start in which a pod's first change of readiness is taken as its start-up:
``--horizontal-pod-autoscaler-initial-readiness-delay``."""


@dataclass(frozen=True, slots=True)
class Pod:
    """One pod: usage and request in thousandths of the metric's unit, as the controller keeps them."""

    phase: Literal["pending", "running", "failed"] = "running"
    deleting: bool = False
    started: float | None = 0.0
    """When the kubelet acknowledged it; None before."""
    ready: bool | None = True
    """Its Ready condition; None where it has none yet."""
    changed: float = 0.0
    """When that condition last changed."""
    usage: int | None = None
    """What the metrics API says of it; None where it says nothing."""
    sampled: float = 0.0
    """When that was measured."""
    window: float = 0.0
    """Over how many seconds."""
    request: int = 0
    """Its resource request."""


@dataclass(frozen=True, slots=True)
class Sorted:
    """Pods by how they count. Pods that are being deleted or have failed are in none."""

    counted: tuple[Pod, ...]
    unready: tuple[Pod, ...]
    missing: tuple[Pod, ...]
    """Running, but without a metric."""


@dataclass(frozen=True, slots=True)
class Clock:
    """The controller's settings about young pods, in seconds."""

    cpu_initialization: float = CPU_INITIALIZATION
    initial_readiness_delay: float = INITIAL_READINESS_DELAY


def sort_pods(pods: Iterable[Pod], now: float, *, cpu: bool, clock: Clock) -> Sorted:
    """Which pods count; only for CPU does a young pod's readiness matter."""
    counted, unready, missing = [], [], []
    for pod in pods:
        if pod.deleting or pod.phase == "failed":
            continue
        if pod.phase == "pending":
            unready.append(pod)
        elif pod.usage is None:
            missing.append(pod)
        elif cpu and _is_unready(pod, now, clock):
            unready.append(pod)
        else:
            counted.append(pod)
    return Sorted(tuple(counted), tuple(unready), tuple(missing))


def _is_unready(pod: Pod, now: float, clock: Clock) -> bool:
    if pod.ready is None or pod.started is None:
        return True
    if pod.started + clock.cpu_initialization > now:
        return not pod.ready or pod.sampled < pod.changed + pod.window
    return not pod.ready and pod.started + clock.initial_readiness_delay > pod.changed


def ready_count(pods: Iterable[Pod]) -> int:
    """Running pods that are ready: what a metric of the whole application is spread over."""
    return sum(pod.phase == "running" and bool(pod.ready) for pod in pods)
