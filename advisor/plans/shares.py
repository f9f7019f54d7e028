"""Quotas that markets share, because their nodes stand in one region of a provider, divided among them.

Each market is planned as if it had them alone. Where the plans together take more than is left, or count the same
reservations or nodes in service twice, all of these are divided, and each market is planned again inside its part:

1. Nodes in service and free reservations go to those whose plans have nodes of the type, in proportion.
2. Each market gets one of the offers that fit it, or none, so that all keep to what is left of every quota. Of all such
   choices that one is taken which leaves fewest viewers without nodes, and then costs least (`advisor.plans.parted`).
   Where nothing serves or is reserved, more quota never leaves more viewers without nodes, nor makes best offers
   dearer.
3. What is left then goes to those who would take more if they were alone, in proportion, and at last by viewers.
4. The quota of spot instances goes out in whole rows over the zones.

Markets are taken in the order of their codes, so it does not matter how they are written. What ``launch.quota_vcpus``
says of a market is its own. A market without a plan takes nothing.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TypeAlias

from advisor.clouds.owned import own_nodes, reach_of, units_of
from advisor.clouds.snapshot import Group, Place
from advisor.models import Excuse
from advisor.offers.allowance import Pool, Portion, Share
from advisor.offers.offer import Offer
from advisor.plans.asked import Asked
from advisor.plans.choosing import each_weighed
from advisor.plans.parted import Option, cheapest_first, chosen, filled, in_rows, parted
from advisor.plans.plan import Plan, plan, weighing
from advisor.plans.weighed import Weighed

Vcpus: TypeAlias = dict[Pool, int]
"""Of each quota, beyond what counts against it already."""


@dataclass(frozen=True, slots=True)
class Market:
    """A market and its plan."""

    asked: Asked
    plan: Plan

    @property
    def code(self) -> str:
        """Its region."""
        return self.asked.demand.region

    @property
    def viewers(self) -> Fraction:
        """At the peak."""
        return Fraction(self.asked.demand.viewers.mid)

    @property
    def offers(self) -> tuple[Offer, ...]:
        """All that may be bought."""
        return self.asked.node, *self.asked.offers

    @property
    def places(self) -> frozenset[tuple[str, str]]:
        """Where its nodes may stand, by provider."""
        known = {one.provider for one in self.offers} & self.asked.places.keys()
        return frozenset((name, self.asked.places[name]) for name in known)

    @property
    def best(self) -> Counter[tuple[str, bool]]:
        """Nodes of the best offer by its name, and whether they are spot instances."""
        one = self.plan.offers.best
        return Counter() if one is None else Counter({(one.offer.name, False): one.nodes})

    @property
    def mix(self) -> Counter[tuple[str, bool]]:
        """The same of the mix."""
        found, mix = Counter[tuple[str, bool]](), self.plan.offers.mix
        for part in mix.parts if mix else ():
            found[part.offer, part.purchase == "spot"] += part.nodes
        return found

    @property
    def kinds(self) -> Counter[str]:
        """Nodes of each offer: of the best or of the mix, whichever has more."""
        best, mix = Counter[str](), Counter[str]()
        for counts, nodes in ((best, self.best), (mix, self.mix)):
            for (name, _), count in nodes.items():
                counts[name] += count
        return best | mix

    def taking(self, offer: Offer, nodes: int, *, spot: bool = False) -> tuple[Pool | None, int]:
        """What so many nodes take, and of which quota; None where it is no other's, or not known."""
        if offer.vcpus is None:
            return None, 0
        allowed, bare = (self.asked.allowance(offer, count, spot=spot) for count in (nodes, 0))
        pool = self.asked.pool(offer, allowed, spot=spot)
        return pool, nodes * offer.vcpus.value + allowed.beside - bare.beside

    def all_of(self, nodes: Mapping[tuple[str, bool], int]) -> Counter[Pool]:
        """What nodes of several offers take."""
        known, found = {one.name: one for one in self.offers}, Counter[Pool]()
        for (name, spot), count in nodes.items():
            pool, vcpus = self.taking(known[name], count, spot=spot)
            if pool is not None:
                found[pool] += vcpus
        return found

    @property
    def taken(self) -> Counter[Pool]:
        """By the best offer or by the mix, whichever takes more."""
        return self.all_of(self.best) | self.all_of(self.mix)

    @property
    def wish(self) -> Counter[tuple[str, bool]]:
        """Nodes of the mix, else the best, else what would be it with a higher quota (`advisor.clouds.needed`)."""
        one = self.plan.offers.wished
        return self.mix or (Counter() if one is None else Counter({(one.offer.name, False): one.nodes}))

    @property
    def wished(self) -> Counter[Pool]:
        """What these take."""
        return self.all_of(self.wish)

    def room(self, offer: Offer, *, spot: bool = False) -> tuple[Pool | None, int]:
        """What is left of the quota of an offer for all markets together."""
        allowed = self.asked.allowance(offer, 0, spot=spot)
        return self.asked.pool(offer, allowed, spot=spot), (allowed.left or 0) + allowed.others


def plans_of(questions: Sequence[Asked]) -> tuple[Plan | Excuse, ...]:
    """A plan for each market, or why there is none; together they keep to the quotas that they share."""
    found = {one.demand.region: plan(one) for one in questions}
    asked = {one.demand.region: one for one in questions}
    markets = [Market(asked[code], one) for code, one in sorted(found.items()) if isinstance(one, Plan)]
    for together in _neighbours(markets):
        if _is_over(together) or _counts_twice(together):
            found |= {one.code: one.plan for one in _divided(together)}
    return tuple(found[one.demand.region] for one in questions)


def _neighbours(markets: Sequence[Market]) -> list[list[Market]]:
    """Markets that stand in one region of a provider, or are linked by others that do; none that is alone."""
    groups: list[tuple[frozenset[tuple[str, str]], list[Market]]] = []
    for one in markets:
        linked = [group for group in groups if group[0] & one.places]
        places = one.places.union(*(group[0] for group in linked))
        members = [*(market for group in linked for market in group[1]), one]
        groups = [*(group for group in groups if group not in linked), (places, members)]
    return [sorted(members, key=lambda one: one.code) for _, members in groups if len(members) > 1]


def _is_over(markets: Sequence[Market]) -> bool:
    """Whether plans that were made alone take more of a quota than is left, or would if each were as it wishes."""
    each = [one.taken | one.wished for one in markets]
    rooms = _rooms(markets, {kind for one in markets for kind in (*one.best, *one.mix, *one.wish)})
    shared = (pool for pool in rooms if sum(pool in wanted for wanted in each) > 1)
    return any(sum(wanted[pool] for wanted in each) > rooms[pool] for pool in shared)


def _sum(counts: Iterable[Counter[Pool]]) -> Counter[Pool]:
    return sum(counts, Counter[Pool]())


def _rooms(markets: Sequence[Market], kinds: set[tuple[str, bool]]) -> Vcpus:
    """What is left of every quota of these offers, by the smaller figure where two are told."""
    found: Vcpus = {}
    for one in markets:
        for offer in one.offers:
            for spot in (False, True):
                pool, room = one.room(offer, spot=spot) if (offer.name, spot) in kinds else (None, 0)
                if pool is not None:
                    found[pool] = min(room, found.get(pool, room))
    return found


def _counts_twice(markets: Sequence[Market]) -> bool:
    """Whether markets have the same nodes in service, or the same reservations, for their own."""
    for there in _by_place(markets).values():
        first, kinds = there[0].asked, [one.kinds for one in there]
        for offer in there[0].offers:
            counts = [found[offer.name] for found in kinds if offer.name in found]
            serving = max(first.serving(offer), first.serving(offer, spot=True)) if len(counts) > 1 else 0
            reserved = first.paid(offer, sum(counts))
            is_served_twice = sum(min(count, serving) for count in counts) > min(sum(counts), serving)
            if is_served_twice or sum(first.paid(offer, count) for count in counts) > reserved:
                return True
    return False


def _by_place(markets: Sequence[Market]) -> dict[str, list[Market]]:
    """Markets by the place of the account in which they stand; those without one are left out."""
    found: dict[str, list[Market]] = {}
    for one in markets:
        if one.asked.account is not None:
            found.setdefault(one.asked.account.region, []).append(one)
    return found


@dataclass(frozen=True, slots=True)
class Division:
    """Quotas that are divided among markets."""

    codes: tuple[str, ...]
    """Of the markets."""
    rooms: Vcpus
    """What is left of each for all of them."""
    shares: tuple[Vcpus, ...]
    """What each market may take; one that cannot take of a quota has none of it."""

    def sharing(self, pool: Pool) -> list[int]:
        """Places of the markets that share a quota."""
        return [at for at, share in enumerate(self.shares) if pool in share]

    def others(self, at: int, pool: Pool) -> tuple[str, ...]:
        """With whom a market shares a quota."""
        return tuple(self.codes[other] for other in self.sharing(pool) if other != at)

    def has_spot(self, at: int) -> bool:
        """Whether a quota of spot instances is among those that a market shares."""
        return any(pool.spot for pool in self.shares[at])

    def within(self, at: int, one: Market) -> Market:
        """A market, planned again inside its share."""
        kept = {pool: (self.rooms[pool] - share, self.others(at, pool)) for pool, share in self.shares[at].items()}
        own = None if one.asked.portion is None else one.asked.portion.own
        asked = replace(one.asked, portion=Portion(kept, own))
        found = plan(asked)
        assert isinstance(found, Plan)  # quotas make no plan an excuse
        return Market(asked, found)


def _divided(markets: Sequence[Market]) -> list[Market]:
    """All of them, planned again inside their parts."""
    alone = [one.taken | one.wished for one in markets]
    fitted = [_fitted(one, own) for one, own in zip(markets, _owned(markets), strict=True)]
    division = _steadily([one for one, _ in fitted], alone, [options for _, options in fitted])
    found = [division.within(at, one) for at, (one, _) in enumerate(fitted)]
    wanted = [before | one.taken for before, one in zip(alone, found, strict=True)]
    division = _with_spot(found, division)
    found = [division.within(at, one) if division.has_spot(at) else one for at, one in enumerate(found)]
    return _told(found, division, wanted)


def _fitted(one: Market, own: Place | None) -> tuple[Market, list[Option[Pool]]]:
    """A market with its part of what serves and is reserved, and the offers that fit it then."""
    mine = replace(one, asked=replace(one.asked, portion=Portion({}, own)))
    drawn = weighing(mine.asked, one.plan)
    options = [_option(mine, found) for found, unfit in each_weighed(drawn) if unfit is None]
    return replace(mine, asked=replace(mine.asked, needed=drawn.raw)), cheapest_first(options)


def _option(one: Market, found: Weighed) -> Option[Pool]:
    pool, vcpus = one.taking(found.offer, found.nodes)
    is_priced = math.isfinite(found.cost)
    return Option(pool, vcpus, found.cost if is_priced else 0.0, is_priced, found.nodes)


def _owned(markets: Sequence[Market]) -> list[Place | None]:
    """Each market's part of what serves and is reserved in its place; what nobody takes goes by viewers."""
    found = {one.code: _owned_by(there, at) for there in _by_place(markets).values() for at, one in enumerate(there)}
    return [found.get(one.code) for one in markets]


def _owned_by(there: Sequence[Market], at: int) -> Place | None:
    """Of one of the markets of a place."""
    place, kinds = there[at].asked.account, [one.kinds for one in there]

    def among(count: int, taking: Sequence[int | Fraction]) -> int:
        return parted(count, taking if any(taking) else [one.viewers for one in there])[at]

    def mine(kind: str, count: int) -> int:
        return among(count, [known[kind] for known in kinds])

    def of_reach(kind: str) -> list[Fraction]:
        """What each takes of all that the same Reserved Instances apply to, in normalised units."""
        reach = reach_of(kind)
        alike = [[(units_of(name) or 1, n) for name, n in known.items() if reach_of(name) == reach] for known in kinds]
        return [sum((Fraction(units) * n for units, n in one), Fraction(0)) for one in alike]

    def beside(kind: str, count: int) -> int:
        """Of others' instances rather one too many: they use Reserved Instances first."""
        taking = of_reach(kind)
        weights = taking if any(taking) else [one.viewers for one in there]
        return math.ceil(count * weights[at] / sum(weights))

    def served(group: Group) -> Group:
        spread = {kind: {zone: mine(kind, n) for zone, n in zones.items()} for kind, zones in group.spread.items()}
        counts = {kind: mine(kind, count) for kind, count in group.in_service.items()}
        return group.model_copy(update={"in_service": counts, "spread": spread})

    if place is None:
        return None
    groups = None if place.groups is None else tuple(served(one) for one in place.groups)
    reserved = place.reservations and tuple(
        one.model_copy(update={"free": mine(one.kind, one.free)}) for one in place.reservations
    )
    owned = place.owned and tuple(
        one.model_copy(update={"count": among(one.count, of_reach(one.kind))}) for one in place.owned
    )
    told = place.model_copy(update={"groups": groups})
    spread = {}
    for kind, zones in place.spread.items():
        ours, kept = own_nodes(place, kind), own_nodes(told, kind)
        spread[kind] = {zone: kept[zone] + beside(kind, max(0, n - ours[zone])) for zone, n in zones.items()}
    return told.model_copy(update={"reservations": reserved, "owned": owned, "spread": spread})


def _steadily(
    markets: Sequence[Market], alone: Sequence[Counter[Pool]], options: Sequence[Sequence[Option[Pool]]]
) -> Division:
    """All quotas but those of spot instances: offers that fit together, and what is left by what each would take."""
    each = [_rooms([one], {(offer.name, False) for offer in one.offers}) for one in markets]
    rooms = {pool: min(known[pool] for known in each if pool in known) for one in each for pool in one}
    picks = chosen([one.viewers for one in markets], options, rooms)
    shares: list[Vcpus] = [{} for _ in markets]
    for pool, room in rooms.items():
        base = [pick.taken if pick is not None and pick.pool == pool else 0 for pick in picks]
        sharing = [at for at, known in enumerate(each) if pool in known]
        gaps = [max(0, alone[at][pool] - base[at]) for at in sharing]
        more = filled(room - sum(base), gaps, [markets[at].viewers for at in sharing])
        for at, extra in zip(sharing, more, strict=True):
            shares[at][pool] = base[at] + extra
    return Division(tuple(one.code for one in markets), rooms, tuple(shares))


def _with_spot(markets: Sequence[Market], division: Division) -> Division:
    """With those quotas of spot instances that are not enough for all, in whole rows over the zones."""
    kinds = {kind for one in markets for kind in one.mix if kind[1]}
    wanted, shares, rooms = _sum(one.taken for one in markets), list(division.shares), dict(division.rooms)
    for pool, room in _rooms(markets, kinds).items():
        if wanted[pool] > room:
            steps = [list(_rows(one, pool)) for one in markets]
            rooms[pool] = room
            for at, vcpus in enumerate(in_rows(room, steps)):
                shares[at] = shares[at] | ({pool: vcpus} if steps[at] else {})
    return Division(division.codes, rooms, tuple(shares))


def _rows(one: Market, pool: Pool) -> Iterator[int]:
    """What one row of spot instances over all zones takes, then two, up to those of the mix."""
    known, zones = {offer.name: offer for offer in one.offers}, one.asked.launch.zones
    for (name, spot), nodes in one.mix.items():
        if spot and one.room(known[name], spot=True)[0] == pool:
            for count in range(zones, nodes + 1, zones):
                yield one.taking(known[name], count, spot=True)[1]


def _told(markets: Sequence[Market], division: Division, wanted: Sequence[Counter[Pool]]) -> list[Market]:
    """With what each has of every quota that it takes of, and what is to be asked for all of them together."""
    wished = [one.wished for one in markets]
    found = []
    for at, one in enumerate(markets):
        taken = one.taken
        shares = tuple(
            Share(
                code=pool.name,
                place=pool.place,
                spot=pool.spot,
                markets=division.others(at, pool),
                left=division.rooms[pool],
                wanted=sum(wanted[other][pool] for other in division.sharing(pool)),
                share=share,
                taken=taken[pool],
            )
            for pool, share in division.shares[at].items()
            if wanted[at][pool] or taken[pool]
        )
        beside = _sum(known for other, known in enumerate(wished) if other != at)
        found.append(replace(one, plan=_asking(one, shares, beside)))
    return found


def _asking(one: Market, shares: tuple[Share, ...], beside: Counter[Pool]) -> Plan:
    """What would fit with a higher quota asks for what all of them take of it."""
    choice = one.plan.offers
    beyond = choice.beyond
    if beyond is not None and beyond.quota is not None:
        pool, _ = one.taking(beyond.offer, beyond.nodes)
        shop = one.asked.shop_of(beyond.offer)
        if pool is not None and shop is not None and beyond.quota.markets:
            need = beyond.quota.model_copy(update={"others": beside[pool]})
            need = need.model_copy(update={"command": shop.command(need.code, need.region, need.total)})
            choice = choice.model_copy(update={"beyond": beyond.model_copy(update={"quota": need})})
    return one.plan.model_copy(update={"shares": shares, "offers": choice})
