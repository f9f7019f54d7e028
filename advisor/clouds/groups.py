"""How many managed node groups of EKS a plan takes: a group and a cluster have limits, which an account may raise."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Literal

from advisor.clouds.counted import BUYING
from advisor.clouds.quotas import Limit, limits
from advisor.clouds.snapshot import Place
from advisor.texts import Message, say
from loadtests.region import Frozen


class GroupNeed(Frozen):
    """Managed node groups that so many nodes take."""

    nodes: int
    each: int
    """Nodes that one may have."""
    groups: int
    most: int
    """Groups that a cluster may have."""
    source: Literal["account", "usual"]
    """Whether ``each`` is the account's own, or AWS's default."""


def group_need(nodes: int, place: Place | None) -> GroupNeed:
    """Of so many nodes; limits are the account's where they were read."""
    own = {} if place is None else place.quotas
    each = limits().nodes_per_group
    most = _holds(limits().groups_per_cluster, place)
    size = max(1, _holds(each, place))
    source: Literal["account", "usual"] = "account" if each.code in own else "usual"
    return GroupNeed(nodes=nodes, each=size, groups=-(-nodes // size), most=most, source=source)


def _holds(limit: Limit, place: Place | None) -> int:
    return (place.quotas if place else {}).get(limit.code, limit.usual.value)


def told(need: GroupNeed, region: str) -> Iterator[Message]:
    """Nothing where one group is enough."""
    if need.groups <= 1:
        return
    values = {"nodes": f"{need.nodes:,}", "each": f"{need.each:,}", "groups": f"{need.groups:,}"}
    yield say(f"groups_needed_{need.source}", **values)
    if need.groups > need.most:
        command = limits().groups_per_cluster.command(region, need.groups)
        yield say("groups_over", most=f"{need.most:,}", command=command, **values)


def in_the_way(needs: Sequence[tuple[str, bool, GroupNeed]], place: Place) -> Iterator[Message]:
    """Groups that are there already, where they leave too little room for those that the plan takes beside them.

    Needs are of types on demand, or where it is so said of spot instances, which take groups of their own.
    """
    there = place.node_groups or ()
    more = 0
    for kind, spot, need in needs:
        held = sum(kind in one.kinds and one.buying in ("", BUYING[spot]) for one in there)
        more += max(0, need.groups - held)
    if not more:
        return
    largest = _holds(limits().groups_per_cluster, place)
    scaling, cluster = limits().scaling_groups, limits().groups_per_cluster
    for name, count in sorted(Counter(one.cluster for one in there).items()):
        if count + more > largest:
            wanted = {"groups": f"{more:,}", "command": cluster.command(place.region, count + more)}
            yield say("groups_cluster_full", cluster=name, count=f"{count:,}", most=f"{largest:,}", **wanted)
    most, count = _holds(scaling, place), len(place.groups or ())
    if count + more > most:
        wanted = {"groups": f"{more:,}", "command": scaling.command(place.region, count + more)}
        yield say("groups_scaling_full", place=place.region, count=f"{count:,}", most=f"{most:,}", **wanted)
