"""An account beside an advice: what runs in a region and may run there, and what the plan needs of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from pydantic import Field

from advisor.clouds.counted import lasting, paid, serving, used_vcpus
from advisor.clouds.groups import group_need, in_the_way
from advisor.clouds.quotas import ON_DEMAND, PROVIDER, code_of
from advisor.clouds.snapshot import Account, Delivered, Distribution, Group, NodeGroup, Place
from advisor.measure import Measurement
from advisor.models import Excuse
from advisor.offer import REHEARSED, Offer
from advisor.plan import Plan
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


class AccountToday(Frozen):
    """One region of the advice in the account. Counts are of the provider's whole region, whoever uses them."""

    place: str
    """As AWS calls it."""
    kind: str
    """The instance type that is advised, most of them, or that was rehearsed; empty where it is not known."""
    needed_nodes: int | None
    """Of this type, spot instances left out; None where no nodes can be named."""
    needed_vcpus: int | None
    """None where the vCPUs of a node are not known."""
    together_vcpus: int | None
    """Of all regions of the advice that are this place and count against the same quota."""
    together: tuple[str, ...]
    """These regions."""
    running: dict[str, int] | None
    """On-demand instances by type; None where they could not be read."""
    spot: dict[str, int] | None
    reserved: int | None
    """Of this type, reserved to the end of the event and not used; None where reservations could not be read."""
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


@dataclass(frozen=True, slots=True)
class Needs:
    """What one region's plan asks of an account."""

    place: str
    kind: str
    """Of the nodes, or of most of them; empty where nobody knows."""
    nodes: int | None
    """Of that kind, spot instances left out."""
    vcpus: int | None
    """Of all nodes that are no spot instances; None where nobody knows."""
    kinds: Mapping[str, int] = field(default_factory=dict)
    """All nodes that are no spot instances, by kind; empty where nobody knows."""
    spot: Mapping[str, int] = field(default_factory=dict)
    zones: int = 1
    ends: datetime | None = None
    """Of the event; None when nobody knows."""

    @property
    def code(self) -> str:
        """Of the quota; that of the standard families where the type is not known."""
        return code_of(self.kind) if self.kind else ON_DEMAND


def needs(plan: Plan | Excuse, node: Offer, places: Mapping[str, str], ends: datetime | None) -> Needs | None:
    """Of the mix that AWS sells, else of the best offer, if need be with a higher quota, else of the node rehearsed.

    None where AWS has no region.
    """
    if PROVIDER not in places:
        return None
    place = places[PROVIDER]
    if not isinstance(plan, Plan):
        return alone(place, node, None)
    best, mix = plan.offers.wished, plan.offers.mix
    if best is None or best.offer.provider != PROVIDER:
        return alone(place, node, plan.nodes, plan.zones, ends)
    if mix is None:
        return alone(place, best.offer, best.nodes, plan.zones, ends)
    steady, kinds = [part for part in mix.parts if part.purchase != "spot"], Counter[str]()
    for part in steady:
        kinds[part.offer] += part.nodes
    kind = max(kinds, key=lambda name: kinds[name], default=best.offer.name)
    sizes = [part.vcpus for part in steady]
    return Needs(
        place=place,
        kind="" if kind == REHEARSED else kind,
        nodes=kinds[kind],
        vcpus=None if None in sizes else sum(part.nodes * (part.vcpus or 0) for part in steady),
        kinds=dict(kinds),
        spot={part.offer: part.nodes for part in mix.parts if part.purchase == "spot"},
        zones=plan.zones,
        ends=ends,
    )


def alone(place: str, node: Offer, nodes: int | None, zones: int = 1, ends: datetime | None = None) -> Needs:
    """So many nodes of one kind."""
    vcpus = None if node.vcpus is None or nodes is None else nodes * node.vcpus.value
    kind = "" if node.name == REHEARSED else node.name
    kinds = {kind: nodes} if kind and nodes is not None else {}
    return Needs(place, kind, nodes, vcpus, kinds, zones=zones, ends=ends)


def account_today(account: Account, code: str, wanted: Mapping[str, Needs]) -> AccountToday | None:
    """Of one region; None where its place was not read."""
    place = account.place(wanted[code].place) if code in wanted else None
    if place is None:
        return None
    own = wanted[code]
    kind = own.kind
    shares = {name: one for name, one in wanted.items() if (one.place, one.code) == (own.place, own.code)}
    sums = [one.vcpus for one in shares.values()]
    together = None if any(one is None for one in sums) else sum(one or 0 for one in sums)
    quota, used = place.quotas.get(own.code), used_vcpus(place, own.code) if own.code else None
    mine = min(used or 0, _own(place, shares.values()))
    left = None if quota is None or used is None else max(0, quota - used + mine)
    asks = together is not None and left is not None and together > left
    free = sum(one.free for one in lasting(place, kind, own.ends))
    found = AccountToday(
        place=place.region,
        kind=kind,
        needed_nodes=own.nodes,
        needed_vcpus=own.vcpus,
        together_vcpus=together,
        together=tuple(sorted(shares)),
        running=place.running,
        spot=place.spot,
        reserved=None if place.reservations is None else free,
        quota=quota,
        used=used,
        left=left,
        ask=(used or 0) - mine + (together or 0) if asks else None,
        spot_quota=place.quotas.get(code_of(kind or USUAL, spot=True)),
        needed=dict(own.kinds),
        needed_spot=dict(own.spot),
        groups=tuple(_grown(place)),
        findings=(),
        code=own.code,
        own=mine,
        serving=serving(place, kind) if kind else 0,
    )
    return found.model_copy(update={"findings": tuple(_findings(found, place))})


def _own(place: Place, sharing: Collection[Needs]) -> int:
    """VCPUs that count already and are of the plans' own nodes, over all regions that share a quota."""
    kinds, first = Counter[str](), next(iter(sharing))
    for one in sharing:
        kinds.update(one.kinds)
    return sum(
        min(nodes, serving(place, kind) + paid(place, kind, nodes, first.zones, first.ends)) * place.vcpus.get(kind, 0)
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
    return Grown(name=name, kinds=kinds, minimum=sizes.minimum, desired=sizes.desired, maximum=sizes.maximum, warm=warm)


def _findings(found: AccountToday, place: Place) -> Iterator[Message]:
    where = {"place": found.place, "kind": found.kind}
    if found.needed_nodes is not None and found.needed_vcpus is None:
        yield say("account_node_unknown", place=found.place)
    if found.kind and found.quota is None:
        yield say("account_other_quota", code=found.code or "-", **where)
    if found.ask is not None:
        counts = {"quota": found.quota, "used": found.used, "own": found.own, "needed": found.together_vcpus}
        numbers = {name: f"{count:,}" for name, count in counts.items()}
        yield say("account_ask", ask=str(found.ask), code=found.code, **numbers, **where)
    if len(found.together) > 1:
        yield say("account_together", place=found.place, count=str(len(found.together)))
    if found.kind and found.needed_nodes and place.groups is not None and place.node_groups is not None:
        yield from _room(found, found.needed_nodes)
    if found.kind and found.needed_nodes:
        yield from in_the_way(group_need(found.needed_nodes, place), found.kind, place)
    if found.kind and found.reserved is not None and found.reserved < (found.needed_nodes or 0):
        yield say("account_reserved", free=f"{found.reserved:,}", nodes=f"{found.needed_nodes:,}", **where)


def _room(found: AccountToday, nodes: int) -> Iterator[Message]:
    """Whether the groups of this type may grow to what is needed."""
    ours = [one for one in found.groups if found.kind in one.kinds]
    most = sum(one.maximum for one in ours)
    told = {"place": found.place, "kind": found.kind, "nodes": f"{nodes:,}"}
    if not ours:
        yield say("account_no_group", **told)
    elif most < nodes:
        yield say("account_group_maximum", names=", ".join(one.name for one in ours), most=f"{most:,}", **told)


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
    told = {code: account_today(account, code, wanted) for code in wanted}
    return {code: one for code, one in told.items() if one is not None}
