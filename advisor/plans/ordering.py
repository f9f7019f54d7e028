"""What is ordered of the offers that were weighed: the best in the cheapest way, two shapes, or what a quota leaves.

Where no shape fits its quota on demand, two together may, or one with some of its nodes as spot instances, which have a
quota of their own. The same are looked for beside a best offer, as what it costs must never rise with a quota.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from advisor.offers.offer import Offer
from advisor.plans.bought import WORTH, Bought, Mix, NamedPair, Order, bought
from advisor.plans.drawing import DRAWS, positive
from advisor.plans.headroom import headroom
from advisor.plans.mixing import Candidate, cheapest, wanted
from advisor.plans.regret import critical_ratio, rank_of
from advisor.plans.transfer import Resource
from advisor.plans.weighed import Market, Weighed

HOUR: Final = 3600.0


class Squeezed(NamedTuple):
    """A mix of shapes of which none fits its quota alone and on demand."""

    mix: Mix
    shapes: tuple[Weighed, ...]
    """That with most nodes first."""


def ordered(market: Market, fits: Sequence[Weighed], over: Sequence[Weighed]) -> Bought:
    """How the best may be paid for, and the cheapest mix, which may have shapes that alone are ``over`` their quota."""
    best = fits[0]
    order, shop = _order(market, best), market.asked.shop_of(best.offer)
    if best.price is None:
        return bought(order, shop, None)
    held_back = [one for one in over if one.price is not None and one.offer.provider == best.offer.provider]
    same = [one for one in fits if one.price is not None and one.offer.provider == best.offer.provider]
    pair = _pair(market, [*same, *held_back], best.cost * (1 - WORTH), is_tight=bool(held_back))
    found = bought(order, shop, pair)
    assert found.mix is not None  # the best alone is one
    other = _with_spot(market, held_back, found.mix.usd_per_hour)
    if other is None:
        return found
    saves = 1 - other.mix.usd_per_hour / best.cost
    return found._replace(mix=other.mix.model_copy(update={"saves": saves}))


def squeezed(market: Market, over: Sequence[Weighed]) -> Squeezed | None:
    """The cheapest mix where every shape is over its quota; None where none keeps to the quotas."""
    priced = [one for one in over if one.price is not None]
    best = _with_spot(market, priced, math.inf)
    for provider in dict.fromkeys(one.offer.provider for one in priced):
        same = [one for one in priced if one.offer.provider == provider]
        pair = _pair(market, same, math.inf, is_tight=True)
        if pair is None:
            continue
        counts = dict(zip((pair[0].one.at, pair[0].other.at), pair[0].nodes, strict=True))
        shapes = sorted((one for one in same if one.at in counts), key=lambda one: -counts[one.at])
        found = bought(_order(market, shapes[0]), market.asked.shop_of(shapes[0].offer), pair)
        assert found.mix is not None  # the pair is one
        if best is None or found.mix.usd_per_hour < best.mix.usd_per_hour:
            best = Squeezed(found.mix, tuple(shapes))
    return best


def _with_spot(market: Market, over: Sequence[Weighed], below: float) -> Squeezed | None:
    """The cheapest shape that keeps to its quota because some of its nodes are spot instances."""
    asked, best = market.asked, None
    share = asked.launch.buying.spot
    for one in over if share else ():
        size = 0 if one.offer.vcpus is None else one.offer.vcpus.value
        if one.price is None or asked.allowance(one.offer, one.nodes).short(math.floor(one.nodes * (1 - share)) * size):
            continue
        mix = bought(_order(market, one), asked.shop_of(one.offer), None).mix
        if mix is not None and mix.usd_per_hour < below:
            below, best = mix.usd_per_hour, Squeezed(mix, (one,))
    return best


def _order(market: Market, one: Weighed) -> Order:
    """The nodes of an offer, as all its ways to pay need to know them."""
    asked = market.asked
    return Order(
        offer=one.offer.name,
        nodes=one.nodes,
        price=None if one.price is None else one.price.value,
        needed=one.raw / asked.launch.target_utilisation,
        later=one.nodes - market.ready(one.nodes),
        launch=asked.launch,
        event_hours=asked.event_seconds / HOUR,
        place=asked.place_of(one.offer),
        vcpus=None if one.offer.vcpus is None else one.offer.vcpus.value,
        spot=asked.allowance(one.offer, one.nodes, spot=True),
        steady=asked.allowance(one.offer, one.nodes),
        paid=one.paid,
        owned=one.paid - asked.reserved(one.offer, one.nodes),
    )


def _pair(market: Market, shapes: Sequence[Weighed], below: float, *, is_tight: bool) -> NamedPair | None:
    """The cheapest two shapes; none where nodes were measured not to add up, which no one has measured of two."""
    asked = market.asked
    if asked.capacities.scaling is not None or len(shapes) < 2:
        return None
    rank = rank_of(critical_ratio(asked.launch.underprovision_weight), DRAWS)
    rule = wanted(market.parts, rank, asked.launch, headroom(asked.launch))
    pair = cheapest(rule, [_candidate(market, one) for one in shapes], below, is_tight=is_tight)
    return pair and (pair, _named(market, pair.one.at), _named(market, pair.other.at))


def _named(market: Market, at: int) -> str:
    return (market.asked.node if at < 0 else market.asked.offers[at]).name


def _candidate(market: Market, one: Weighed) -> Candidate:
    assert one.price is not None  # only such offers are candidates
    if one.at < 0:
        middles = [_own(market.asked.node, found) for found in market.found]
        wider = [0.0] * len(middles)
    else:
        middles = [float(found.middles[one.at]) for found in market.found]
        wider = [float(found.wider[one.at]) for found in market.found]
    allowed = market.asked.allowance(one.offer, 0)
    return Candidate(
        at=one.at,
        price=one.price.value,
        vcpus=math.inf if one.offer.vcpus is None else one.offer.vcpus.value,
        quota=math.inf if allowed.quota is None else allowed.quota - allowed.beside - allowed.others,
        pool=allowed.pool,
        catalog=one.offer.catalog,
        middles=np.log(middles),
        wider=np.array(wider),
        alone=one.nodes,
        held=market.asked.held(one.offer),
        cover=market.asked.cover(one.offer),
        serving=market.asked.serving(one.offer),
        used=allowed.beside,
    )


def _own(node: Offer, found: Resource) -> float:
    """What the node rehearsed carries of a resource; its link where only the link bounds it."""
    if not found.is_link:
        return positive(found.per_node)[1]
    return math.inf if node.egress is None else float(node.egress.value)
