"""Every limit of a region with its slack: what is asked of it beside what there is. The tightest is the headline."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

from advisor.demand import Demand
from advisor.interval import Interval
from advisor.models import Capacity, Unit
from loadtests.region import Frozen

Measure: TypeAlias = Unit | Literal["vcpus", "seconds", "zones"]


class Constraint(Frozen):
    """One limit, and how far from it the plan is."""

    name: str
    """A capacity model, or ``quota``, ``launch_rate``, ``zones``."""
    unit: Measure
    asked: Interval
    """At the peak, of all nodes together."""
    carried: Interval
    """By the nodes that were chosen, none lost."""
    known: Literal["limit", "at_least"]
    """``at_least``: the limit was not reached, there may be more slack."""
    slack: float
    """1 − asked ÷ carried, on the middles; below zero it does not fit."""
    worst: float
    """The same with what is asked at its high end and what is carried at its low end."""


def constraint(
    name: str, unit: Measure, asked: Interval, carried: Interval, known: Literal["limit", "at_least"] = "limit"
) -> Constraint:
    """A limit with its slack; ``carried`` is above zero."""
    return Constraint(
        name=name,
        unit=unit,
        asked=asked,
        carried=carried,
        known=known,
        slack=1.0 - asked.mid / carried.mid,
        worst=1.0 - asked.high / carried.low,
    )


def constraints(demand: Demand, found: Iterable[Capacity], nodes: int) -> tuple[Constraint, ...]:
    """One per resource that is asked for and known, the tightest first."""
    rows = (
        constraint(one.model, one.unit, asked, one.per_node.scale(nodes), "limit" if one.saturated else "at_least")
        for one in found
        if (asked := demand.of(one.unit)) is not None and one.per_node.low > 0
    )
    return tightest_first(rows)


def tightest_first(rows: Iterable[Constraint]) -> tuple[Constraint, ...]:
    """In the order in which they would give way."""
    return tuple(sorted(rows, key=lambda one: (one.slack, one.name)))
