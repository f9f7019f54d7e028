"""Nodes per region: demand over capacity by Monte Carlo, the count regretted least, and each step's effect in sight.

Three things are not known: what the launch asks, what a node carries, how long new capacity takes. Each is drawn from
its interval (`advisor.plans.drawing`); every draw says how many nodes it takes at the peak, and how many must stand
before the surge. docs/planning.md has the formulas and a worked example.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal, TypeAlias

import numpy as np

from advisor.blocks import COVERAGE, Floats
from advisor.demands.rise import Rise
from advisor.interval import Interval
from advisor.models import Capacity, Excuse, Unit
from advisor.offers.allowance import Share
from advisor.offers.residency import Residence
from advisor.plans.asked import Asked as Asked  # one door for those who plan
from advisor.plans.choice import Choice
from advisor.plans.choosing import choose, drawn_market
from advisor.plans.constraints import Constraint, provided, resources_of, tightest_first
from advisor.plans.drawing import DRAWS, drawn, scores
from advisor.plans.headroom import Headroom, Step, chain, folded, headroom
from advisor.plans.lead import TimeToCapacity
from advisor.plans.regret import Regret, critical_ratio, rank_of, regrets
from advisor.plans.together import nodes_for, stretched, together
from advisor.plans.weighed import Market, Rehearsed
from advisor.texts import say
from loadtests.region import Frozen

TESTED_FACTOR: Final = 2.0
"""When no node was driven to its limit, nothing is planned for more than twice the load that was tested: what
happens to a node beyond what it has carried is a guess (house rule, docs/reading-a-report.md)."""

CARRIED: Final[tuple[Unit, ...]] = ("bit/s", "requests/s")
"""What viewers keep asking for. Where no limit is known, what was carried of these bounds the nodes; joins and
connections that were merely seen would bound them by the chance in how many came."""

DriverName: TypeAlias = Literal["demand", "capacity", "lead"]


class Driver(Frozen):
    """One of the three things that are not known, and how much of the spread is its doing.

    A need is a product, so its logarithm is a sum of independent parts, whose variances add up; each part's share of
    the variance is told. All are zero when nothing varies.
    """

    name: DriverName
    peak: float
    """Share of the spread of the nodes at the peak."""
    ready: float
    """Share of the spread of the nodes to have ready."""


class Plan(Frozen):
    """Nodes for one region, of the kind that was rehearsed."""

    region: str
    nodes: int
    """At the peak: enough for `quantile` of the draws, headroom included."""
    expected: int
    """Nodes that would do if every middle were true."""
    bound: Literal["needed", "at_most"]
    """``at_most``: capacity is only known from below, fewer nodes may do."""
    binding: str
    """The model whose resource asks for most nodes."""
    unit: Unit
    demand: Interval
    per_node: Interval
    zones: int
    steps: tuple[Step, ...]
    quantile: float
    """Share of the draws that ``nodes`` are enough for: weight ÷ (1 + weight)."""
    likely: Interval
    """Nodes that nine in ten draws need, headroom included, and their median."""
    ready: int
    """Nodes that must stand before the surge, because new ones take their time; all where the course is not known.

    Of the resources that bind or may bind, the one that asks for most of them decides."""
    sooner: Unit | None = None
    """The unit of the resource that asks for ``ready``, where it is another than the one that binds."""
    ready_likely: Interval
    lead: Interval
    """Seconds from the load's rise to a new node that serves: nine in ten draws, and their median."""
    starting: float = 0.0
    """Of ``lead``: seconds until the provider has begun to start all nodes that come during the surge, median."""
    rise: float | None
    """Share of the peak (of what asks for ``ready``) that must stand beforehand, on the median time to capacity; None
    without a course: all must."""
    drivers: tuple[Driver, ...]
    regret: tuple[Regret, ...]
    constraints: tuple[Constraint, ...]
    """Every limit of the region with its slack, the tightest first, then what was never driven to its limit."""
    offers: Choice = Choice()
    """What to buy: the node rehearsed beside every other offer."""
    residence: Residence | None = None
    """Where the nodes may stand; None where the scenario has no rule for the region."""
    shares: tuple[Share, ...] = ()
    """Quotas that were divided between this market and others; empty where it has them alone, or all have enough."""

    @property
    def felt(self) -> tuple[Constraint, ...]:
        """The limits that matter: not the quota that the nodes rehearsed would break, where others are bought."""
        is_bought = self.offers.best is not None or self.offers.mix is not None
        return tuple(row for row in self.constraints if not (is_bought and row.name == "quota" and row.slack < 0))


def plan(asked: Asked) -> Plan | Excuse:
    """Nodes for one region, or why none can be named."""
    if asked.barred is not None:
        return asked.barred
    limits = _limits(asked)
    if isinstance(limits, Excuse):
        return limits
    found = _most(asked, limits)
    refused = _refused(asked, found) if limits[0].saturated else None
    return refused or found


def weighing(asked: Asked, found: Plan) -> Market:
    """The offers that a plan was chosen from, drawn."""
    limits = _limits(asked)
    assert not isinstance(limits, Excuse)  # there is a plan
    return drawn_market(asked, limits, _rehearsed(asked, found))


def _limits(asked: Asked) -> list[Capacity] | Excuse:
    """What is planned on: what was seen to run out, else what was carried; or why there is nothing."""
    code = asked.demand.region
    asks = [one for one in asked.capacities.found if asked.demand.of(one.unit) and one.per_node.low > 0]
    if limits := [capacity for capacity in asks if capacity.saturated]:
        return limits
    if not asks:
        return Excuse(about=code, reason=say("excuse_never_held"), remedy=say("remedy_lower_baseline"))
    if asked.factor > TESTED_FACTOR:
        factor, most = f"{math.ceil(10 * asked.factor) / 10:,.1f}", f"{TESTED_FACTOR:g}"
        enough = f"{math.ceil(asked.tested * asked.factor / TESTED_FACTOR):,}"
        return Excuse(
            about=code,
            reason=say("excuse_untested", factor=factor, most=most),
            remedy=say("remedy_rehearse_more", enough=enough),
        )
    return [one for one in asks if one.unit in CARRIED] or asks


def _refused(asked: Asked, found: Plan) -> Excuse | None:
    """Why the plan must not be named: so many nodes were measured not to carry the load together."""
    law = asked.capacities.scaling
    wanted = asked.demand.of(law.unit) if law else None
    refusal = law.refusal(wanted, found.nodes, asked.launch.target_utilisation) if law and wanted else None
    return refusal and refusal.model_copy(update={"about": found.region})


def _most(asked: Asked, limits: list[Capacity]) -> Plan:
    """Each resource asks for nodes of its own; the one that asks for most binds."""
    plans = [_plan(asked, limit) for limit in limits]
    found = max(plans, key=lambda found: found.nodes)
    found = _in_time(found, max(plans, key=lambda found: found.ready))
    if asked.is_brief:
        return found
    rows = tightest_first(
        [
            *resources_of(asked.demand, asked.capacities.found, found.nodes),
            *provided(asked, asked.node, found.nodes, found.ready, found.lead),
        ]
    )
    found = found.model_copy(update={"constraints": rows})
    return found.model_copy(update={"offers": choose(asked, limits, _rehearsed(asked, found))})


def _rehearsed(asked: Asked, found: Plan) -> Rehearsed:
    raw = next(step.nodes for step in found.steps if step.name == "doubt")
    law = asked.capacities.scaling
    alone = stretched(raw, asked.launch.target_utilisation, law if law and law.model == found.binding else None)
    share = found.ready / found.nodes
    return Rehearsed(found.nodes, found.likely, found.binding, found.constraints, share, *alone, found.bound)


def _in_time(found: Plan, early: Plan) -> Plan:
    """The plan, with all that must stand before the surge for another resource of which more is asked by then."""
    if early.ready <= found.ready:
        return found
    share = {driver.name: driver.ready for driver in early.drivers}
    drivers = [driver.model_copy(update={"ready": share[driver.name]}) for driver in found.drivers]
    told = {"ready": early.ready, "ready_likely": early.ready_likely, "rise": early.rise, "sooner": early.unit}
    return found.model_copy(update=told | {"drivers": _largest_first(drivers)})


def _plan(asked: Asked, capacity: Capacity) -> Plan:
    demand, launch = asked.demand.of(capacity.unit), asked.launch
    assert demand is not None  # only such capacities are asked
    wanted = _tried(demand, f"demand {asked.demand.region}")
    carried = _tried(capacity.per_node, f"capacity {capacity.unit}")
    rise = asked.rise_of(capacity.unit)
    course = _course(asked.waiting, rise)
    law = asked.capacities.scaling
    law = law if law and law.model == capacity.model else None
    raw, quantile = together(nodes_for(wanted, carried), law), critical_ratio(launch.underprovision_weight)
    steps, rank = headroom(launch, law), rank_of(quantile, DRAWS)
    ordered = _in_order(raw, rank, whole=not asked.is_brief)  # no step makes more of less: the order stays
    needed = folded(steps, ordered)
    late = starting(asked, folded(steps, raw), course, rise)
    if late is not None:
        course = _Course.of(course.waits + late, rise)
    before = needed
    if rise:
        before = folded(steps, _in_order(raw * course.shares, rank, whole=not asked.is_brief))
    samples = demand.samples and min(demand.samples, capacity.per_node.samples)
    middle = float(together(np.array([nodes_for(demand.mid, capacity.per_node.mid)]), law)[0])
    told = _steps(steps, middle, float(ordered[rank]), capacity)
    nodes, ready = int(needed[rank]), int(before[rank])
    return Plan(
        region=asked.demand.region,
        nodes=nodes,
        expected=round(told[-1].expected),
        bound="needed" if capacity.saturated else "at_most",
        binding=capacity.model,
        unit=capacity.unit,
        demand=demand,
        per_node=capacity.per_node,
        zones=launch.zones,
        steps=told,
        quantile=quantile,
        likely=_nine_in_ten(needed, samples),
        ready=ready,
        ready_likely=_nine_in_ten(before, samples),
        lead=course.lead,
        starting=0.0 if late is None else float(np.median(late)),
        rise=course.rise,
        drivers=() if asked.is_brief else drivers(wanted, carried, course.shares),
        regret=() if asked.is_brief else regrets(needed, nodes, launch.underprovision_weight, launch.zones),
        constraints=(),
        residence=asked.residence,
    )


@lru_cache(maxsize=64)
def _tried(interval: Interval, name: str) -> Floats:
    """Drawn once for all plans that ask the same; the array is handed out again, so nobody may write to it."""
    found = drawn(interval, scores(name))
    found.flags.writeable = False
    return found


@dataclass(frozen=True, slots=True)
class _Course:
    """What follows from the wait for a node."""

    waits: Floats
    """Seconds, draw by draw."""
    shares: Floats
    """Of the peak: what must stand beforehand."""
    lead: Interval
    rise: float | None

    @classmethod
    def of(cls, waits: Floats, rise: Rise | None) -> _Course:
        """Of these waits."""
        shares = rise.ready(waits) if rise else np.ones(len(waits))
        return cls(waits, shares, _nine_in_ten(np.sort(waits), 0), float(np.median(shares)) if rise else None)


@lru_cache(maxsize=32)
def _course(waiting: TimeToCapacity, rise: Rise | None) -> _Course:
    return _Course.of(waiting.draw(DRAWS), rise)


HALVINGS: Final = 20
"""Of the share that must stand beforehand: known to a millionth."""


def starting(asked: Asked, needed: Floats, course: _Course, rise: Rise | None) -> Floats | None:
    """Seconds of every draw until the provider has begun to start all nodes that do not stand before the surge.

    The more must be started, the longer that takes, and the more must therefore stand before: the share s solves
    s = ready(wait + starting(nodes × (1 − s))), whose right side never rises with s, and is found by halving.
    None where all are started at once, and where the provider's rate is not known.
    """
    bucket, waits, shares = asked.launches_of(asked.node), course.waits, course.shares
    if rise is None or bucket is None or not bucket.seconds(int(np.max(needed * (1 - shares)))):
        return None

    def late(share: Floats) -> Floats:
        found: Floats = np.maximum(0.0, (needed * (1 - share) - bucket.burst) / bucket.per_second)
        return found

    low, high = shares, np.ones_like(shares)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        is_short = rise.ready(waits + late(middle)) > middle
        low, high = np.where(is_short, middle, low), np.where(is_short, high, middle)
    return late(high)


def _steps(fold: tuple[Headroom, ...], middle: float, chosen: float, capacity: Capacity) -> tuple[Step, ...]:
    """From demand over capacity on the middles, by way of the doubt, to whole nodes."""
    first = Step(name="capacity", by=capacity.per_node.mid, nodes=middle, expected=middle)
    doubt = Step(name="doubt", by=chosen / middle if middle else 1.0, nodes=chosen, expected=middle)
    return (first, doubt, *chain(fold, chosen, middle))


_TAIL: Final = (1.0 - COVERAGE) / 2
_ENDS: Final = (_TAIL, 0.5, 1.0 - _TAIL)


def _in_order(values: Floats, rank: int, *, whole: bool) -> Floats:
    """Sorted: all of them, or only what stands at ``rank`` and at the `_ENDS`, for a third of the time."""
    if whole:
        return np.sort(values)
    return np.partition(values, sorted({rank, *(rank_of(share, len(values)) for share in _ENDS)}))


def _nine_in_ten(ordered: Floats, samples: int) -> Interval:
    """Ends and median of sorted draws."""
    low, mid, high = (float(ordered[rank_of(share, len(ordered))]) for share in _ENDS)
    return Interval(low=low, mid=mid, high=high, coverage=COVERAGE, samples=samples)


def drivers(wanted: Floats, carried: Floats, shares: Floats) -> tuple[Driver, ...]:
    """Each part's share of the variance of the logarithm, largest first."""
    parts: dict[DriverName, Floats] = {"demand": wanted, "capacity": carried, "lead": shares}
    varied = {name: _variance(part) for name, part in parts.items()}
    ready = sum(varied.values()) or 1.0
    peak = (varied["demand"] + varied["capacity"]) or 1.0
    return _largest_first(
        Driver(name=name, peak=0.0 if name == "lead" else share / peak, ready=share / ready)
        for name, share in varied.items()
    )


def _largest_first(found: Iterable[Driver]) -> tuple[Driver, ...]:
    return tuple(sorted(found, key=lambda one: (-one.ready, one.name)))


def _variance(part: Floats) -> float:
    """Of the logarithm; an exact figure has none, whatever the rounding of its mean."""
    return 0.0 if part.min() == part.max() else float(np.var(np.log(np.maximum(part, 1e-300))))
