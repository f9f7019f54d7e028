"""Nodes per region: a chain of named steps from demand to whole nodes, each with its effect in sight.

The plan is on the conservative ends: demand high, capacity low. ``expected`` follows the middles beside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from advisor.capacity import Capacities
from advisor.demand import Demand
from advisor.interval import Interval
from advisor.models import Capacity, Excuse, Unit
from advisor.texts import say
from loadtests.launch import Launch
from loadtests.region import Frozen

StepName: TypeAlias = Literal["capacity", "utilisation", "zones", "spare", "whole"]

TESTED_FACTOR: Final = 2.0
"""When no node was driven to its limit, nothing is planned for more than twice the load that was tested: what
happens to a node beyond what it has carried is a guess (house rule, docs/reading-a-report.md)."""
ROUNDING: Final = 1e-9
"""Floating-point dust that must not buy a node."""


class Step(Frozen):
    """One factor and the nodes after it."""

    name: StepName
    by: float
    """What was divided by, multiplied by or added."""
    nodes: float
    """On the conservative ends."""
    expected: float
    """On the middles."""


class Plan(Frozen):
    """Nodes for one region."""

    region: str
    nodes: int
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


@dataclass(frozen=True, slots=True)
class Asked:
    """What a region is planned with."""

    demand: Demand
    capacities: Capacities
    launch: Launch
    factor: float
    """Whole audience over the viewers that were tested."""


def plan(asked: Asked) -> Plan | Excuse:
    """Nodes for one region, or why none can be named."""
    code = asked.demand.region
    asks = [capacity for capacity in asked.capacities.found if asked.demand.of(capacity.unit)]
    if limits := [capacity for capacity in asks if capacity.saturated]:
        return max((_plan(asked, limit) for limit in limits), key=lambda found: found.nodes)
    known = [capacity for capacity in asks if capacity.per_node.low > 0]
    if not known:
        return Excuse(about=code, reason=say("excuse_never_held"), remedy=say("remedy_lower_baseline"))
    if asked.factor > TESTED_FACTOR:
        factor, most = f"{asked.factor:,.1f}", f"{TESTED_FACTOR:g}"
        return Excuse(
            about=code, reason=say("excuse_untested", factor=factor, most=most), remedy=say("remedy_rehearse_more")
        )
    return max((_plan(asked, capacity) for capacity in known), key=lambda found: found.nodes)


def _plan(asked: Asked, capacity: Capacity) -> Plan:
    demand = asked.demand.of(capacity.unit)
    assert demand is not None  # only such capacities are asked
    steps = _steps(demand, capacity.per_node, asked.launch)
    return Plan(
        region=asked.demand.region,
        nodes=round(steps[-1].nodes),
        expected=round(steps[-1].expected),
        bound="needed" if capacity.saturated else "at_most",
        binding=capacity.model,
        unit=capacity.unit,
        demand=demand,
        per_node=capacity.per_node,
        zones=asked.launch.zones,
        steps=steps,
    )


def _steps(demand: Interval, per_node: Interval, launch: Launch) -> tuple[Step, ...]:
    first = Step(name="capacity", by=per_node.low, nodes=demand.high / per_node.low, expected=demand.mid / per_node.mid)
    steps = [first, _times(first, "utilisation", launch.target_utilisation, 1.0 / launch.target_utilisation)]
    if launch.zones > 1:
        factor = launch.zones / (launch.zones - 1)
        steps.append(_times(steps[-1], "zones", factor, factor))
    last = steps[-1]
    spare = float(launch.spare_nodes)
    steps.append(Step(name="spare", by=spare, nodes=last.nodes + spare, expected=last.expected + spare))
    steps.append(_whole(steps[-1], launch.zones))
    return tuple(steps)


def _times(step: Step, name: StepName, by: float, factor: float) -> Step:
    return Step(name=name, by=by, nodes=step.nodes * factor, expected=step.expected * factor)


def _whole(step: Step, zones: int) -> Step:
    """Whole nodes, the same number in every zone: zones of unequal size would make the largest the one to lose."""
    return Step(name="whole", by=zones, nodes=even_nodes(step.nodes, zones), expected=even_nodes(step.expected, zones))


def even_nodes(nodes: float, zones: int) -> int:
    """The least multiple of ``zones`` that is enough, and at least one node per zone."""
    return zones * max(1, math.ceil(nodes / zones - ROUNDING))
