"""What is bought in the end: the nodes of a region as at most two shapes, or one shape paid for in two ways."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple, TypeAlias

from advisor.figures import dollars, percent
from advisor.offers.allowance import UNKNOWN, Allowance
from advisor.offers.buying import ORDER, PaidName, Purchase, PurchaseName, QuotaNeed, Shop, Way
from advisor.plans.mixing import Pair
from advisor.texts import Message, say
from loadtests.launch import Launch
from loadtests.region import Frozen

WORTH: Final = 0.02
"""Share that a second shape must save to be worth building, testing and watching it (assumed)."""
PLAIN: Final[frozenset[PurchaseName]] = frozenset({"on_demand", "reservation", "warm_pool"})
"""Ways that need nothing of the account but its quota."""


class Part(Frozen):
    """Nodes of one shape, paid for in one way."""

    offer: str
    purchase: PaidName
    nodes: int
    usd_per_hour: float
    """All of them."""
    vcpus: int | None = None
    """Of a node; None when nobody knows."""
    quota: int | None = None
    """vCPUs that may run of all that counts with them; None when nobody knows."""
    pool: str = ""
    """What that quota is called: parts of one name share it. Empty where it is not known: equal quotas are then one."""


class Mix(Frozen):
    """The cheapest nodes of a region."""

    parts: tuple[Part, ...]
    """One or two, and before each of them what of it is reserved or owned already, at no cost on top."""
    nodes: int
    usd_per_hour: float
    usd_per_event: float | None
    """For as long as the rehearsed event lasts."""
    saves: float
    """Share by which it is cheaper than the best offer alone, on demand; 0 where it is just that, or none fits."""
    reasons: tuple[Message, ...]
    """Why it is as it is: what it costs beside money, and what held the spot instances back."""
    quota: QuotaNeed | None = None
    """vCPUs of the spot instances that setting and headroom let be, beside their own quota; None where there are none,
    or where nobody knows what a node has."""


class Bought(NamedTuple):
    """What is bought, and the ways there are."""

    mix: Mix | None
    """None where the price is not known, or nothing keeps to the quota."""
    ways: tuple[Way, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """The nodes of one offer, the best or one that its quota holds back, not yet paid for."""

    offer: str
    nodes: int
    price: float | None
    """USD per node and hour on demand; None when nobody knows."""
    needed: float
    """Nodes, not yet whole, that carry the peak at the utilisation that is planned for, without any other headroom."""
    later: int
    """Nodes that come during the surge."""
    launch: Launch
    event_hours: float
    place: str = ""
    """The provider's region; empty where there is none."""
    vcpus: int | None = None
    """Of a node; None when nobody knows."""
    spot: Allowance = UNKNOWN
    """vCPUs of spot instances that may run there."""
    steady: Allowance = UNKNOWN
    """The same of other instances."""
    paid: int = 0
    """Nodes that are paid for either way …"""
    owned: int = 0
    """… and of these, those that Reserved Instances cover; the others stand in capacity reservations."""

    def fits(self, nodes: int) -> bool:
        """Whether so many keep to the quota of those that are no spot instances."""
        return not self.steady.short(nodes * (self.vcpus or 0))


NamedPair: TypeAlias = tuple[Pair, str, str]
"""Two shapes, and what they are called."""


def bought(order: Order, shop: Shop | None, pair: NamedPair | None) -> Bought:
    """The ways to pay for an order, and the cheapest mix within the launch's settings and the quotas."""
    buying = {} if shop is None else shop.buying
    spot = _spot(order) if "spot" in buying else 0
    room = min(spot, _room(order))
    unpaid = order.nodes - order.paid
    may = {"spot": min(room, _rows(order, unpaid + order.launch.zones - 1)), "warm_pool": min(order.later, unpaid)}
    ways = tuple(_way(order, name, buying[name], may.get(name, unpaid)) for name in ORDER if name in buying)
    if order.price is None:
        return Bought(None, ways)
    steady: PurchaseName = "savings" if order.launch.buying.savings and "savings" in buying else "on_demand"
    factor = buying[steady].price.value if steady in buying else 1.0
    fits = order.fits(order.nodes)
    wished = min(spot, _setting(order), _rows(order, unpaid + order.launch.zones - 1))
    allowed = min(room, wished)
    full = unpaid * order.price
    reasons = tuple(_why_spot(order, spot, allowed < wished, buying["spot"])) if "spot" in buying else ()
    plans = [_alone(order, order.price, steady, factor)] if fits else []
    counts = {one for one in (allowed, min(allowed, _rows(order, unpaid))) if one and order.fits(order.nodes - one)}
    plans += [_with_spot(order, order.price, steady, factor, buying["spot"], count) for count in counts]
    if pair is not None:
        plans.append(tuple(_two(pair, steady, factor)))
    if not plans:
        return Bought(None, ways)
    parts = min(plans, key=lambda found: (sum(part.usd_per_hour for part in found), len(found)))
    cost = sum(part.usd_per_hour for part in parts)
    taken = sum(part.nodes for part in parts if part.purchase == "spot")
    asked = wished if fits and allowed < wished else taken
    return Bought(
        Mix(
            parts=parts,
            nodes=sum(part.nodes for part in parts),
            usd_per_hour=cost,
            usd_per_event=cost * order.event_hours if order.event_hours else None,
            saves=max(0.0, 1 - cost / full) if full and fits else 0.0,
            reasons=(*_why_parts(_prices(order, pair), parts, fits=fits), *(reasons if fits or taken else ())),
            quota=_quota(order, shop, asked) if shop is not None and asked else None,
        ),
        ways,
    )


def _spot(order: Order) -> int:
    """Nodes that may be spot instances so that the headroom covers their loss: whole rows over all zones.

    What the plan keeps for the loss of a zone, for nodes that fail and for replacements is ``nodes - needed``; what is
    taken back together must be no more. A zone and the spot instances are not taken to go at the same time.
    """
    covered = max(0.0, order.nodes - order.needed) / order.launch.buying.spot_lost
    return _rows(order, min(order.nodes, covered + 1e-9))


def _setting(order: Order) -> int:
    """Nodes that ``launch.buying.spot`` lets be spot instances."""
    return _rows(order, order.launch.buying.spot * order.nodes)


def _room(order: Order) -> int:
    """Nodes that the quota of spot instances lets be; none where it is known but not what a node takes of it."""
    if order.spot.left is None:
        return order.nodes
    return 0 if order.vcpus is None else _rows(order, order.spot.left / order.vcpus)


def _rows(order: Order, nodes: float) -> int:
    """Of so many nodes those that are whole rows over all zones."""
    zones = order.launch.zones
    return int(nodes) // zones * zones


def _quota(order: Order, shop: Shop, nodes: int) -> QuotaNeed | None:
    """VCPUs of so many spot instances beside their quota, with the command that asks for what is missing."""
    if order.vcpus is None or not order.place:
        return None
    return shop.need(order.spot, order.place, nodes * order.vcpus)


def _way(order: Order, name: PurchaseName, facts: Purchase, most: int) -> Way:
    buying, price = order.launch.buying, order.price
    accepted = name in PLAIN or (name == "savings" and buying.savings) or (name == "spot" and buying.spot > 0)
    others = max(0, order.nodes - order.paid - most)
    cost = None if price is None else price * (others + most * facts.price.value)
    kept = facts.price if facts.assured else facts.waiting
    waiting = None if price is None or kept is None else price * most * kept.value
    return Way(
        name=name, facts=facts, most=most, accepted=accepted, usd_per_hour=cost, usd_waiting=waiting, paid=order.paid
    )


def _alone(order: Order, price: float, steady: PurchaseName, factor: float) -> tuple[Part, ...]:
    return tuple(_steadily(_part(order, steady, order.nodes, price * factor), order.paid, order.owned))


def _with_spot(
    order: Order, price: float, steady: PurchaseName, factor: float, spot: Purchase, count: int
) -> tuple[Part, ...]:
    kept = _part(order, steady, order.nodes - count, price * factor)
    return (*_steadily(kept, order.paid, order.owned), _part(order, "spot", count, price * spot.price.value))


def _steadily(part: Part, paid: int, owned: int) -> Iterator[Part]:
    """Nodes that are not taken back: what is reserved already, what is owned, then the others."""
    reserved = min(paid - owned, part.nodes)
    covered = min(owned, part.nodes - reserved)
    if reserved:
        yield part.model_copy(update={"purchase": "reservation", "nodes": reserved, "usd_per_hour": 0.0})
    if covered:
        yield part.model_copy(update={"purchase": "owned", "nodes": covered, "usd_per_hour": 0.0})
    if rest := part.nodes - reserved - covered:
        yield part.model_copy(update={"nodes": rest, "usd_per_hour": part.usd_per_hour / part.nodes * rest})


def _part(order: Order, purchase: PurchaseName, nodes: int, each: float) -> Part:
    allowance = order.spot if purchase == "spot" else order.steady
    return Part(
        offer=order.offer,
        purchase=purchase,
        nodes=nodes,
        usd_per_hour=nodes * each,
        vcpus=order.vcpus,
        quota=allowance.left,
        pool=allowance.pool,
    )


def _two(pair: NamedPair, steady: PurchaseName, factor: float) -> Iterator[Part]:
    found, *names = pair
    pools = [one.pool if found.one.pool and found.other.pool else "" for one in found[:2]]
    for index, (name, nodes, one) in enumerate(zip(names, found.nodes, found[:2], strict=True)):
        part = Part(
            offer=name,
            purchase=steady,
            nodes=nodes,
            usd_per_hour=nodes * one.price * factor,
            vcpus=_whole(one.vcpus),
            quota=_whole(found.quotas[index]),
            pool=pools[index],
        )
        yield from _steadily(part, found.paid[index], found.owned[index])


def _whole(vcpus: float) -> int | None:
    """None for what is without end, as nobody knows it."""
    return int(vcpus) if math.isfinite(vcpus) else None


def _prices(order: Order, pair: NamedPair | None) -> dict[str, float]:
    """USD per node and hour on demand of every shape that may be bought."""
    known = {} if pair is None else {pair[1]: pair[0].one.price, pair[2]: pair[0].other.price}
    return known | {order.offer: order.price or 0.0}


def _why_parts(prices: Mapping[str, float], parts: tuple[Part, ...], *, fits: bool) -> Iterator[Message]:
    for part in parts:
        if part.purchase == "reservation":
            usd = dollars(part.nodes * prices[part.offer])
            yield say("mix_reserved", nodes=f"{part.nodes:,}", offer=part.offer, usd=usd)
        elif part.purchase == "owned":
            yield say("mix_owned", nodes=f"{part.nodes:,}", offer=part.offer)
    if not fits:
        yield from _why_squeezed(parts)
    elif len({part.offer for part in parts}) > 1:
        yield say("mix_two_shapes", worth=percent(WORTH))
    if any(part.purchase == "savings" for part in parts):
        yield say("mix_savings")


def _why_squeezed(parts: tuple[Part, ...]) -> Iterator[Message]:
    """That the first shape does not fit its quota alone and on demand, and what the parts take of their quotas."""
    steady = [part for part in parts if part.purchase != "spot"]
    two = len({part.offer for part in parts}) > 1
    yield say("mix_fits_two") if two else say("mix_fits_spot", offer=parts[0].offer)
    pools: dict[str | int | None, list[Part]] = {}
    for part in steady:
        pools.setdefault(part.pool or part.quota, []).append(part)
    for same in pools.values():
        vcpus, offers = sum(part.nodes * (part.vcpus or 0) for part in same), {part.offer: None for part in same}
        told = {"vcpus": f"{vcpus:,}", "quota": f"{same[0].quota or 0:,}", "pool": same[0].pool or "-"}
        yield say("mix_takes", offers=" + ".join(offers), **told)


def _why_spot(order: Order, covered: int, is_short: bool, facts: Purchase) -> Iterator[Message]:
    """What holds spot instances back: the setting, their quota (``is_short``), what is reserved, or the headroom."""
    wish, nodes = order.launch.buying.spot, order.nodes
    told = {"share": percent(wish), "covered": f"{covered:,}", "lost": percent(order.launch.buying.spot_lost)}
    if not wish:
        yield say("mix_no_spot", **told)
    elif is_short:
        quota = {"code": facts.quota or "?", "region": order.place, "quota": f"{order.spot.quota:,}"}
        rows = {"room": f"{_room(order):,}", "vcpus": f"{order.vcpus or 0:,}", "used": f"{order.spot.beside:,}"}
        if order.vcpus is None:
            yield say("mix_spot_size", **quota)
        elif order.spot.markets:
            shared = {"share": f"{order.spot.left or 0:,}", "markets": ", ".join(order.spot.markets)}
            yield say("mix_spot_share", room=rows["room"], vcpus=rows["vcpus"], **shared, **quota)
        elif order.spot.beside:
            yield say("mix_spot_account", **rows, **quota)
        else:
            yield say("mix_spot_quota", room=rows["room"], vcpus=rows["vcpus"], **quota)
    elif _rows(order, nodes - order.paid) < min(covered, _setting(order)):
        yield say("mix_spot_paid", paid=f"{order.paid:,}")
    elif covered < wish * nodes:
        yield say("mix_spot_headroom", **told)
    else:
        yield say("mix_spot_setting", **told)
