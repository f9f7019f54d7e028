"""A surge against an autoscaler: demand, ready capacity and what went unmet, second by second.

    demand ─► metric (late by a scrape) ─► HPA or KEDA ─► replicas ─► pods ─► nodes ─► ready capacity
       └────────────────────────── unmet = demand beyond ready capacity ◄──────────────────┘

What it leaves out: pods that fail, viewers who come back after a refusal, and uneven load between pods.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from advisor.autoscale.hpa import MILLI, SYNC, Controller, Decision, Hpa
from advisor.autoscale.keda import Operator, ScaledObject, Threshold
from advisor.autoscale.nodes import Fleet, Nodes
from advisor.autoscale.pods import Pod
from advisor.autoscale.replicas import Look


@dataclass(frozen=True, slots=True)
class Workload:
    """What a pod carries and how its use shows. Demand, ``per_pod`` and thresholds are in one unit."""

    per_pod: float
    """Demand that a pod carries within the budgets: the measured capacity."""
    cpu_full: float = 1.0
    """CPU over request of a pod that carries ``per_pod``."""
    cpu_limit: float = 1.0
    """Most CPU over request that a pod can use: its limit over its request."""
    metric_lag: float = 30.0
    """Seconds until a metric shows what is (advisor.plans.lead: the published middle)."""
    decision: float = 0.0
    """Seconds beyond a sync until what was decided is asked for: somebody has to agree, say."""

    @property
    def late(self) -> float:
        """Seconds that what is asked for lies behind demand."""
        return self.metric_lag + self.decision

    def cpu(self, demand: float, ready: int) -> float:
        """CPU over request of each ready pod; it cannot show more than its limit."""
        return min(self.cpu_limit, self.cpu_full * demand / (ready * self.per_pod)) if ready else 0.0


@dataclass(frozen=True, slots=True)
class Moment:
    """One tick."""

    at: float
    demand: float
    replicas: int
    ready: int
    nodes: int
    unmet: float
    """Demand beyond what ready pods carry."""


@dataclass(frozen=True, slots=True)
class Course:
    """The whole surge. Sums are over time: demand times seconds, node-seconds."""

    moments: tuple[Moment, ...]
    tick: float

    @property
    def unmet_share(self) -> float:
        """Of all demand, the share that was not met."""
        asked = sum(one.demand for one in self.moments)
        return sum(one.unmet for one in self.moments) / asked if asked else 0.0

    def at(self, second: float) -> Moment:
        """The tick that a second is in."""
        return self.moments[int(second / self.tick)]

    @property
    def worst(self) -> Moment:
        """When most was unmet."""
        return max(self.moments, key=lambda one: one.unmet)

    @property
    def unmet_seconds(self) -> float:
        """Seconds in which anything was unmet."""
        return self.tick * sum(one.unmet > 0 for one in self.moments)

    @property
    def node_hours(self) -> float:
        """Nodes that were paid for."""
        return self.tick * sum(one.nodes for one in self.moments) / 3600.0


Spec: TypeAlias = Hpa | ScaledObject
"""What decides."""


class Scaler(Protocol):
    """Whatever decides on replicas."""

    @property
    def by_pod(self) -> bool:
        """Whether it looks at pods one by one: there may be a hundred thousand."""

    def poll(self, now: float, replicas: int, amount: float, /) -> int:
        """Between zero and one, at any tick."""

    def sync(self, look: Look, amount: float) -> Decision:
        """The HPA's decision."""


@dataclass(slots=True)
class HpaScaler:
    """An HPA of its own; every metric that is not of pods sees the demand."""

    controller: Controller

    @property
    def by_pod(self) -> bool:
        """For any metric but an amount that pods share."""
        return any(metric.kind != "average_value" for metric in self.controller.hpa.metrics)

    def poll(self, _now: float, replicas: int, _amount: float) -> int:
        """An HPA leaves zero alone."""
        return replicas

    def sync(self, look: Look, amount: float) -> Decision:
        """Metrics of the whole get the amount."""
        values = [round(amount * MILLI)] * len(self.controller.hpa.metrics)
        return self.controller.sync(look, values, exist=look.replicas)


@dataclass(slots=True)
class KedaScaler:
    """KEDA: every threshold sees the demand."""

    operator: Operator

    @property
    def by_pod(self) -> bool:
        """What KEDA serves are amounts that pods share."""
        return False

    def poll(self, now: float, replicas: int, amount: float) -> int:
        """KEDA's own loop."""
        return self.operator.poll(now, replicas, self._amounts(amount))

    def sync(self, look: Look, amount: float) -> Decision:
        """The HPA under KEDA."""
        return self.operator.sync(look, self._amounts(amount), exist=look.replicas)

    def _amounts(self, amount: float) -> list[float]:
        return [amount if isinstance(one, Threshold) else 0.0 for one in self.operator.spec.triggers]


def scaler_of(spec: Spec) -> Scaler:
    """What runs a specification."""
    return HpaScaler(Controller(spec)) if isinstance(spec, Hpa) else KedaScaler(Operator(spec))


def live(
    demand: Sequence[float],
    workload: Workload,
    spec: Spec,
    nodes: Nodes,
    *,
    start: int,
    tick: float = 1.0,
) -> Course:
    """The surge with ``start`` pods ready at its beginning; ``demand`` has one value per tick."""
    fleet, scaler = Fleet(nodes, tick), scaler_of(spec)
    fleet.running = min(start, fleet.slots)
    fleet.pending = start - fleet.running
    ready_then: list[int] = []
    seen: list[Moment] = []
    late, every = round(workload.late / tick), round(SYNC / tick)
    for step, amount in enumerate(demand):
        now = step * tick
        fleet.advance(now)
        ready_then.append(fleet.running)
        then = max(0, step - late)
        told = demand[then]
        fleet.scale(scaler.poll(now, fleet.replicas, told))
        if step % every == 0:
            cpu = round(MILLI * workload.cpu(told, ready_then[then]))
            look = _look(now, fleet, cpu, then * tick) if scaler.by_pod else Look(now, fleet.replicas, ())
            fleet.scale(scaler.sync(look, told).replicas)
        unmet = max(0.0, amount - fleet.running * workload.per_pod)
        seen.append(Moment(now, amount, fleet.replicas, fleet.running, fleet.up + fleet.coming, unmet))
    return Course(tuple(seen), tick)


def _look(now: float, fleet: Fleet, cpu: int, sampled: float) -> Look:
    """Every ready pod is old enough to count; a pod that starts has no metric that counts yet."""
    ready = Pod(started=now - 1e6, changed=now - 1e6, usage=cpu, sampled=sampled, window=0.0, request=MILLI)
    begun = Pod(started=now, ready=False, changed=now, usage=0, sampled=now, request=MILLI)
    pending = Pod("pending", ready=False, request=MILLI)
    pods = (ready,) * fleet.running + (begun,) * fleet.begun + (pending,) * fleet.pending
    return Look(now, fleet.replicas, pods)
