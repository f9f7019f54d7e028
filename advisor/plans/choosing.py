"""What to buy: every offer planned for the same demand, the cheapest that fits, two others, and why not the rest.

All offers are drawn at once (`advisor.plans.transfer`); only those that are shown are worked out in full. The node
rehearsed is one of the offers, and the only one that was measured. Resources that were not the limit bound an offer
too, by what was shown of them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final, Literal

import numpy as np

from advisor.blocks import COVERAGE, Floats
from advisor.clouds.groups import group_need
from advisor.clouds.quotas import PROVIDER
from advisor.cluster.quantities import quantity
from advisor.figures import percent
from advisor.interval import Interval
from advisor.models import Capacity
from advisor.offers.buying import QuotaNeed
from advisor.offers.offer import Offer
from advisor.plans.asked import Asked
from advisor.plans.choice import Choice, OfferPlan
from advisor.plans.constraints import Constraint, Known, constraint, provided, tightest_first
from advisor.plans.drawing import DRAWS
from advisor.plans.headroom import folded, headroom
from advisor.plans.ordering import Squeezed, ordered, squeezed
from advisor.plans.refusals import OVER_QUOTA, Unfit, grouped, over_quota
from advisor.plans.regret import critical_ratio, rank_of
from advisor.plans.transfer import drawn_needs, needed_at, needs, resources
from advisor.plans.weighed import Market, Rehearsed, Weighed
from advisor.texts import say
from loadtests.scaling import Scaling

ALTERNATIVES: Final = 3
"""Beside the best; one of them is a cheaper offer that breaks a rule which could be bent, where there is one."""
HOUR: Final = 3600.0
GIB: Final = 2**30
BENDABLE: Final = (*OVER_QUOTA, "offer_few_zones", "offer_architecture")
"""Reasons that the user can do something about before the event: ask for more, accept fewer, build an image."""


def choose(asked: Asked, limits: Sequence[Capacity], rehearsed: Rehearsed) -> Choice:
    """The best offer, its alternatives, the cheapest mix, and an excuse for each of the others."""
    market = drawn_market(asked, limits, rehearsed)
    every = list(each_weighed(market))
    fits = sorted((one for one, unfit in every if unfit is None), key=lambda one: one.rank)
    bent = [(one, unfit) for one, unfit in every if unfit is not None and unfit.key in BENDABLE]
    refused = [unfit for _, unfit in every if unfit is not None]
    beyond = _beyond(market, bent, fits)
    over = [one for one, unfit in bent if unfit.key in OVER_QUOTA]
    if not fits:
        found = squeezed(market, over)
        shapes = _shapes(market, found, bent) if found else ()
        return Choice(beyond=beyond, mix=found and found.mix, shapes=shapes, refusals=grouped(refused))
    best, *others = fits
    shown = _alternatives(best, others, ALTERNATIVES if beyond is None else ALTERNATIVES - 1)
    places = {one.at for one in shown}
    refused += [_outdone(one, fits) for one in others if one.at not in places]
    bought = ordered(market, fits, over)
    return Choice(
        best=_in_full(market, best, best),
        alternatives=tuple(_in_full(market, one, best) for one in shown),
        beyond=beyond,
        mix=bought.mix,
        ways=bought.ways,
        refusals=grouped(refused),
    )


def _shapes(market: Market, found: Squeezed, bent: Sequence[tuple[Weighed, Unfit]]) -> tuple[OfferPlan, ...]:
    """The shapes of a mix as each would be alone, with the quota that it breaks then; that with most nodes first."""
    why = {one.at: unfit for one, unfit in bent}
    return tuple(
        _in_full(market, one, one).model_copy(update={"but": say(why[one.at].key, **why[one.at].values)})
        for one in found.shapes
    )


def each_weighed(market: Market) -> Iterator[tuple[Weighed, Unfit | None]]:
    """Every offer, the node rehearsed first, with the reason why it does not fit."""
    asked, rehearsed = market.asked, market.rehearsed
    counts, raws = [rehearsed.nodes, *_whole(market)], [rehearsed.raw * rehearsed.more, *market.raw.tolist()]
    for index, (offer, nodes) in enumerate(zip((asked.node, *asked.offers), counts, strict=True), -1):
        price = offer.price_in(asked.place_of(offer))
        yield (
            Weighed(offer, index, nodes, price, asked.paid(offer, nodes), raws[index + 1]),
            _unfit(market, offer, index, nodes),
        )


def _beyond(market: Market, bent: Sequence[tuple[Weighed, Unfit]], fits: Sequence[Weighed]) -> OfferPlan | None:
    """The cheapest that breaks a rule which could be bent, where that would save anything."""
    if not bent:
        return None
    one, unfit = min(bent, key=lambda pair: pair[0].rank)
    best = fits[0] if fits else one
    if fits and one.cost >= best.cost:
        return None
    return _in_full(market, one, best).model_copy(update={"but": say(unfit.key, **unfit.values)})


def _beside(asked: Asked, limits: Sequence[Capacity]) -> list[Capacity]:
    """Resources that are not planned on: a node carries at least what it has shown of them."""
    planned = {one.model for one in limits}
    known = (one for one in asked.capacities.found if one.model not in planned and one.per_node.low > 0)
    return [one for one in known if asked.demand.of(one.unit)]


def drawn_market(asked: Asked, limits: Sequence[Capacity], rehearsed: Rehearsed) -> Market:
    """All offers of a region, drawn; where that was done before (`Asked.needed`) it is not done again."""
    return _market(asked, limits, rehearsed, _beside(asked, limits))


def _market(asked: Asked, limits: Sequence[Capacity], rehearsed: Rehearsed, beside: Sequence[Capacity] = ()) -> Market:
    found = resources(asked.demand, limits, asked.launch, asked.node, asked.offers, beside, rehearsed.raw)
    parts = tuple(drawn_needs(asked.demand.region, one) for one in found if one.known)
    raw = asked.needed
    if raw is None:
        rank = rank_of(critical_ratio(asked.launch.underprovision_weight), DRAWS)
        is_known = len(parts) == len(found)
        raw = needed_at(parts, rank) * rehearsed.more if is_known else np.full(len(asked.offers), np.nan)
    return Market(asked, rehearsed, found, parts, raw)


def counts(asked: Asked, limits: Sequence[Capacity]) -> list[int]:
    """Nodes of every offer beside the one rehearsed, whether it fits or not; 0 where nobody knows."""
    nothing = Rehearsed(0, Interval.exact(0.0), "", (), 1.0)
    return _whole(_market(asked, limits, nothing))


def _whole(market: Market) -> list[int]:
    """Whole nodes of every offer but the one rehearsed; 0 where what it carries is not known."""
    is_known = np.isfinite(market.raw)
    whole = folded(headroom(market.asked.launch), np.where(is_known, market.raw, 0.0))
    return [int(count) if known else 0 for count, known in zip(whole, is_known, strict=True)]


def _unfit(market: Market, offer: Offer, index: int, nodes: int) -> Unfit | None:
    """Why an offer cannot serve this region; None when it can."""
    asked = market.asked
    place, launch = asked.place_of(offer), asked.launch
    zones = None if offer.zones is None else offer.zones.get(place)
    told = {"offer": offer.name, "place": place or asked.demand.region, "nodes": f"{nodes:,}"}
    if asked.residence is not None and offer.provider and not place:
        return Unfit("offer_residency", {"allowed": ", ".join(asked.residence.allowed), **told})
    if offer.zones is not None and zones is None:
        return Unfit("offer_place_unknown", told)
    if zones == 0:
        return Unfit("offer_not_here", told)
    if index >= 0 and (lack := _lacking(market, index)) is not None:
        key, fact = lack
        return Unfit(key, {"fact": fact, **told})
    if (asks := _too_small(offer, launch.scaling)) is not None:
        return Unfit("offer_too_small", {"asks": asks, "pods": str(launch.scaling.pods_per_node), **told})
    if nodes > launch.most_nodes:
        return Unfit("offer_too_many", {"most": f"{launch.most_nodes:,}", **told})
    if zones is not None and zones < launch.zones:
        return Unfit("offer_few_zones", {"found": str(zones), "wanted": str(launch.zones), **told})
    built = launch.buying.architectures
    if built and offer.arch is not None and offer.arch not in built:
        return Unfit("offer_architecture", {"arch": offer.arch, "built": ", ".join(built), **told})
    allowed, need = asked.allowance(offer, nodes), 0 if offer.vcpus is None else nodes * offer.vcpus.value
    return over_quota(allowed, need, told) if allowed.short(need) else None


def _too_small(offer: Offer, scaling: Scaling) -> str | None:
    """What the pods of a node ask for and the offer does not have; None where they fit, or nobody knows.

    What the system keeps for itself is not known here: pods that ask for a whole node may not fit it.
    """
    if scaling.requests is None:
        return None
    cores, memory = (scaling.pods_per_node * quantity(one) for one in (scaling.requests.cpu, scaling.requests.memory))
    if offer.vcpus is not None and cores > offer.vcpus.value:
        return f"{cores:g} vCPU"
    if offer.memory_gib is not None and memory > offer.memory_gib.value * GIB:
        return f"{memory / GIB:.3g} GiB"
    return None


def _lacking(market: Market, index: int) -> tuple[str, str] | None:
    """The fact without which nothing can be said of an offer, and whose it is."""
    for one in market.found:
        if not one.known:
            return "offer_node_unknown", one.fact
        if math.isnan(one.middles[index]):
            return "offer_fact_unknown", one.fact
    return None


def _alternatives(best: Weighed, others: Sequence[Weighed], count: int) -> list[Weighed]:
    """A few more: first those that take fewer nodes than every cheaper one, then the next cheapest."""
    front, fewest = [], best.nodes
    for one in others:
        if one.nodes < fewest:
            front.append(one)
            fewest = one.nodes
    places = {one.at for one in front}
    wanted = [*front, *(one for one in others if one.at not in places)][:count]
    return sorted(wanted, key=lambda one: one.rank)


def _outdone(one: Weighed, fits: Sequence[Weighed]) -> Unfit:
    """Why an offer that fits is not among those shown."""
    best = fits[0]
    told = {"offer": one.offer.name, "best": best.offer.name, "nodes": f"{one.nodes:,}"}
    if one.price is None:
        return Unfit("offer_price_unknown", told)
    told["cost"] = f"{one.cost:,.2f}"
    better = next((two for two in fits if two.cost < one.cost and two.nodes <= one.nodes), None)
    if better is not None:
        return Unfit("offer_dominated", told | {"best": better.offer.name})
    return Unfit("offer_dearer", {"share": percent(one.dearer(best)), **told})


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
        dearer=one.dearer(best) if priced else None,
        more_nodes=one.nodes - best.nodes,
        constraints=tightest_first(_constraints(market, one)),
        bound=bound,
        quota=_quota(asked, one),
        paid=one.paid,
        serving=min(one.nodes, asked.serving(one.offer)),
        groups=group_need(one.nodes, asked.account) if one.offer.provider == PROVIDER else None,
    )


def _quota(asked: Asked, one: Weighed) -> QuotaNeed | None:
    """VCPUs that the nodes take beside the quota, with the command that asks for what is missing."""
    place, shop = asked.place_of(one.offer), asked.shop_of(one.offer)
    if one.offer.vcpus is None or shop is None or not place or "on_demand" not in shop.buying:
        return None
    return shop.need(asked.allowance(one.offer, one.nodes), place, one.nodes * one.offer.vcpus.value)


def _drawn(market: Market, one: Weighed) -> tuple[Interval, str, Literal["needed", "at_most"]]:
    """Nodes that nine in ten draws need, the resource that asks for most, and whether that was its limit."""
    if one.at < 0:
        return market.rehearsed.likely, market.rehearsed.binding, market.rehearsed.bound
    steps = headroom(market.asked.launch)
    each = [float(np.median(needs([part], [one.at]))) for part in market.parts]
    whole: Floats = np.sort(folded(steps, np.exp(needs(market.parts, [one.at])[0]) * market.rehearsed.more))
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
    ready, lead = market.ready(one.nodes), market.asked.waiting.total
    yield from provided(market.asked, one.offer, one.nodes, ready, lead)
