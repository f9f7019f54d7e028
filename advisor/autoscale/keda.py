"""KEDA on top of the HPA: triggers, activation from zero, cron windows, fallback and cooldown.

    every 30 s (pollingInterval):  is any trigger active?  ► 0 to 1, or to 0 after the cooldown
    every 15 s:                    an HPA over the triggers' metrics, between max(1, min) and max

Source: kedacore/keda at 8b4f083 (2026-08-20): scale executor, fallback, cron scaler, ScaledObject defaults.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from advisor.autoscale.behavior import Behavior
from advisor.autoscale.hpa import MILLI, Controller, Decision, Hpa, Metric
from advisor.autoscale.replicas import Look

POLLING: Final = 30.0
"""Seconds: ``pollingInterval``."""
COOLDOWN: Final = 300.0
"""Seconds since a trigger was last active until a workload goes to zero: ``cooldownPeriod``."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A trigger on an amount of the whole application: requests per second, viewers."""

    per_pod: float
    """``threshold``: the target of one pod (``AverageValue``)."""
    activation: float = 0.0
    """``activationThreshold``: active only above it; of use only for a workload that may go to zero."""

    def value(self, _now: float, amount: float | None) -> float | None:
        """What the HPA is told; None when the source failed."""
        return amount

    def active(self, _now: float, amount: float | None) -> bool:
        """Whether it wants at least one pod."""
        return amount is not None and amount > self.activation


@dataclass(frozen=True, slots=True)
class Cron:
    """A trigger that asks for so many replicas from ``start`` to ``end`` (seconds of the simulated world)."""

    start: float
    end: float
    replicas: int
    per_pod: float = 1.0

    def __post_init__(self) -> None:
        """As KEDA validates it."""
        if self.replicas < 1 or not self.start < self.end:
            found = f"{self.start:g}, {self.end:g}, {self.replicas}"
            raise ValueError(f"expected start < end and replicas above 0, found {found}")

    def value(self, now: float, _amount: float | None) -> float | None:
        """Zero outside of the window: it asks for nothing there, and keeps nothing."""
        return float(self.replicas) if self.start < now < self.end else 0.0

    def active(self, now: float, _amount: float | None) -> bool:
        """Only inside of the window."""
        return self.start < now < self.end


@dataclass(frozen=True, slots=True)
class Fallback:
    """What the HPA is told instead of a source that failed more than so many times in a row."""

    replicas: int
    failures: int = 3
    behavior: Literal["static", "currentReplicas", "currentReplicasIfHigher", "currentReplicasIfLower"] = "static"

    def wanted(self, current: int) -> int:
        """The replicas that the metric is made to ask for."""
        match self.behavior:
            case "static":
                return self.replicas
            case "currentReplicas":
                return current
            case "currentReplicasIfHigher":
                return max(current, self.replicas)
            case "currentReplicasIfLower":
                return min(current, self.replicas)


@dataclass(frozen=True, slots=True)
class ScaledObject:
    """``spec`` of a ScaledObject."""

    triggers: tuple[Threshold | Cron, ...]
    min_replicas: int = 0
    max_replicas: int = 100
    polling: float = POLLING
    cooldown: float = COOLDOWN
    fallback: Fallback | None = None
    behavior: Behavior | None = None

    @property
    def hpa(self) -> Hpa:
        """The HPA that KEDA makes of it: never below one, as an HPA cannot leave zero."""
        metrics = tuple(Metric("average_value", round(trigger.per_pod * MILLI)) for trigger in self.triggers)
        return Hpa(metrics, self.max_replicas, max(1, self.min_replicas), self.behavior)


@dataclass(slots=True)
class Operator:
    """KEDA's operator and the HPA controller for one ScaledObject."""

    spec: ScaledObject
    last_active: float | None = None
    polled: float = float("-inf")
    failures: list[int] = field(default_factory=list)
    controller: Controller = field(init=False)

    def __post_init__(self) -> None:
        """The HPA is there from the beginning."""
        self.controller = Controller(self.spec.hpa)
        self.failures = [0] * len(self.spec.triggers)

    def poll(self, now: float, replicas: int, amounts: Sequence[float | None]) -> int:
        """KEDA's own loop: between zero and one. ``amounts``: one per trigger, None where the source failed."""
        if now - self.polled < self.spec.polling:
            return replicas
        self.polled = now
        active = any(one.active(now, amount) for one, amount in zip(self.spec.triggers, amounts, strict=True))
        failed = any(amount is None for amount in amounts)
        if active:
            self.last_active = now
            return max(1, self.spec.min_replicas) if replicas == 0 else replicas
        if failed:  # with a fallback it waits for it; without one it touches nothing
            return replicas
        if replicas > 0 and self.spec.min_replicas == 0:
            rested = self.last_active is None or now - self.last_active > self.spec.cooldown
            return 0 if rested else replicas
        return max(replicas, self.spec.min_replicas)

    def sync(self, look: Look, amounts: Sequence[float | None], exist: int | None = None) -> Decision:
        """The HPA's loop, over what KEDA serves as external metrics; ``exist`` as in `hpa.Controller`."""
        values = [
            self._served(index, trigger.value(look.now, amount), look.replicas)
            for index, (trigger, amount) in enumerate(zip(self.spec.triggers, amounts, strict=True))
        ]
        return self.controller.sync(look, values, exist)

    def _served(self, index: int, value: float | None, replicas: int) -> int | None:
        if value is not None:
            self.failures[index] = 0
            return round(value * MILLI)
        self.failures[index] += 1
        fallback = self.spec.fallback
        if fallback is None or self.failures[index] <= fallback.failures:
            return None
        return int(self.spec.triggers[index].per_pod * MILLI * fallback.wanted(replicas))
