"""Every limit of a region with its slack: what is asked of it beside what there is. The tightest is the headline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, TypeAlias

from advisor.demands.demand import Demand
from advisor.interval import Interval
from advisor.models import Capacity, Unit
from advisor.offers.offer import Offer
from advisor.plans.asked import Asked
from loadtests.region import Frozen

Measure: TypeAlias = Unit | Literal["vcpus", "seconds", "zones"]
Known: TypeAlias = Literal["limit", "at_least"]


class Constraint(Frozen):
    """One limit, and how far from it the plan is."""

    name: str
    """A capacity model, or ``quota``, ``launch_rate``, ``zones``."""
    unit: Measure
    asked: Interval
    """At the peak, of all nodes together."""
    carried: Interval
    """By the nodes that were chosen, none lost."""
    known: Known
    """``at_least``: ``carried`` was seen and no limit reached, so ``slack`` and ``worst`` are the least there is."""
    slack: float
    """1 − asked ÷ carried, on the middles; below zero it does not fit, or was not tested that far (``at_least``)."""
    worst: float
    """The same with what is asked at its high end and what is carried at its low end."""


def constraint(name: str, unit: Measure, asked: Interval, carried: Interval, known: Known = "limit") -> Constraint:
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


def resources_of(demand: Demand, found: Iterable[Capacity], nodes: int) -> Iterator[Constraint]:
    """One per resource that is asked for and known."""
    for one in found:
        asked = demand.of(one.unit)
        if asked is not None and one.per_node.low > 0:
            known: Known = "limit" if one.saturated else "at_least"
            yield constraint(one.model, one.unit, asked, one.per_node.scale(nodes), known)


def provided(asked: Asked, offer: Offer, nodes: int, ready: int, lead: Interval) -> Iterator[Constraint]:
    """What the provider limits: vCPUs, zones, and how fast the nodes start that do not stand before the surge.

    ``lead`` is the time to capacity in seconds that ``ready`` was reckoned with.
    """
    allowed, place = asked.allowance(offer, nodes), asked.place_of(offer)
    if allowed.quota and offer.vcpus is not None:
        wanted = Interval.exact(float(nodes * offer.vcpus.value + allowed.beside + allowed.others))
        yield constraint("quota", "vcpus", wanted, Interval.exact(float(allowed.quota)))
    launches = asked.launches_of(offer)
    seconds = 0.0 if launches is None else launches.seconds(nodes - ready)
    if seconds and lead.low > 0:
        yield constraint("launch_rate", "seconds", Interval.exact(seconds), lead)
    zones = (offer.zones or {}).get(place, 0)
    if 0 < zones < asked.launch.zones:  # enough zones leave no slack to speak of
        yield constraint("zones", "zones", Interval.exact(asked.launch.zones), Interval.exact(zones))


def tightest_first(rows: Iterable[Constraint]) -> tuple[Constraint, ...]:
    """In the order in which they would give way; what was never driven to its limit comes after all limits."""
    return tuple(sorted(rows, key=lambda one: (one.known != "limit", one.slack, one.name)))
