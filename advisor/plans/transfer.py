"""What another offer would carry, from what the rehearsed node carried: one resource over all offers at once.

======================  =========================================================================================
bit/s                   the rehearsed node's share of its link × the offer's egress to the internet, never more than it
requests, joins, chat   in proportion to vCPUs, to the power ``launch.vcpu_exponent`` (assumed)
connections             in proportion to memory, never more than the offer allows (assumed)
bit/s, not the limit    what was shown in proportion to vCPUs, as for requests; the offer's link is a limit of its own
======================  =========================================================================================

Where another resource was the limit, a node carries at least what it has shown: an offer is asked for no more than
that, or than the plan asks of a node as large, so that no offer looks good on what nobody has tested.

Another machine is not the one that was tested: its interval is wider by `ANOTHER`, and by `DOUBLING` for each doubling
or halving of size.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from advisor.blocks import Z90, Floats
from advisor.demands.demand import Demand
from advisor.interval import Interval
from advisor.models import Capacity, Unit
from advisor.offers.offer import Offer
from advisor.plans.drawing import drawn, positive, scores
from loadtests.launch import Launch

FactName: TypeAlias = Literal["egress", "vcpus", "memory_gib"]

ANOTHER: Final = 0.15
"""Wider on either side because it is another machine: generations of one size differ by about this much (assumed)."""
DOUBLING: Final = 0.10
"""Wider again for each doubling or halving of size (assumed)."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One resource that every offer must carry the demand for."""

    model: str
    unit: Unit
    fact: FactName
    known: bool
    """Whether the rehearsed node's own fact is known; without it nothing is carried over."""
    asked: Interval
    per_node: Interval
    """What the rehearsed node carries."""
    middles: Floats
    """Per offer: what it carries on the middle; NaN where its fact is not known."""
    wider: Floats
    """Per offer: sigma of the logarithm that comes on top."""
    saturated: bool
    most: float = math.inf
    """Nodes like the one rehearsed, not yet whole, that the plan takes to be enough whatever was shown of this."""
    is_link: bool = False
    """Whether only the width of the link bounds it: nothing was measured."""

    def carried(self, index: int) -> Interval:
        """What one offer carries, as an interval."""
        if self.per_node.low == self.per_node.high and not self.wider[index]:
            return Interval.exact(float(self.middles[index]))
        factor, ratio = math.exp(self.wider[index] * Z90), float(self.middles[index]) / positive(self.per_node)[1]
        low, mid, high = (end * ratio for end in (self.per_node.low, self.per_node.mid, self.per_node.high))
        coverage, samples = self.per_node.coverage, self.per_node.samples
        return Interval(low=low / factor, mid=mid, high=high * factor, coverage=coverage, samples=samples)


def resources(
    demand: Demand,
    limits: Sequence[Capacity],
    launch: Launch,
    node: Offer,
    offers: Sequence[Offer],
    beside: Sequence[Capacity] = (),
    most: float = math.inf,
) -> tuple[Resource, ...]:
    """Every limit carried over to every offer, the link of each, which is never more than full, and what was shown."""
    asked = [(one, demand.of(one.unit)) for one in limits]
    found = [
        _resource(one, fact_for(one.unit), wanted, launch, node, offers) for one, wanted in asked if wanted is not None
    ]
    if not any(one.unit == "bit/s" for one in found):
        found.append(_link(demand.wire, offers))
    shown = [
        replace(_resource(one, shown_by(one.unit), wanted, launch, node, offers), most=most)
        for one in beside
        if (wanted := demand.of(one.unit)) is not None
    ]
    return (*found, *shown)


def _resource(
    one: Capacity, fact: FactName, asked: Interval, launch: Launch, node: Offer, offers: Sequence[Offer]
) -> Resource:
    own, theirs = value_of(node, fact), np.array([value_of(offer, fact) for offer in offers], dtype=np.float64)
    per_node = _within(one.per_node, own) if fact == "egress" else one.per_node
    ratios = theirs / own if own > 0 else np.full(len(offers), np.nan)
    grown = ratios**launch.vcpu_exponent if fact == "vcpus" else ratios
    middles = positive(per_node)[1] * grown
    if one.unit == "connections":
        most = [math.inf if offer.connections is None else float(offer.connections.value) for offer in offers]
        middles = np.minimum(middles, most)
    return Resource(one.model, one.unit, fact, own > 0, asked, per_node, middles, _wider(ratios), one.saturated)


def _wider(ratios: Floats) -> Floats:
    doublings = np.abs(np.log2(ratios))
    wider: Floats = (math.log1p(ANOTHER) + doublings * math.log1p(DOUBLING)) / Z90
    return wider


def _link(asked: Interval, offers: Sequence[Offer]) -> Resource:
    """Where bandwidth was not the limit: no link carries more than it can (one that is not known is not asked)."""
    links = np.array([value_of(offer, "egress") for offer in offers], dtype=np.float64)
    middles = np.where(np.isnan(links), np.inf, links)
    return Resource(
        "bandwidth",
        "bit/s",
        "egress",
        known=True,
        asked=asked,
        per_node=Interval.exact(1.0),
        middles=middles,
        wider=np.zeros(len(offers)),
        saturated=True,
        is_link=True,
    )


def fact_for(unit: Unit) -> FactName:
    """The fact of an offer that a resource goes with."""
    return "egress" if unit == "bit/s" else "memory_gib" if unit == "connections" else "vcpus"


def shown_by(unit: Unit) -> FactName:
    """The same where it was not the limit: bits then say what the machine can send, not how full its link may be."""
    return "memory_gib" if unit == "connections" else "vcpus"


def value_of(offer: Offer, fact: FactName) -> float:
    """A fact of an offer; NaN where it is not known."""
    match fact:
        case "egress":
            found = offer.egress
            return math.nan if found is None else float(found.value)
        case "vcpus":
            return math.nan if offer.vcpus is None else float(offer.vcpus.value)
        case "memory_gib":
            return math.nan if offer.memory_gib is None else float(offer.memory_gib.value)


def _within(carried: Interval, link: float) -> Interval:
    """No node carries more than its link: what was measured above it is an error of the measurement."""
    if not carried.high > link:
        return carried
    ends = {name: min(getattr(carried, name), link) for name in ("low", "mid", "high")}
    return carried.model_copy(update=ends)


@dataclass(frozen=True, slots=True)
class Drawn:
    """One resource, drawn: the need of offer t in draw i is exp(base[i] - middles[t] - wider[t] × scores[i]).

    What comes before ``middles`` is never above ``most``.
    """

    base: Floats
    middles: Floats
    wider: Floats
    scores: Floats
    most: float = math.inf


def drawn_needs(region: str, found: Resource) -> Drawn:
    """The draws of a resource, the same that the rehearsed node is planned with."""
    asked = drawn(found.asked, scores(f"demand {region}"))
    carried_scores = scores(f"capacity {found.unit}")
    middle = positive(found.per_node)[1]
    carried = drawn(found.per_node, carried_scores) / middle
    most = math.log(found.most * middle) if found.most > 0 else math.inf
    with np.errstate(divide="ignore"):
        return Drawn(np.log(asked) - np.log(carried), np.log(found.middles), found.wider, carried_scores, most)


Rows: TypeAlias = Sequence[int] | npt.NDArray[np.intp]


def needs(parts: Sequence[Drawn], rows: Rows) -> Floats:
    """Nodes per offer and draw, not yet whole, as logarithms: the resource that takes most decides."""
    first, *others = parts
    most = _needs_of(first, rows)
    for part in others:
        np.maximum(most, _needs_of(part, rows), out=most)
    return most


def _needs_of(part: Drawn, rows: Rows) -> Floats:
    need: Floats = part.wider[rows, None] * part.scores
    np.subtract(part.base, need, out=need)
    if part.most < math.inf:
        np.minimum(need, part.most, out=need)
    need -= part.middles[rows, None]
    return need


ROWS: Final = 8
"""Offers at a time: 10,000 draws of them stay in a core's cache."""


def needed_at(parts: Sequence[Drawn], rank: int) -> Floats:
    """For each offer the need, not yet whole, that is enough for all draws up to ``rank``.

    Offers that are carried over alike, such as one size with more memory, are worked out once.
    """
    alike = np.column_stack([column for part in parts for column in (part.middles, part.wider)])
    _, firsts, places = np.unique(alike, axis=0, return_index=True, return_inverse=True)
    found = np.empty(len(firsts))
    for start in range(0, len(firsts), ROWS):
        need = needs(parts, firsts[start : start + ROWS])
        need.partition(rank, axis=1)
        found[start : start + ROWS] = need[:, rank]
    ordered: Floats = np.exp(found)[places.reshape(-1)]
    return ordered
