"""What an account has bought for years ahead, beside what an event takes of one place.

Reserved Instances are counted in the plan (`advisor.clouds.owned`). How much of a Savings Plan other usage takes, only
AWS's Cost Explorer knows, so no price has it off: here stands what it could cover at most.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from pydantic import Field

from advisor.clouds.needed import Needs
from advisor.clouds.owned import counting, family_of, reach_of
from advisor.clouds.snapshot import Account, Commitment, Owned, Place
from advisor.figures import percent
from advisor.plans.plan import Plan
from advisor.texts import Message, say
from loadtests.region import Frozen

ROUNDING: Final = 1e-9
"""Nodes that a quotient may lack of a whole one by its own error."""


class Committed(Frozen):
    """What is paid for already and may serve the event. Empty where nothing of the kind fits its nodes."""

    owned: tuple[Owned, ...] | None = None
    """Reserved Instances for types of the plan, or sizes of their families; None where they could not be read."""
    others: int = 0
    """Reserved Instances for other types."""
    commitments: tuple[Commitment, ...] | None = None
    """Savings Plans that may apply to the plan's nodes; None where they could not be read."""
    covers: dict[str, int] = Field(default_factory=dict)
    """Nodes to buy that these could cover at most, if nothing else used them, of each type alone; empty where nobody
    knows."""
    notes: tuple[Message, ...] = ()
    """What is to be known of it."""


class Priced(NamedTuple):
    """Nodes to buy of one type, as a Savings Plan would pay for them."""

    kind: str
    nodes: int
    """That nothing else pays for."""
    usd: float
    """Per node and hour, under a Savings Plan as the catalogue takes it."""
    share: float
    """Of the price on demand."""


def priced(plan: object) -> tuple[Priced, ...]:
    """What is bought but for spot instances; nothing where no price is known, on demand or under a Savings Plan."""
    mix = plan.offers.mix if isinstance(plan, Plan) else None
    ways = plan.offers.ways if isinstance(plan, Plan) else ()
    share = next((way.facts.price.value for way in ways if way.name == "savings"), None)
    if mix is None or share is None:
        return ()
    factors = {"on_demand": share, "savings": 1.0}
    bought = [part for part in mix.parts if part.purchase in factors]
    return tuple(
        Priced(part.offer, part.nodes, part.usd_per_hour / part.nodes * factors[part.purchase], share)
        for part in bought
    )


def committed(account: Account, place: Place, needs: Needs, bought: Sequence[Priced], shared: int) -> Committed:
    """Of one region; ``shared`` are the regions of the advice that are this place."""
    kinds = sorted(needs.kinds)
    reaches = {reach_of(kind) for kind in kinds}
    owned = None if place.owned is None else tuple(one for one in place.owned if reach_of(one.kind) in reaches)
    fits = account.commitments and tuple(one for one in account.commitments if _fits(one, place.region, kinds))
    lasting = [one for one in fits or () if needs.ends is not None and one.ends >= needs.ends]
    sold = [one for one in bought if one.kind in kinds]
    each = ((one, [plan for plan in lasting if _fits(plan, place.region, [one.kind])]) for one in sold)
    covers = {one.kind: count for one, plans in each if (count := _covers(plans, one))}
    notes = (
        *_owned_notes(place, owned or (), needs.ends, shared),
        *_plan_notes(fits or (), lasting, needs.ends),
        *_covers_notes(lasting, covers, bought),
    )
    others = sum(one.count for one in place.owned or ()) - sum(one.count for one in owned or ())
    return Committed(owned=owned, others=others, commitments=fits, covers=covers, notes=notes)


def _fits(one: Commitment, region: str, kinds: Iterable[str]) -> bool:
    """Whether instances of some of these types in a region may use it."""
    return one.reach == "compute" or (one.region == region and one.family in {family_of(kind) for kind in kinds})


def _covers(plans: Sequence[Commitment], bought: Priced) -> int:
    """At most; none where a commitment is in another currency, which no price is."""
    if any(one.currency != "USD" for one in plans):
        return 0
    return min(bought.nodes, math.floor(sum(one.per_hour for one in plans) / bought.usd + ROUNDING))


def _owned_notes(place: Place, owned: tuple[Owned, ...], ends: datetime | None, shared: int) -> Iterator[Message]:
    counts = {*counting(place, ends)}
    if short := [one for one in owned if one not in counts]:
        key = "owned_undated" if ends is None else "owned_ends_before"
        yield say(key, count=f"{sum(one.count for one in short):,}", last=_day(max(one.ends for one in short)))
    if len(short) == len(owned):
        return
    yield say("owned_unknown" if place.running is None else "owned_told", place=place.region)
    if shared > 1:
        yield say("owned_shared", count=str(shared), place=place.region)


def _plan_notes(fits: Iterable[Commitment], lasting: list[Commitment], ends: datetime | None) -> Iterator[Message]:
    short = [one for one in fits if one not in lasting]
    if short:
        key = "commitments_undated" if ends is None else "commitments_end_before"
        yield say(key, count=f"{len(short):,}", last=_day(max(one.ends for one in short)))


def _covers_notes(lasting: list[Commitment], covers: Mapping[str, int], bought: Sequence[Priced]) -> Iterator[Message]:
    for one in bought:
        if one.kind in covers:
            price = {"usd": f"US${one.usd:,.4f}", "share": percent(one.share)}
            yield say("commitments_cover", nodes=f"{covers[one.kind]:,}", offer=one.kind, **price)
    if lasting:
        yield say("commitments_look")


def _day(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d}"
