"""Whether autoscaling can follow the surge: the cheapest settings that hold, and the ones in place beside them.

The course of the region's viewers is lived against HPA, KEDA and nodes (`advisor.autoscale`). A pod carries what the
plan takes a node to carry over the pods on it, so that a zone may be lost. Settings are sought with waits at their long
end; how often they hold is told by drawing the waits.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from advisor.autoscale.behavior import Behavior
from advisor.autoscale.choice import FAST, TARGETS, Case, Settled, Tried, Verdict, choose
from advisor.autoscale.draws import Draw
from advisor.autoscale.hpa import MILLI, SYNC, Hpa, Metric
from advisor.autoscale.keda import Cron, Threshold
from advisor.autoscale.nodes import BUCKET, REFILL, Nodes
from advisor.autoscale.sweep import Setting, by_tick, sweep
from advisor.autoscale.world import Course, Spec, Workload
from advisor.demands.rise import recent
from advisor.models import Unit
from advisor.offers.offer import UNKNOWN_NODE, Offer
from advisor.plans.lead import TimeToCapacity
from advisor.plans.plan import Plan
from loadtests.region import Frozen
from loadtests.scaling import Launches, Scaling
from loadtests.shapes import Phase

CALM: Final = 600
"""Seconds of calm before the surge beyond the longest wait: an event's calm is longer than a rehearsal's (assumed)."""
LONGEST: Final = 24 * 3600
"""Seconds of calm at most: nobody asks for nodes earlier than a day before (assumed)."""
PEAK: Final = 600
"""Seconds that the peak lasts at least: a rehearsal's is shorter than an event's (assumed)."""
STEP: Final = 5
"""Seconds between the points of a course that is shown."""
NO_WALL: Final = 100_000
"""Nodes that may be launched where no limit is known."""
WORTH: Final = 0.98
"""A change that leaves more than this of what was unmet is not told."""
DRAWS: Final = 200
"""Draws of the waits: a share of 95 % is then known to 1.5 percentage points (binomial)."""
NODES_DRAWN: Final = 16
"""Nodes of a draw that take each its own time; others take these in turn: the slowest stands for a sixteenth."""
WARM_LEAD: Final = 20.0
"""Seconds until a warm node serves, in the counterfactual (13 s measured, Karpenter #3798, and a scan)."""

Change = Literal["boot", "image", "node", "metrics"]
CHANGES: Final[tuple[Change, ...]] = ("boot", "image", "node", "metrics")


class LaunchRate(Frozen):
    """How fast nodes may be started, and whose word that is."""

    nodes: Launches
    known_by: Literal["scenario", "offer", "nobody"]
    """``nobody``: EC2's figures stand in (assumed)."""
    source: str
    as_of: str


class Lived(Frozen):
    """A surge under some settings."""

    unmet_share: float
    """Of all viewer-seconds of the course, the share beyond what ready pods carry."""
    unmet_seconds: float
    worst: float
    """Viewers beyond what ready pods carried, when most were."""
    node_hours: float
    carried: tuple[float, ...]
    """Viewers that ready pods could carry, every `STEP` seconds."""


class Help(Frozen):
    """One wait made shorter, and what that alone does for settings that do nothing ahead."""

    change: Change
    before: float
    """Seconds."""
    after: float
    unmet_share: float


class ScalingAdvice(Frozen):
    """The answer for one region. Amounts for pods are in the unit of the resource that binds."""

    verdict: Verdict
    unit: Unit
    per_pod: float
    """What one pod is taken to carry."""
    pods_per_node: int
    minimum: int
    maximum: int
    target: float
    """What the trigger aims at for one pod."""
    behavior: Literal["default", "fast"]
    placeholders: int
    """Pods of low priority that keep slots free."""
    ahead: int | None
    """Pods to ask for before the surge; None when nothing is asked ahead."""
    opens: float | None
    """Seconds before the rise at which they are asked for."""
    rises_at: float
    """Second of the rehearsed surge in which viewers begin to rise."""
    door: float | None
    """Viewers that may be let in at once, where not all can be carried."""
    launches: LaunchRate
    wait: float
    """Seconds from a demand to a pod that serves it, all waits at their long end."""
    tried: int
    starts: float
    """Second of the rehearsed surge at which the course begins: calm was put before it, its peak made longer."""
    viewers: tuple[float, ...]
    """Every `STEP` seconds; where joins bind, as many as ask at the peak for what is asked for then."""
    advised: Lived
    reactive_share: float
    """Unmet share of the best settings whose minimum carries the calm and no more."""
    draws: int
    """How often the waits were drawn."""
    hold: float
    """Share of draws in which nothing goes unmet with the advised settings."""
    hold_unmet: float
    """Nineteen in twenty draws leave less than this share unmet."""
    reactive_hold: float
    """Share of draws in which nothing goes unmet with the best settings whose minimum carries the calm and no more."""
    today: Lived | None
    helps: tuple[Help, ...]
    """What would let settings alone do best, first."""


@dataclass(frozen=True, slots=True)
class Region:
    """What is needed of a region."""

    plan: Plan
    viewers: Callable[[float], float]
    """The rehearsed course, in seconds of the run."""
    joins: NDArray[np.float64]
    """Those who come in each second of it."""
    audience: float
    phases: tuple[Phase, ...]
    lead: TimeToCapacity
    scaling: Scaling
    in_place: Spec | None = None
    """What a cluster shows, where the scenario says nothing of today's settings."""
    node: Offer = UNKNOWN_NODE
    """The node rehearsed."""


def scale(regions: Sequence[Region]) -> tuple[ScalingAdvice | None, ...]:
    """The answers for all regions, searched together; None for a region whose course has no viewers."""
    courses = [_course(region) for region in regions]
    known = [(region, course) for region, course in zip(regions, courses, strict=True) if course is not None]
    cases = [_case(region, course) for region, course in known]
    found = choose(cases) if cases else ()
    helps = _helps(cases, [one.reactive for one in found]) if cases else ()
    answers = iter(
        _advice(region, course, case, settled).model_copy(update={"helps": some})
        for (region, course), case, settled, some in zip(known, cases, found, helps, strict=True)
    )
    return tuple(None if course is None else next(answers) for course in courses)


_Series: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Course:
    viewers: _Series
    starts: float


def _course(region: Region) -> _Course | None:
    """A value each second: calm, long enough for whatever is asked ahead, then as rehearsed, with a longer peak.

    Where joins bind, it is theirs: while the viewers' peak lasts, as many come as leave.
    """
    phases = region.phases
    start = next((phase.end for phase in phases if phase.name == "warm_up"), phases[0].start)
    seen = np.array([region.viewers(start + second + 0.5) for second in range(int(phases[-1].end - start))])
    top = float(seen.max(initial=0.0))
    if top <= 0:
        return None
    longest = region.lead.total.high + launch_rate(region).nodes.seconds(_most_asked(region))
    calm = CALM + math.ceil(min(LONGEST, longest))
    high = np.flatnonzero(seen > 0.95 * top)
    longer, at = max(0, PEAK - len(high)), int(seen.argmax())
    if region.plan.unit == "joins/s":
        at = int(high[len(high) // 2])
        first = math.ceil(start)
        seen = recent(region.joins[first : first + len(seen)])
        top = float(seen.max())
        if top <= 0:
            return None
    parts = [np.full(calm, seen[0]), seen[:at], np.full(longer, seen[at]), seen[at:]]
    return _Course(np.concatenate(parts) * (region.audience / top), start - calm)


def _most_asked(region: Region) -> int:
    """Nodes that a window may ask for."""
    plan, scaling = region.plan, region.scaling
    pods = plan.demand.mid / _per_pod(plan, scaling) / min(TARGETS)
    return min(scaling.most_nodes or NO_WALL, math.ceil(pods / scaling.pods_per_node))


def launch_rate(region: Region) -> LaunchRate:
    """The scenario's word, else that of the offer that is advised or, where none is, rehearsed, else EC2's, openly."""
    own, best = region.scaling.launches, region.plan.offers.chosen
    if own is not None:
        return LaunchRate(nodes=own, known_by="scenario", source="scenario", as_of="")
    offer = region.node if best is None else best.offer
    burst, more = offer.launch_burst, offer.launch_per_second
    if burst is not None and more is not None:
        bucket = Launches(burst=burst.value, per_second=more.value)
        return LaunchRate(nodes=bucket, known_by="offer", source=more.source, as_of=more.as_of)
    source = "EC2 API throttling of RunInstances, for want of the provider's own"
    bucket = Launches(burst=BUCKET, per_second=REFILL)
    return LaunchRate(nodes=bucket, known_by="nobody", source=source, as_of="2026-08-21")


def _case(region: Region, course: _Course) -> Case:
    plan, scaling = region.plan, region.scaling
    per_pod = _per_pod(plan, scaling)
    decision = max(0.0, _long(region.lead, "decision") - SYNC)
    workload = Workload(per_pod, metric_lag=_long(region.lead, "metrics"), decision=decision)
    amounts = course.viewers * (plan.demand.mid / region.audience)
    calm = max(1, math.ceil(float(amounts[0]) / per_pod / scaling.pods_per_node))
    rate = launch_rate(region).nodes
    nodes = Nodes(
        pods_per_node=scaling.pods_per_node,
        ready=min(calm, scaling.most_nodes or NO_WALL),
        most=scaling.most_nodes or NO_WALL,
        lead=_long(region.lead, "node"),
        image=_long(region.lead, "image"),
        boot=_long(region.lead, "boot"),
        warm=scaling.warm_nodes,
        burst=rate.burst,
        refill=rate.per_second,
    )
    return Case(amounts, workload, nodes, _today(scaling) or region.in_place, draws=drawn(region.lead))


def drawn(lead: TimeToCapacity) -> tuple[Draw, ...]:
    """How the waits may turn out: the same for the same waits."""
    parts, nodes = lead.turnouts(DRAWS, NODES_DRAWN)
    return tuple(
        Draw(
            metric_lag=float(parts["metrics"][index]),
            decision=max(0.0, float(parts["decision"][index]) - SYNC),
            leads=tuple(nodes[index].tolist()),
            image=float(parts["image"][index]),
            boot=float(parts["boot"][index]),
        )
        for index in range(DRAWS)
    )


def _per_pod(plan: Plan, scaling: Scaling) -> float:
    """Demand over the nodes that the plan takes it to need, over the pods on a node, less a zone that may be lost.

    The plan's target utilisation is left out: the trigger's own target stands for it.
    """
    nodes = next((step.nodes for step in plan.steps if step.name == "doubt"), plan.steps[0].nodes)
    left = (plan.zones - 1) / plan.zones if plan.zones > 1 else 1.0
    return plan.demand.mid / max(nodes, 1e-9) / scaling.pods_per_node * left


def _long(lead: TimeToCapacity, name: str) -> float:
    return next(part.seconds.high for part in lead.parts if part.name == name)


def _today(scaling: Scaling) -> Spec | None:
    today = scaling.today
    if today is None:
        return None
    behavior = Behavior() if today.behavior == "default" else None
    if today.cpu is not None:
        metric = Metric("utilization", max(1, round(100 * today.cpu)))
    else:
        metric = Metric("average_value", max(1, round(MILLI * (today.per_pod or 1.0))))
    return Hpa((metric,), today.maximum, today.minimum, behavior)


def _advice(region: Region, course: _Course, case: Case, settled: Settled) -> ScalingAdvice:
    spec, per_viewer = settled.spec, region.plan.demand.mid / region.audience
    assert settled.held is not None
    assert settled.reactive_held is not None
    cron = next((one for one in spec.triggers if isinstance(one, Cron)), None)
    return ScalingAdvice(
        verdict=settled.verdict,
        unit=region.plan.unit,
        per_pod=case.workload.per_pod,
        pods_per_node=region.scaling.pods_per_node,
        minimum=spec.min_replicas,
        maximum=min(spec.max_replicas, math.ceil(case.peak / min(TARGETS))),
        target=next(one.per_pod for one in spec.triggers if isinstance(one, Threshold)),
        behavior="fast" if spec.behavior == FAST else "default",
        placeholders=settled.nodes.placeholders,
        ahead=cron.replicas if cron else None,
        opens=case.rises_at - cron.start if cron else None,
        rises_at=course.starts + case.rises_at,
        door=None if settled.door is None else settled.door / per_viewer,
        launches=launch_rate(region),
        wait=case.wait,
        tried=settled.tried,
        starts=course.starts,
        viewers=tuple(course.viewers[::STEP].tolist()),
        advised=_lived(case, settled.course, per_viewer),
        reactive_share=settled.reactive.unmet_share,
        draws=settled.held.draws,
        hold=settled.held.share,
        hold_unmet=settled.held.unmet,
        reactive_hold=settled.reactive_held.share,
        today=None if settled.today is None else _lived(case, settled.today, per_viewer),
        helps=(),
    )


def _lived(case: Case, course: Course, per_viewer: float) -> Lived:
    each = case.workload.per_pod / per_viewer
    return Lived(
        unmet_share=course.unmet_share,
        unmet_seconds=course.unmet_seconds,
        worst=course.worst.unmet / per_viewer,
        node_hours=course.node_hours,
        carried=tuple(course.at(second).ready * each for second in range(0, len(case.demand), STEP)),
    )


def _helps(cases: Sequence[Case], reactive: Sequence[Tried]) -> tuple[tuple[Help, ...], ...]:
    """What a single shorter wait does for the best settings that ask for nothing ahead; all regions in one sweep."""
    lanes, tried = [], []
    for row, (case, best) in enumerate(zip(cases, reactive, strict=True)):
        changes = [(change, *_shorter(case.workload, best.nodes, change)) for change in CHANGES]
        least = best.spec.min_replicas
        lanes += [Setting(row, workload, best.spec, nodes, least) for _, workload, nodes, _, _ in changes]
        lanes.append(Setting(row, case.workload, best.spec, best.nodes, least))
        tried.append(changes)
    lengths = [math.ceil(len(case.demand) / SYNC) for case in cases]
    shares = iter(
        sweep(np.concatenate([by_tick(one.demand, max(lengths)) for one in cases]), lanes, lengths).unmet_share
    )
    return tuple(_helping(changes, [float(next(shares)) for _ in changes], float(next(shares))) for changes in tried)


def _helping(
    changes: Sequence[tuple[Change, Workload, Nodes, float, float]], shares: Sequence[float], plain: float
) -> tuple[Help, ...]:
    found = [
        Help(change=change, before=before, after=after, unmet_share=share)
        for (change, _, _, before, after), share in zip(changes, shares, strict=True)
        if after < before and share < WORTH * plain
    ]
    return tuple(sorted(found, key=lambda one: one.unmet_share))


def _shorter(workload: Workload, nodes: Nodes, change: Change) -> tuple[Workload, Nodes, float, float]:
    """Half the boot, an image that is there, a warm node, a metric each sync."""
    match change:
        case "boot":
            return workload, replace(nodes, boot=nodes.boot / 2), nodes.boot, nodes.boot / 2
        case "image":
            return workload, replace(nodes, image=0.0), nodes.image, 0.0
        case "node":
            return workload, replace(nodes, lead=min(nodes.lead, WARM_LEAD)), nodes.lead, min(nodes.lead, WARM_LEAD)
        case "metrics":
            lag = min(workload.metric_lag, 15.0)
            return replace(workload, metric_lag=lag), nodes, workload.metric_lag, lag
