"""What to buy: every offer planned for the same demand, the cheapest that fits, two others, and why not the rest.

All offers are drawn at once (`advisor.transfer`); only those that are shown are worked out in full. The node rehearsed
is one of the offers, and the only one that was measured. Resources that were not the limit bound an offer too, by what
was shown of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final, Literal, NamedTuple

import numpy as np

from advisor.asked import Asked
from advisor.blocks import COVERAGE, Floats
from advisor.constraints import Constraint, Known, constraint, provided, tightest_first
from advisor.drawing import DRAWS
from advisor.figures import percent
from advisor.headroom import folded, headroom
from advisor.interval import Interval
from advisor.models import Capacity, Excuse
from advisor.offer import Offer
from advisor.regret import critical_ratio, rank_of
from advisor.texts import say
from advisor.transfer import Drawn, Resource, drawn_needs, needed_at, needs, resources
from loadtests.region import Fact, Frozen

ALTERNATIVES: Final = 2
HOUR: Final = 3600.0
FIX: Final = "_fix"
"""What the key of a remedy has beside that of its reason."""


class OfferPlan(Frozen):
    """Nodes of one offer for one region."""

    offer: Offer
    nodes: int
    likely: Interval
    """Nodes that nine in ten draws need, and their median."""
    binding: str
    """The model whose resource asks for most nodes."""
    price: Fact[float] | None
    """USD per node and hour; None when nobody knows."""
    usd_per_hour: float | None
    """All nodes."""
    usd_per_event: float | None
    """All nodes, for as long as the rehearsed event lasts."""
    dearer: float | None
    """Share by which it is dearer than the best; None when a price is not known."""
    more_nodes: int
    """Than the best; below zero: fewer."""
    constraints: tuple[Constraint, ...]
    """The tightest first."""
    bound: Literal["needed", "at_most"] = "needed"
    """``at_most``: what binds was only shown, its limit was not reached; fewer nodes may do."""


class Choice(Frozen):
    """The offers of one region, weighed."""

    best: OfferPlan | None = None
    """The cheapest that fits; those of unknown price come last. None when nothing fits."""
    alternatives: tuple[OfferPlan, ...] = ()
    refused: tuple[Excuse, ...] = ()
    """Every other offer, each with its reason; the reason's key is its code."""


class Rehearsed(NamedTuple):
    """What is known of the node rehearsed, once it is planned."""

    nodes: int
    likely: Interval
    binding: str
    constraints: tuple[Constraint, ...]
    ready: float
    """Share of the nodes that must stand before the surge."""
    raw: float = math.inf
    """Nodes before headroom, not yet whole."""
    bound: Literal["needed", "at_most"] = "needed"


class Weighed(NamedTuple):
    """One offer that fits; ``at`` is its place among the offers, -1 for the node rehearsed."""

    offer: Offer
    at: int
    nodes: int
    price: Fact[float] | None

    @property
    def cost(self) -> float:
        """USD per hour of all nodes; without end when nobody knows."""
        return math.inf if self.price is None else self.price.value * self.nodes

    @property
    def rank(self) -> tuple[float, int, int]:
        """Cheapest first, then fewest nodes, then as they were named."""
        return self.cost, self.nodes, self.at


class Market(NamedTuple):
    """The offers of one region, drawn."""

    asked: Asked
    rehearsed: Rehearsed
    found: tuple[Resource, ...]
    parts: tuple[Drawn, ...]


def choose(asked: Asked, limits: Sequence[Capacity], rehearsed: Rehearsed) -> Choice:
    """The best offer, its alternatives, and an excuse for each of the others."""
    market = _market(asked, limits, rehearsed, _beside(asked, limits))
    fits: list[Weighed] = []
    refused: list[Excuse] = []
    counts = [rehearsed.nodes, *_counts(market)]
    for index, (offer, nodes) in enumerate(zip((asked.node, *asked.offers), counts, strict=True), -1):
        excuse = _unfit(market, offer, index, nodes)
        if excuse is None:
            fits.append(Weighed(offer, index, nodes, offer.price_in(asked.place_of(offer))))
        else:
            refused.append(excuse)
    fits.sort(key=lambda one: one.rank)
    if not fits:
        return Choice(refused=tuple(refused))
    best, *others = fits
    shown = _alternatives(best, others)
    places = {one.at for one in shown}
    refused += [_outdone(one, fits) for one in others if one.at not in places]
    return Choice(
        best=_in_full(market, best, best),
        alternatives=tuple(_in_full(market, one, best) for one in shown),
        refused=tuple(refused),
    )


def _beside(asked: Asked, limits: Sequence[Capacity]) -> list[Capacity]:
    """Resources that are not planned on: a node carries at least what it has shown of them."""
    planned = {one.model for one in limits}
    known = (one for one in asked.capacities.found if one.model not in planned and one.per_node.low > 0)
    return [one for one in known if asked.demand.of(one.unit)]


def _market(asked: Asked, limits: Sequence[Capacity], rehearsed: Rehearsed, beside: Sequence[Capacity] = ()) -> Market:
    found = resources(asked.demand, limits, asked.launch, asked.node, asked.offers, beside, rehearsed.raw)
    return Market(asked, rehearsed, found, tuple(drawn_needs(asked.demand.region, one) for one in found if one.known))


def counts(asked: Asked, limits: Sequence[Capacity]) -> list[int]:
    """Nodes of every offer beside the one rehearsed, whether it fits or not; 0 where nobody knows."""
    nothing = Rehearsed(0, Interval.exact(0.0), "", (), 1.0)
    return _counts(_market(asked, limits, nothing))


def _counts(market: Market) -> list[int]:
    """Whole nodes of every offer but the one rehearsed; 0 where what it carries is not known."""
    asked = market.asked
    if not all(one.known for one in market.found):
        return [0] * len(asked.offers)
    rank = rank_of(critical_ratio(asked.launch.underprovision_weight), DRAWS)
    raw = needed_at(market.parts, rank, len(asked.offers))
    whole = folded(headroom(asked.launch), np.where(np.isfinite(raw), raw, 0.0))
    return [int(count) if known else 0 for count, known in zip(whole, np.isfinite(raw), strict=True)]


def _unfit(market: Market, offer: Offer, index: int, nodes: int) -> Excuse | None:
    """Why an offer cannot serve this region; None when it can."""
    asked = market.asked
    place, launch = asked.place_of(offer), asked.launch
    zones = None if offer.zones is None else offer.zones.get(place)
    told = {"offer": offer.name, "place": place or asked.demand.region, "nodes": f"{nodes:,}"}
    if offer.zones is not None and zones is None:
        return _excuse("offer_place_unknown", **told)
    if zones == 0:
        return _excuse("offer_not_here", **told)
    if index >= 0 and (lack := _lacking(market, index)) is not None:
        key, fact = lack
        return _excuse(key, fact=fact, **told)
    if nodes > launch.most_nodes:
        return _excuse("offer_too_many", most=f"{launch.most_nodes:,}", **told)
    if zones is not None and zones < launch.zones:
        return _excuse("offer_few_zones", found=str(zones), wanted=str(launch.zones), **told)
    quota = asked.quota_of(offer)
    if quota is not None and offer.vcpus is not None and (wanted := nodes * offer.vcpus.value) > quota:
        return _excuse("offer_over_quota", asked=f"{wanted:,}", quota=f"{quota:,}", **told)
    return None


def _lacking(market: Market, index: int) -> tuple[str, str] | None:
    """The fact without which nothing can be said of an offer, and whose it is."""
    for one in market.found:
        if not one.known:
            return "offer_node_unknown", one.fact
        if math.isnan(one.middles[index]):
            return "offer_fact_unknown", one.fact
    return None


def _excuse(key: str, **values: str) -> Excuse:
    return Excuse(about=values["offer"], reason=say(key, **values), remedy=say(key + FIX, **values))


def _alternatives(best: Weighed, others: Sequence[Weighed]) -> list[Weighed]:
    """Two more: first those that take fewer nodes than every cheaper one, then the next cheapest."""
    front, fewest = [], best.nodes
    for one in others:
        if one.nodes < fewest:
            front.append(one)
            fewest = one.nodes
    places = {one.at for one in front}
    wanted = [*front, *(one for one in others if one.at not in places)][:ALTERNATIVES]
    return sorted(wanted, key=lambda one: one.rank)


def _outdone(one: Weighed, fits: Sequence[Weighed]) -> Excuse:
    """Why an offer that fits is not among those shown."""
    best = fits[0]
    told = {"offer": one.offer.name, "best": best.offer.name, "nodes": f"{one.nodes:,}"}
    if one.price is None:
        return _excuse("offer_price_unknown", **told)
    told["cost"] = f"{one.cost:,.2f}"
    better = next((two for two in fits if two.cost < one.cost and two.nodes <= one.nodes), None)
    if better is not None:
        return _excuse("offer_dominated", **told | {"best": better.offer.name})
    return _excuse("offer_dearer", share=percent(one.cost / best.cost - 1), **told)


def _in_full(market: Market, one: Weighed, best: Weighed) -> OfferPlan:
    asked, price = market.asked, one.price
    priced = price is not None
    likely, binding, bound = _drawn(market, one)
    return OfferPlan(
        offer=one.offer,
        nodes=one.nodes,
        likely=likely,
        binding=binding,
        price=price,
        usd_per_hour=one.cost if priced else None,
        usd_per_event=one.cost * asked.event_seconds / HOUR if priced and asked.event_seconds else None,
        dearer=one.cost / best.cost - 1 if priced else None,
        more_nodes=one.nodes - best.nodes,
        constraints=tightest_first(_constraints(market, one)),
        bound=bound,
    )


def _drawn(market: Market, one: Weighed) -> tuple[Interval, str, Literal["needed", "at_most"]]:
    """Nodes that nine in ten draws need, the resource that asks for most, and whether that was its limit."""
    if one.at < 0:
        return market.rehearsed.likely, market.rehearsed.binding, market.rehearsed.bound
    steps = headroom(market.asked.launch)
    each = [float(np.median(needs([part], [one.at]))) for part in market.parts]
    whole: Floats = np.sort(folded(steps, np.exp(needs(market.parts, [one.at])[0])))
    tail = (1.0 - COVERAGE) / 2
    low, mid, high = (float(whole[rank_of(share, DRAWS)]) for share in (tail, 0.5, 1.0 - tail))
    samples = market.rehearsed.likely.samples
    likely = Interval(low=low, mid=mid, high=high, coverage=COVERAGE, samples=samples)
    binds = market.found[each.index(max(each))]
    return likely, binds.model, "needed" if binds.saturated else "at_most"


def _constraints(market: Market, one: Weighed) -> Iterator[Constraint]:
    if one.at < 0:
        yield from market.rehearsed.constraints
        return
    for found in market.found:
        if math.isfinite(found.middles[one.at]):
            carried = found.carried(one.at).scale(one.nodes)
            known: Known = "limit" if found.saturated else "at_least"
            yield constraint(found.model, found.unit, found.asked, carried, known)
    ready = min(one.nodes, math.ceil(one.nodes * market.rehearsed.ready))
    yield from provided(market.asked, one.offer, one.nodes, ready)
