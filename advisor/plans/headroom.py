"""Headroom as a fold: each step turns nodes into more nodes, and what each adds stays in sight.

Steps never fall: more nodes in, never fewer out. So a quantile of the folded draws is the fold of the quantile, and one
chain of figures tells the whole story. How full a node is kept asks more of capacity, and so goes by the law of nodes
that were measured not to add up. A zone, and nodes that fail or are being replaced, are counted on top of those that
this law says must be left: whatever is lost, these carry it all.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Final, Literal, TypeAlias

import numpy as np

from advisor.blocks import Floats
from advisor.capacities.nodecount import NodeScaling
from advisor.plans.together import filled
from loadtests.launch import Launch
from loadtests.region import Frozen

StepName: TypeAlias = Literal["capacity", "doubt", "utilisation", "zones", "lose", "spare", "minimum", "whole"]

ROUNDING: Final = 1e-9
"""Floating-point dust that must not buy a node, as a share of it and of the count."""


class Step(Frozen):
    """One step from demand to whole nodes, and the nodes after it."""

    name: StepName
    by: float
    """What was divided by, multiplied by or added."""
    nodes: float
    """At the quantile that is planned for."""
    expected: float
    """On the middles."""


class Headroom:
    """One reason for more nodes."""

    name: StepName

    @property
    @abstractmethod
    def by(self) -> float:
        """The setting, as the report shows it."""

    @abstractmethod
    def on(self, nodes: Floats) -> Floats:
        """Nodes with it."""


@dataclass(frozen=True, slots=True)
class Utilisation(Headroom):
    """A node is kept this full at the peak: as many as carry demand ÷ share. Where nodes add up, n ÷ share."""

    name = "utilisation"
    share: float
    scaling: NodeScaling | None = None
    """Where nodes were measured not to add up."""

    @property
    def by(self) -> float:
        """The share."""
        return self.share

    def on(self, nodes: Floats) -> Floats:
        """More nodes, each less full."""
        return filled(nodes, self.share, self.scaling)


@dataclass(frozen=True, slots=True)
class LoseZone(Headroom):
    """What is left after losing one of z zones carries everything: n × z ÷ (z − 1) (static stability)."""

    name = "zones"
    zones: int

    @property
    def by(self) -> float:
        """The factor."""
        return self.zones / (self.zones - 1)

    def on(self, nodes: Floats) -> Floats:
        """As many as let the other zones do alone."""
        return nodes * self.by


@dataclass(frozen=True, slots=True)
class Add(Headroom):
    """So many on top: nodes that may fail (``lose``), or that are being replaced (``spare``)."""

    name: Literal["lose", "spare"]
    count: int

    @property
    def by(self) -> float:
        """The count."""
        return float(self.count)

    def on(self, nodes: Floats) -> Floats:
        """More by the count."""
        return nodes + self.count


@dataclass(frozen=True, slots=True)
class Minimum(Headroom):
    """Never fewer than these."""

    name = "minimum"
    count: int

    @property
    def by(self) -> float:
        """The count."""
        return float(self.count)

    def on(self, nodes: Floats) -> Floats:
        """The count at least."""
        return np.maximum(nodes, float(self.count))


@dataclass(frozen=True, slots=True)
class Whole(Headroom):
    """Whole nodes, the same number in every zone: of unequal zones the largest would be the one to lose."""

    name = "whole"
    zones: int

    @property
    def by(self) -> float:
        """The zones."""
        return float(self.zones)

    def on(self, nodes: Floats) -> Floats:
        """The least multiple of the zones that is enough, and at least one node per zone."""
        each = np.asarray(nodes / self.zones)
        return self.zones * np.maximum(1.0, np.ceil(each * (1 - ROUNDING) - ROUNDING))


def headroom(launch: Launch, scaling: NodeScaling | None = None) -> tuple[Headroom, ...]:
    """The steps of a launch, in order; ``scaling`` where nodes were measured not to add up."""
    return (
        Utilisation(launch.target_utilisation, scaling),
        *([LoseZone(launch.zones)] if launch.zones > 1 else []),
        *([Add("lose", launch.lose_nodes)] if launch.lose_nodes else []),
        Add("spare", launch.spare_nodes),
        *([Minimum(launch.minimum_nodes)] if launch.minimum_nodes else []),
        Whole(launch.zones),
    )


def folded(steps: Sequence[Headroom], nodes: Floats) -> Floats:
    """Nodes after all steps, each of many draws or one."""
    return reduce(lambda so_far, step: step.on(so_far), steps, nodes)


def chain(steps: Sequence[Headroom], nodes: float, expected: float) -> tuple[Step, ...]:
    """Every step with its effect: on the nodes that are planned for, and on those of the middles."""
    told, both = [], np.array([nodes, expected])
    for step in steps:
        both = step.on(both)
        told.append(Step(name=step.name, by=step.by, nodes=float(both[0]), expected=float(both[1])))
    return tuple(told)


def even_nodes(nodes: float, zones: int) -> int:
    """The least multiple of ``zones`` that is enough, and at least one node per zone."""
    return int(Whole(zones).on(np.asarray(nodes)))
