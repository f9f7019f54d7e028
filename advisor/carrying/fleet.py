"""What is carried out for a region: its nodes, group by group, and the pods on them.

A plan counts nodes of the kind rehearsed, and the sweep counts pods on these. What is bought is the cheapest mix, or
the best offer where no price is known: other nodes, of which more or fewer do the same work. Here both counts become
those of what is bought. The report shows them, and manifests and Terraform variables write them; neither reckons.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Final, Literal

from advisor.autoscale.scaling import ScalingAdvice
from advisor.offers.buying import PaidName
from advisor.plans.bought import Part
from advisor.plans.choice import OfferPlan
from advisor.plans.plan import Plan
from loadtests.launch import Launch
from loadtests.region import Frozen

LIKE: Final = 6
"""Decimals to which a count is known before it is rounded up: a quotient must not make a node of its own error."""


class Group(Frozen):
    """Nodes of one shape that are paid for in one way: a NodePool of Karpenter, a node group of Terraform."""

    offer: str
    purchase: PaidName
    capacity: Literal["on-demand", "spot"]
    """As Karpenter and EKS tell them apart; a savings plan is a way to pay for the former."""
    nodes: int
    """At the peak, as planned and as priced."""
    calm: int
    ahead: int
    """Before the rise."""
    most: int
    """What the autoscaler may ask for, within ``launch.scaling.most_nodes`` and the quota."""
    warm: int
    """Stopped ones that are kept beside."""
    vcpus: int | None
    """Of a node; None when nobody knows."""
    usd_per_hour: float | None
    """Of ``nodes``; None when nobody knows."""

    @property
    def planned(self) -> int:
        """Nodes of the plan that may run."""
        return min(self.nodes, self.most)

    @property
    def beyond(self) -> int:
        """Those that may run beside them, should more pods come than were planned for."""
        return self.most - self.planned

    @property
    def key(self) -> str:
        """Its name among the groups, as Kubernetes and Terraform take names."""
        shape = self.offer.replace(".", "-")
        return shape if self.capacity == "on-demand" else f"{shape}-{self.capacity}"


class Pods(Frozen):
    """The settings of pods on these nodes. Amounts are in the unit of the resource that binds."""

    per_pod: float
    """What one is taken to carry, in the mean over all groups."""
    target: float
    minimum: int
    maximum: int
    placeholders: int
    ahead: int | None
    """Asked for before the surge; None when nothing is asked ahead."""
    opens: float | None
    """Seconds before the rise at which they are asked for."""
    spare: int
    """That may leave by choice at once: those of the spare nodes, and one at least."""


class Fleet(Frozen):
    """Nodes and pods of one region, as they are carried out."""

    kind: Literal["rehearsed", "offer", "mix"]
    """Whose nodes: as rehearsed, where nothing was chosen; of one offer; of two shapes or two ways to pay."""
    groups: tuple[Group, ...]
    """None where nothing was chosen; spot instances last."""
    share: float
    """Of what a node rehearsed carries, what one of these does, in the mean: as many as do the same work tell it."""
    nodes: int
    calm: int
    ahead: int
    most: int
    pods_per_node: int
    pods: Pods
    usd_per_hour: float | None
    """Of ``nodes``; None when nobody knows."""
    usd_per_event: float | None
    assumed: str = ""
    """Where the price of a node is from, where that is not its own region's or nobody says it; else empty."""


def fleet_of(plan: Plan, scaling: ScalingAdvice, launch: Launch) -> Fleet:
    """What is carried out of a plan and its autoscaling; with nothing chosen, the kind rehearsed without groups.

    A mix is carried out as it is, whether or not an offer fits alone.
    """
    best, mix, each = plan.offers.best, plan.offers.mix, scaling.pods_per_node
    parts = _alone(best) if mix is None else tuple(_together(mix.parts))
    nodes = sum(part.nodes for part in parts) if parts else max(1, plan.nodes)
    share = max(1, plan.nodes) / nodes if parts else 1.0
    sized = _sized(scaling, share, launch)
    most = _most(parts, max(1, nodes, math.ceil(sized.maximum / each)), launch)
    pods = _walled(sized, most * each)
    calm = min(most, math.ceil(pods.minimum / each))
    ready = math.ceil(round(plan.ready / share, LIKE))
    ahead = min(most, max(calm, ready, math.ceil((pods.ahead or 0) / each)))
    groups = _groups(parts, (calm, ahead, most), launch.scaling.warm_nodes)
    return Fleet(
        kind="rehearsed" if not parts else "mix" if len(parts) > 1 else "offer",
        groups=groups,
        share=share,
        nodes=nodes,
        calm=sum(one.calm for one in groups) if groups else calm,
        ahead=sum(one.ahead for one in groups) if groups else ahead,
        most=most,
        pods_per_node=each,
        pods=pods,
        usd_per_hour=mix.usd_per_hour if mix is not None else None if best is None else best.usd_per_hour,
        usd_per_event=mix.usd_per_event if mix is not None else None if best is None else best.usd_per_event,
        assumed=plan.offers.assumed if parts else "",
    )


def carried_out(scaling: ScalingAdvice, fleet: Fleet) -> ScalingAdvice:
    """The advice for pods as it is carried out: on nodes of the fleet, and not of the kind rehearsed."""
    hours = scaling.advised.node_hours / fleet.share
    pods = fleet.pods.model_dump(exclude={"spare"})
    return scaling.model_copy(update={**pods, "advised": scaling.advised.model_copy(update={"node_hours": hours})})


def _alone(best: OfferPlan | None) -> tuple[Part, ...]:
    """The best offer on demand, where no price is known: without end; nothing where nothing was chosen."""
    if best is None:
        return ()
    row = next((one for one in best.constraints if one.name == "quota"), None)
    vcpus = None if best.offer.vcpus is None else best.offer.vcpus.value
    known = None if row is None or vcpus is None else int(row.carried.mid - row.asked.mid) + best.nodes * vcpus
    return (
        Part(
            offer=best.offer.name,
            purchase="on_demand",
            nodes=best.nodes,
            usd_per_hour=math.inf,
            vcpus=vcpus,
            quota=known,
        ),
    )


def _together(parts: Sequence[Part]) -> Iterator[Part]:
    """Parts that are started alike as one: a reservation is used by whatever instance on demand matches it."""
    for _, same in groupby(parts, key=lambda part: (part.offer, part.purchase == "spot")):
        known = list(same)
        nodes, usd = sum(part.nodes for part in known), sum(part.usd_per_hour for part in known)
        yield known[-1].model_copy(update={"nodes": nodes, "usd_per_hour": usd})


def _sized(scaling: ScalingAdvice, share: float, launch: Launch) -> Pods:
    """Pods that share a node of the fleet, as many on it as on the node rehearsed.

    Each carries as much less as the node does, so there are as many more; more nodes take longer to start.
    """

    def counted(pods: int) -> int:
        return math.ceil(round(pods / share, LIKE))

    def starting(pods: int) -> float:
        return scaling.launches.nodes.seconds(math.ceil(pods / scaling.pods_per_node))

    ahead = None if scaling.ahead is None else counted(scaling.ahead)
    wall = (launch.scaling.most_nodes or 0) * scaling.pods_per_node
    is_walled = 0 < wall <= scaling.maximum  # what stops the pods then is the count of nodes, whatever one carries
    longer = 0.0 if ahead is None else max(0.0, starting(ahead) - starting(scaling.ahead or 0))
    return Pods(
        per_pod=scaling.per_pod * share,
        target=scaling.target * share,
        minimum=counted(scaling.minimum),
        maximum=wall if is_walled else counted(scaling.maximum),
        placeholders=counted(scaling.placeholders),
        ahead=ahead,
        opens=None if scaling.opens is None else scaling.opens + longer,
        spare=max(1, launch.spare_nodes * scaling.pods_per_node),
    )


def _walled(pods: Pods, most: int) -> Pods:
    """No more pods than the nodes that may run hold."""
    names = ("minimum", "maximum", "placeholders", "ahead")
    asked = {name: getattr(pods, name) for name in names}
    return pods.model_copy(update={name: one and min(one, most) for name, one in asked.items()})


def _most(parts: Sequence[Part], wanted: int, launch: Launch) -> int:
    """Nodes that are wanted, within the scenario's wall and the quotas of the groups that they would be spread over."""
    total = min(wanted, launch.scaling.most_nodes or launch.most_nodes)
    return max(1, bisect_right(range(1, total + 1), False, key=lambda count: _is_beyond(parts, count)))


def _is_beyond(parts: Sequence[Part], total: int) -> bool:
    """Whether so many nodes are beyond a quota: spot instances have their own, others the one that they name.

    Where that has no name, equal ones are one and the same (assumed).
    """
    asked, known = Counter[tuple[bool, str | int]](), dict[tuple[bool, str | int], int]()
    for part, nodes in zip(parts, _spread(parts, total), strict=True):
        if part.vcpus is not None and part.quota is not None:
            pool = part.purchase == "spot", part.pool or part.quota
            asked[pool] += nodes * part.vcpus
            known[pool] = min(part.quota, known.get(pool, part.quota))
    return any(vcpus > known[pool] for pool, vcpus in asked.items())


def _spread(parts: Sequence[Part], total: int, *, is_up: bool = False) -> tuple[int, ...]:
    """So many nodes over the parts of a mix: spot instances come last and are never more than planned.

    The others share in the proportion of the plan, so that a node in the mean carries what one of the plan does;
    ``is_up`` rounds each up, for what must stand.
    """
    steady = [part for part in parts if part.purchase != "spot"] or parts
    kept = sum(part.nodes for part in steady)
    late = max(0, min(total, sum(part.nodes for part in parts)) - kept)
    rest, told, counts = total - late, 0, []
    for part in parts:
        if part not in steady:
            counts.append(late)
            continue
        told += part.nodes
        counts.append(math.ceil(rest * part.nodes / kept) if is_up else round(rest * told / kept) - sum(counts))
    return tuple(counts)


def _groups(parts: Sequence[Part], counts: tuple[int, int, int], warm: int) -> tuple[Group, ...]:
    """A group for each part. AWS keeps no warm pool of spot instances."""
    if not parts:
        return ()
    most = _spread(parts, counts[2])
    calm, ahead = (tuple(map(min, _spread(parts, count, is_up=True), most)) for count in counts[:2])
    return tuple(
        Group(
            offer=part.offer,
            purchase=part.purchase,
            capacity="spot" if part.purchase == "spot" else "on-demand",
            nodes=part.nodes,
            calm=calm[index],
            ahead=ahead[index],
            most=most[index],
            warm=warm if index == 0 and part.purchase != "spot" else 0,
            vcpus=part.vcpus,
            usd_per_hour=part.usd_per_hour if math.isfinite(part.usd_per_hour) else None,
        )
        for index, part in enumerate(parts)
    )
