"""One region as it is, or as it would be: what a counterfactual is given and what it answers with a change."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

from advisor.demands.demand import Demand
from advisor.demands.usage import Usage
from advisor.interval import Interval
from advisor.plans.lead import Part, TimeToCapacity
from advisor.plans.plan import Asked
from advisor.texts import Message
from loadtests.launch import Launch
from loadtests.region import Region
from loadtests.scenario import Scenario

Confidence: TypeAlias = Literal["measured", "derived", "assumed"]


@dataclass(frozen=True, slots=True)
class Case:
    """One region, and all that a change may look at. ``asked.demand`` is what reaches the nodes."""

    asked: Asked
    usage: Usage
    edge: Demand
    """What the viewers take; with a cache in front the nodes see only part of it."""
    place: Region
    scenario: Scenario
    size: float = 1.0
    """Size of a node, today's nodes being 1."""
    shown: float = 0.0
    """Viewers of this region on each rehearsed node at the peak of a rehearsal that kept its budgets; 0 if none did."""
    peak_seconds: float | None = None
    """`advisor.demands.cdn.peak_seconds_of` this region, which no change changes; None: to be worked out."""

    @property
    def lead(self) -> TimeToCapacity:
        """How long new capacity takes."""
        return self.asked.waiting

    def costing(
        self,
        *,
        wire_viewer: float = 1.0,
        wire_join: float = 1.0,
        requests_viewer: float = 1.0,
        requests_join: float = 1.0,
    ) -> Case:
        """As many times the bits and requests of one who watches and of one who joins.

        The peak follows from the measured curve: worst' ÷ worst, where worst = max over `BLOCK` seconds of
        (viewer cost · viewers + join cost · joins), as in `advisor.demands.cost`. A load that grows is further from
        what was tested, so `Asked.factor` grows with it.
        """
        before = self.edge
        wire = self._ratio(before.wire_per_viewer, before.wire_per_join, wire_viewer, wire_join)
        requests = self._ratio(before.requests_per_viewer, before.requests_per_join, requests_viewer, requests_join)

        def changed(demand: Demand) -> Demand:
            return demand.model_copy(
                update={
                    "wire": demand.wire.scale(wire),
                    "requests": demand.requests.scale(requests),
                    "wire_per_viewer": demand.wire_per_viewer.scale(wire_viewer),
                    "wire_per_join": demand.wire_per_join.scale(wire_join),
                    "requests_per_viewer": demand.requests_per_viewer.scale(requests_viewer),
                    "requests_per_join": demand.requests_per_join.scale(requests_join),
                }
            )

        return self._asking(changed(self.asked.demand), changed(before), max(1.0, wire, requests))

    def _ratio(self, viewer: Interval, join: Interval, viewer_by: float, join_by: float) -> float:
        before = self.usage.worst(viewer.mid, join.mid)
        return self.usage.worst(viewer.mid * viewer_by, join.mid * join_by) / before if before else viewer_by

    def audience(self, factor: float) -> Case:
        """As many times the viewers; all that follows from them grows or shrinks alike."""
        case = self._asking(
            _times(self.asked.demand, factor, factor, factor), _times(self.edge, factor, factor, factor), factor
        )
        return replace(case, usage=self.usage.scaled(factor))

    def spread(self, seconds: int) -> Case:
        """Every visit put off by a random wait below ``seconds``: the peak and the rise follow from smoother curves."""
        usage = replace(self.usage, curves=tuple(curve.spread(seconds) for curve in self.usage.curves))

        def ratio(viewer: float, join: float) -> float:
            before = self.usage.worst(viewer, join)
            return min(1.0, usage.worst(viewer, join) / before) if before else 1.0

        def changed(demand: Demand) -> Demand:
            wire = ratio(demand.wire_per_viewer.mid, demand.wire_per_join.mid)
            requests = ratio(demand.requests_per_viewer.mid, demand.requests_per_join.mid)
            joins = demand.joins.scale(ratio(0.0, 1.0))
            return demand.model_copy(
                update={"wire": demand.wire.scale(wire), "requests": demand.requests.scale(requests), "joins": joins}
            )

        found = self._asking(changed(self.asked.demand), changed(self.edge))
        rise, joining = (one and one.spread(seconds) for one in (self.asked.rise, self.asked.joining))
        return replace(found, usage=usage, asked=replace(found.asked, rise=rise, joining=joining))

    def behind(self, wire: float, requests: float) -> Case:
        """A cache in front: the nodes see other shares of bits and requests, the viewers take what they took."""
        demand = self.asked.demand
        changed = demand.model_copy(
            update={"wire": demand.wire.scale(wire), "requests": demand.requests.scale(requests)}
        )
        return self._asking(changed, self.edge, max(1.0, wire, requests))

    def launching(self, launch: Launch) -> Case:
        """With other settings of the launch."""
        return replace(self, asked=replace(self.asked, launch=launch))

    def waiting(self, part: Part) -> Case:
        """With another wait for one part of the time to capacity, whoever said the present one."""
        launch, measured = self.asked.launch, [one for one in self.asked.measured if one.name != part.name]
        waits = launch.time_to_capacity.model_copy(update={part.name: None})
        launch = launch.model_copy(update={"time_to_capacity": waits})
        return replace(self, asked=replace(self.asked, launch=launch, measured=(*measured, part)))

    def with_nodes(self, size: float) -> Case:
        """Nodes that carry ``size`` times as much of every resource."""
        found = tuple(
            one.model_copy(update={"per_node": one.per_node.scale(size)}) for one in self.asked.capacities.found
        )
        capacities = self.asked.capacities.model_copy(update={"found": found})
        return replace(self, asked=replace(self.asked, capacities=capacities), size=self.size * size)

    def _asking(self, demand: Demand, edge: Demand, factor: float = 1.0) -> Case:
        asked = replace(self.asked, demand=demand, factor=self.asked.factor * factor)
        return replace(self, asked=asked, edge=edge)


def _times(demand: Demand, wire: float, requests: float, viewers: float) -> Demand:
    return demand.model_copy(
        update={
            "viewers": demand.viewers.scale(viewers),
            "wire": demand.wire.scale(wire),
            "requests": demand.requests.scale(requests),
            "joins": demand.joins.scale(viewers),
            "all_joins": demand.all_joins * viewers,
        }
    )


def at_load(asked: Asked, share: float) -> Asked:
    """The same with ``share`` of the demand, whatever it is counted in; costs of one viewer stay."""
    return replace(asked, demand=_times(asked.demand, share, share, share), factor=asked.factor * share)


@dataclass(frozen=True, slots=True)
class Changed:
    """What a counterfactual answers: the other case, and how it came about."""

    case: Case
    what: Message
    how: Message
    """The formula, its figures and its source."""
    confidence: Confidence
    price: Message | None = None
    """What it costs elsewhere."""
