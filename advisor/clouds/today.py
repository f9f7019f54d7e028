"""An account beside an advice: what runs in a region and may run there, and what the plan needs of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from pydantic import Field

from advisor.clouds.committed import Committed, Priced, committed, priced
from advisor.clouds.counted import BUYING, lasting, paid, serving, used_vcpus
from advisor.clouds.groups import group_need, in_the_way
from advisor.clouds.needed import Needs, alone, counted, taken, total
from advisor.clouds.owned import room
from advisor.clouds.quotas import PROVIDER, code_of
from advisor.clouds.snapshot import Account, Delivered, Distribution, Group, NodeGroup, Place
from advisor.measured.measure import Measurement
from advisor.models import Excuse
from advisor.offers.offer import Offer
from advisor.plans.plan import Plan
from advisor.texts import Message, say
from loadtests.region import Frozen

USUAL: Final = "c7g.large"
"""Stands for the standard families where a type is not known."""


class Grown(Frozen):
    """A group of instances as it is set today."""

    name: str
    """Of a managed node group ``cluster/name``."""
    kinds: tuple[str, ...]
    minimum: int
    desired: int
    maximum: int
    warm: int | None
    """Least instances of its warm pool; None where it has none."""
    buying: str = ""
    """``ON_DEMAND`` or ``SPOT``, as EKS calls them; empty where it is no managed node group."""


class QuotaToday(Frozen):
    """A quota of vCPUs that the nodes of a region count against."""

    code: str
    """Empty where none is known."""
    spot: bool
    """Whether it is that of spot instances."""
    kinds: tuple[str, ...]
    """Types of the region's nodes that count against it; empty where nobody knows."""
    quota: int | None
    """vCPUs; None where it could not be read."""
    used: int | None
    """vCPUs that count against it: what runs, and what is reserved and free."""
    own: int
    """vCPUs among those used that are of the plan's nodes, over all regions that share it."""
    left: int | None
    """For the plan: the quota without what is used, but for ``own``."""
    needed: int | None
    """vCPUs that this region's nodes take; None where that is not known."""
    together_vcpus: int | None
    """The same of all regions of the advice that are this place and count against it."""
    together: tuple[str, ...]
    """These regions."""
    ask: int | None
    """The quota to ask for: what is used by others and what is needed; None where it is enough, or nobody knows."""


class AccountToday(Frozen):
    """One region of the advice in the account. Counts are of the provider's whole region, whoever uses them."""

    place: str
    """As AWS calls it."""
    kind: str
    """The instance type that is advised, most of them, or that was rehearsed; empty where it is not known."""
    needed_nodes: int | None
    """Of this type, spot instances left out; None where no nodes can be named."""
    needed_vcpus: int | None
    """Of what counts against the type's own quota; None where the vCPUs of a node are not known."""
    together_vcpus: int | None
    """Of all regions of the advice that are this place and count against the same quota."""
    together: tuple[str, ...]
    """These regions."""
    running: dict[str, int] | None
    """On-demand instances by type; None where they could not be read."""
    spot: dict[str, int] | None
    reserved: int | None
    """Of this type, with room reserved to the end of the event and not used; None where reservations are not known."""
    quota: int | None
    """vCPUs of the type's own families; None where it could not be read."""
    used: int | None
    """vCPUs that count against it: what runs on demand, and what is reserved and free."""
    left: int | None
    """For the plan: the quota without what is used, but for ``own``."""
    ask: int | None
    """The quota to ask for: what is used by others and what is needed; None where it is enough, or nobody knows."""
    spot_quota: int | None
    groups: tuple[Grown, ...]
    findings: tuple[Message, ...]
    code: str = ""
    """Of the quota; empty where the type has none that is known."""
    own: int = 0
    """vCPUs among those used that are the plan's: nodes that serve today, reservations that its nodes take up."""
    serving: int = 0
    """Nodes of this type that managed node groups have in service."""
    needed: dict[str, int] = Field(default_factory=dict)
    """Nodes to buy that are no spot instances, by type; empty where nobody knows."""
    needed_spot: dict[str, int] = Field(default_factory=dict)
    quotas: tuple[QuotaToday, ...] = ()
    """Every quota that nodes to buy count against: that of the type first, then of other families, then of spot."""
    committed: Committed = Committed()
    """Reserved Instances and Savings Plans that may serve the event."""


class Served(Frozen):
    """A distribution that serves the target, and what was counted of it."""

    distribution: Distribution
    delivered: Delivered | None


class AccountLooked(Frozen):
    """The account that was read."""

    account: str
    arn: str
    at: str
    places: tuple[str, ...]
    hosts: tuple[str, ...]
    served: tuple[Served, ...] | None
    """None where distributions could not be read."""
    our_requests: float
    """Of the runs themselves."""
    our_bytes: float
    """Bodies and headers."""
    our_hit_ratio: float | None
    """Of the responses that said how a cache did; None where none did."""
    excuses: tuple[Excuse, ...]


def needs(plan: Plan | Excuse, node: Offer, places: Mapping[str, str], ends: datetime | None) -> Needs | None:
    """Of the mix that AWS sells, else of the best offer, if need be with a higher quota, else of the node rehearsed.

    None where AWS has no region.
    """
    if PROVIDER not in places:
        return None
    place = places[PROVIDER]
    if not isinstance(plan, Plan):
        return alone(place, node, None)
    parts = taken(plan.offers)
    if not parts:
        return alone(place, node, plan.nodes, plan.zones, ends)
    steady = Counter[str]()
    for part in parts:
        steady[part.kind] += 0 if part.spot else part.nodes or 0
    return Needs(place, max(steady, key=lambda kind: steady[kind]), parts, plan.zones, ends)


def account_today(
    account: Account, code: str, wanted: Mapping[str, Needs], bought: Sequence[Priced] = ()
) -> AccountToday | None:
    """Of one region; None where its place was not read. ``bought`` is what Savings Plans could cover."""
    place = account.place(wanted[code].place) if code in wanted else None
    if place is None:
        return None
    own = wanted[code]
    kind = own.kind
    there = {name: one for name, one in wanted.items() if one.place == own.place}
    quotas = tuple(_quota(place, own, there, quota, spot=spot) for quota, spot in own.quotas)
    main = quotas[0]
    found = AccountToday(
        place=place.region,
        kind=kind,
        needed_nodes=own.nodes,
        needed_vcpus=main.needed,
        together_vcpus=main.together_vcpus,
        together=main.together,
        running=place.running,
        spot=place.spot,
        reserved=None if place.reservations is None else _free(place, kind, own.ends),
        quota=main.quota,
        used=main.used,
        left=main.left,
        ask=main.ask,
        spot_quota=place.quotas.get(code_of(kind or USUAL, spot=True)),
        needed=own.kinds,
        needed_spot=own.spot,
        quotas=quotas,
        groups=tuple(_grown(place)),
        findings=(),
        committed=committed(account, place, own, bought, len(there)),
        code=main.code,
        own=main.own,
        serving=serving(place, kind) if kind else 0,
    )
    return found.model_copy(update={"findings": tuple(_findings(found, place, own.ends))})


def _free(place: Place, kind: str, ends: datetime | None) -> int:
    """Instances of a type for which room is reserved to the end of the event and not used."""
    return sum(one.free for one in lasting(place, kind, ends)) + room(place, kind, ends)


def _quota(place: Place, own: Needs, there: Mapping[str, Needs], code: str, *, spot: bool) -> QuotaToday:
    """One quota, with what all regions of that place need of it."""
    shares = {name: one for name, one in there.items() if (code, spot) in one.quotas}
    mine = own.of(code, spot=spot)
    together = total(part.vcpus for one in shares.values() for part in one.of(code, spot=spot))
    quota, used = place.quotas.get(code), used_vcpus(place, code, spot=spot) if code else None
    counts = min(used or 0, _own(place, shares.values(), code, spot=spot))
    left = None if quota is None or used is None else max(0, quota - used + counts)
    # What counts already needs no more of it, even where an account is above its quota.
    asks = together is not None and left is not None and together > max(left, counts)
    return QuotaToday(
        code=code,
        spot=spot,
        kinds=tuple(counted(mine)),
        quota=quota,
        used=used,
        own=counts,
        left=left,
        needed=total(part.vcpus for part in mine),
        together_vcpus=together,
        together=tuple(sorted(shares)),
        ask=(used or 0) - counts + (together or 0) if asks else None,
    )


def _own(place: Place, sharing: Collection[Needs], code: str, *, spot: bool) -> int:
    """VCPUs that count already and are of the plans' own nodes, over all regions that share a quota."""
    first = next(iter(sharing))
    kinds = counted(part for one in sharing for part in one.of(code, spot=spot))
    return sum(
        min(nodes, serving(place, kind, spot=spot) + (0 if spot else paid(place, kind, nodes, first.zones, first.ends)))
        * place.vcpus.get(kind, 0)
        for kind, nodes in kinds.items()
    )


def _grown(place: Place) -> Iterator[Grown]:
    """Managed node groups, then the Auto Scaling groups that are behind none of them."""
    scaled = {one.name: one for one in place.groups or ()}
    for one in place.node_groups or ():
        behind = [scaled[name] for name in one.groups if name in scaled]
        kinds = one.kinds or tuple(sorted({kind for group in behind for kind in group.in_service}))
        warm = next((group.warm.minimum for group in behind if group.warm), None)
        yield _line(f"{one.cluster}/{one.name}", one, kinds, warm)
    known = {name for one in place.node_groups or () for name in one.groups}
    for group in place.groups or ():
        if group.name not in known:
            yield _line(group.name, group, tuple(group.in_service), group.warm.minimum if group.warm else None)


def _line(name: str, sizes: Group | NodeGroup, kinds: tuple[str, ...], warm: int | None) -> Grown:
    return Grown(
        name=name,
        kinds=kinds,
        minimum=sizes.minimum,
        desired=sizes.desired,
        maximum=sizes.maximum,
        warm=warm,
        buying=sizes.buying if isinstance(sizes, NodeGroup) else "",
    )


def _findings(found: AccountToday, place: Place, ends: datetime | None) -> Iterator[Message]:
    where = {"place": found.place, "kind": found.kind}
    if found.needed_nodes is not None and found.needed_vcpus is None:
        yield say("account_node_unknown", place=found.place)
    for one in found.quotas:
        yield from _short(one, found)
    if (most := max(len(one.together) for one in found.quotas)) > 1:
        yield say("account_together", place=found.place, count=str(most))
    wanted = [(kind, count, False) for kind, count in found.needed.items()]
    wanted = [one for one in (*wanted, *((kind, count, True) for kind, count in found.needed_spot.items())) if one[1]]
    if place.groups is not None and place.node_groups is not None:
        for kind, nodes, spot in wanted:
            yield from _room(found, kind, nodes, spot=spot)
    yield from in_the_way([(kind, spot, group_need(nodes, place)) for kind, nodes, spot in wanted], place)
    for kind, nodes, spot in wanted:
        if not spot and place.reservations is not None and (free := _free(place, kind, ends)) < nodes:
            told = where | {"kind": kind}
            yield say("account_reserved", free=f"{free:,}", nodes=f"{nodes:,}", **told)


def _short(one: QuotaToday, found: AccountToday) -> Iterator[Message]:
    """What has to be looked up or asked for of a quota."""
    where = {"place": found.place, "code": one.code}
    kind = ", ".join(one.kinds) or (found.kind if not one.spot else "")
    if kind and one.quota is None:
        yield say("account_other_quota", **where | {"code": one.code or "-", "kind": kind})
    if one.ask is not None:
        counts = {"quota": one.quota, "used": one.used, "own": one.own, "needed": one.together_vcpus}
        numbers = {name: f"{count:,}" for name, count in counts.items()}
        yield say("account_ask", ask=str(one.ask), **numbers, **where, kind=kind)


def _room(found: AccountToday, kind: str, nodes: int, *, spot: bool) -> Iterator[Message]:
    """Whether the groups of a type, and of that way to buy, may grow to what is needed."""
    ours = [one for one in found.groups if kind in one.kinds and one.buying in ("", BUYING[spot])]
    most = sum(one.maximum for one in ours)
    told = {"place": found.place, "kind": kind, "nodes": f"{nodes:,}"}
    if not ours:
        yield say("account_no_group_spot" if spot else "account_no_group", **told)
    elif most < nodes:
        names = ", ".join(one.name for one in ours)
        key = "account_group_maximum_spot" if spot else "account_group_maximum"
        yield say(key, names=names, most=f"{most:,}", **told)


def account_looked(account: Account, measurement: Measurement) -> AccountLooked:
    """For the report, with what the runs themselves asked for."""
    counted = {one.distribution: one for one in account.delivered}
    seconds = [second for run in measurement.runs for second in run.whole]
    rows = [row for kinds in measurement.traffic.values() for traffic in kinds.values() for row in traffic.rows]
    told = sum(row.told for row in rows)
    served = account.distributions
    return AccountLooked(
        account=account.account,
        arn=account.arn,
        at=account.read_at.strftime("%Y-%m-%d %H:%M"),
        places=tuple(one.region for one in account.places),
        hosts=account.hosts,
        served=None
        if served is None
        else tuple(Served(distribution=one, delivered=counted.get(one.id)) for one in served),
        our_requests=float(sum(second.served + second.failed for second in seconds)),
        our_bytes=sum(second.wire_bits for second in seconds) / 8,
        our_hit_ratio=sum(row.spared for row in rows) / told if told else None,
        excuses=account.excuses,
    )


def accounts_of(
    account: Account | None,
    found: Sequence[tuple[str, Plan | Excuse, Mapping[str, str]]],
    node: Offer,
    ends: datetime | None,
) -> dict[str, AccountToday]:
    """What the account says of each region of an advice."""
    if account is None:
        return {}
    wanted = {code: one for code, plan, places in found if (one := needs(plan, node, places, ends)) is not None}
    bought = {code: priced(plan) for code, plan, _ in found}
    told = {code: account_today(account, code, wanted, bought[code]) for code in wanted}
    return {code: one for code, one in told.items() if one is not None}
