"""One look at an account, region by region: whatever cannot be read is an excuse, and everything else is read.

docs/account.md has the rights that are needed, and nothing more; a test compares them with what is asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, TypeAlias

from advisor.clouds.aws import Aws, Kind, Refused
from advisor.clouds.commitments import commitments, is_usual, owned, spread
from advisor.clouds.distributions import Window, delivered, listed, serving
from advisor.clouds.edge import edge_quotas
from advisor.clouds.excuses import excuse
from advisor.clouds.market import codes_of, read_quotas
from advisor.clouds.quotas import limits
from advisor.clouds.snapshot import Account, Group, NodeGroup, Place, Reservation, WarmPool
from advisor.models import Excuse

HOPELESS: Final[frozenset[Kind]] = frozenset({"closed", "expired", "no_credentials", "unreachable"})
"""What the next question to the same region would be answered with too."""
BATCH: Final = 100
"""Instance types that DescribeInstanceTypes takes at once."""
ACTIVE: Final = ({"Name": "state", "Values": ["active"]},)
RUNNING: Final = ({"Name": "instance-state-name", "Values": ["pending", "running"]},)
"""Only these count against the quota."""

OPEN: Final = {"InstanceMatchCriteria": "open", "InstancePlatform": "Linux/UNIX", "Tenancy": "default"}
"""Reservations in which the plan's nodes would run by themselves."""
USUAL: Final = "c7g.large"
"""Stands for the standard families, whose quotas are read in any case."""

Told: TypeAlias = dict[str, Any]


def read_account(
    aws: Aws,
    regions: Sequence[str],
    hosts: Sequence[str],
    windows: Sequence[Window],
    now: datetime | None = None,
    kinds: Sequence[str] = (),
) -> Account:
    """The snapshot. Where AWS does not know who asks, it holds that excuse alone.

    Beside the quotas of the standard families those of ``kinds`` are read: types that may be bought.
    """
    moment = now or datetime.now(UTC)
    head: Told = {"read_at": moment, "hosts": tuple(sorted(hosts))}
    try:
        who = aws.who()
    except Refused as refused:
        return Account(account="", excuses=(excuse(refused),), **head)
    excuses: list[Excuse] = []
    places = [_place(aws, region, (USUAL, *kinds), excuses) for region in regions]
    found: Told = {}
    try:
        found["commitments"] = commitments(aws)
    except Refused as refused:
        excuses.append(excuse(refused))
    try:
        distributions = listed(aws)
        found |= {"all_distributions": len(distributions), "distributions": serving(distributions, hosts)}
        found["delivered"] = tuple(delivered(aws, found["distributions"], windows, moment))
    except Refused as refused:
        excuses.append(excuse(refused))
    try:
        found["edge"] = edge_quotas(aws)
    except Refused as refused:
        excuses.append(excuse(refused))
    return Account(account=who.account, arn=who.arn, places=tuple(places), excuses=tuple(excuses), **found, **head)


def _place(aws: Aws, region: str, offered: Sequence[str], excuses: list[Excuse]) -> Place:
    found: Told = {}
    for name, read in READ.items():
        try:
            found |= read(aws, region) if name in WHOLE else {name: read(aws, region)}
        except Refused as refused:
            excuses.append(excuse(refused))
            if refused.kind in HOPELESS:
                break
    else:
        found["quotas"] = dict(_quotas(aws, region, offered, excuses))
    kinds = {*(found.get("running") or ()), *(found.get("spot") or ())}
    kinds |= {one.kind for one in found.get("reservations") or ()}
    try:
        found["vcpus"] = _vcpus(aws, region, sorted(kinds))
    except Refused as refused:
        excuses.append(excuse(refused))
    return Place(region=region, **found)


def _instances(aws: Aws, region: str) -> Told:
    """What runs, on demand and on spot."""
    kinds: dict[str, Counter[str]] = {"running": Counter(), "spot": Counter()}
    usual: list[Told] = []
    for one in aws.every("ec2", region, "describe_instances", "Reservations", Filters=[*RUNNING]):
        for instance in one.get("Instances", ()):
            way = "spot" if instance.get("InstanceLifecycle") == "spot" else "running"
            kinds[way][str(instance["InstanceType"])] += 1
            if is_usual(instance):
                usual.append(instance)
    zones = spread((one, one.get("Placement", {}).get("AvailabilityZone")) for one in usual)
    return {way: dict(sorted(found.items())) for way, found in kinds.items()} | {"spread": zones}


def _groups(aws: Aws, region: str) -> tuple[Group, ...]:
    told = aws.every("autoscaling", region, "describe_auto_scaling_groups", "AutoScalingGroups")
    return tuple(sorted((_group(one) for one in told), key=lambda one: one.name))


def _group(told: Told) -> Group:
    serving_now = [one for one in told.get("Instances", ()) if one.get("LifecycleState") == "InService"]
    return Group(
        name=told["AutoScalingGroupName"],
        minimum=told["MinSize"],
        desired=told["DesiredCapacity"],
        maximum=told["MaxSize"],
        in_service=dict(sorted(Counter(str(one.get("InstanceType", "?")) for one in serving_now).items())),
        zones=tuple(sorted(told.get("AvailabilityZones", ()))),
        warm=_warm(told.get("WarmPoolConfiguration")),
        spread=spread((one, one.get("AvailabilityZone")) for one in serving_now),
    )


def _warm(told: Told | None) -> WarmPool | None:
    if not told:
        return None
    most = told.get("MaxGroupPreparedCapacity")
    return WarmPool(
        state=str(told.get("PoolState") or "Stopped"),
        minimum=int(told.get("MinSize") or 0),
        most=None if most is None or most < 0 else int(most),
    )


def _node_groups(aws: Aws, region: str) -> tuple[NodeGroup, ...]:
    return tuple(_every_node_group(aws, region))


def _every_node_group(aws: Aws, region: str) -> Iterator[NodeGroup]:
    for cluster in sorted(aws.every("eks", region, "list_clusters", "clusters")):
        for name in sorted(aws.every("eks", region, "list_nodegroups", "nodegroups", clusterName=cluster)):
            told = aws.one("eks", region, "describe_nodegroup", clusterName=cluster, nodegroupName=name)["nodegroup"]
            sizes = told.get("scalingConfig", {})
            yield NodeGroup(
                cluster=cluster,
                name=name,
                status=str(told.get("status", "")),
                minimum=sizes.get("minSize", 0),
                desired=sizes.get("desiredSize", 0),
                maximum=sizes.get("maxSize", 0),
                kinds=tuple(told.get("instanceTypes") or ()),
                buying=str(told.get("capacityType", "")),
                groups=tuple(one["name"] for one in told.get("resources", {}).get("autoScalingGroups") or ()),
            )


def _reservations(aws: Aws, region: str) -> tuple[Reservation, ...]:
    told = aws.every("ec2", region, "describe_capacity_reservations", "CapacityReservations", Filters=[*ACTIVE])
    found = [
        Reservation(
            kind=one["InstanceType"],
            zone=str(one.get("AvailabilityZone", "")),
            total=one["TotalInstanceCount"],
            free=one["AvailableInstanceCount"],
            is_open=all(one.get(name, usual) == usual for name, usual in OPEN.items()),
            ends=one.get("EndDate"),
        )
        for one in told
    ]
    return tuple(sorted(found, key=lambda one: (one.kind, one.zone, one.total)))


def _quotas(aws: Aws, region: str, kinds: Sequence[str], excuses: list[Excuse]) -> Iterator[tuple[str, int]]:
    """Of families of types, on demand and spot, and of groups; each by its code."""
    pieces = (limits().nodes_per_group, limits().groups_per_cluster, limits().scaling_groups)
    asked = [*((code, "ec2") for code in codes_of(kinds)), *((one.code, one.service) for one in pieces)]
    return read_quotas(aws, region, asked, excuses)


def _vcpus(aws: Aws, region: str, kinds: Sequence[str]) -> dict[str, int]:
    """Of each type, as the quota counts them: the default, whatever an instance was started with."""
    found: dict[str, int] = {}
    for first in range(0, len(kinds), BATCH):
        asked = list(kinds[first : first + BATCH])
        for one in aws.every("ec2", region, "describe_instance_types", "InstanceTypes", InstanceTypes=asked):
            found[str(one["InstanceType"])] = int(one["VCpuInfo"]["DefaultVCpus"])
    return dict(sorted(found.items()))


READ: Final[Mapping[str, Callable[[Aws, str], Any]]] = {
    "instances": _instances,
    "groups": _groups,
    "node_groups": _node_groups,
    "reservations": _reservations,
    "owned": owned,
}
"""What is read of a region, and the field of the snapshot that it fills."""
WHOLE: Final = frozenset({"instances"})
"""Of these: what fills several fields at once."""
