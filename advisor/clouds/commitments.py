"""Reads what an account has bought for years ahead: Reserved Instances, region by region, and Savings Plans.

Both are a price, not machines: which instances use them is not told, only what was bought. Reserved Instances for other
systems than Linux, or for hardware of one's own, fit no node of ours and are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

from advisor.clouds.aws import HOME, Aws, Refused, action_of
from advisor.clouds.snapshot import Commitment, Owned

ACTIVE: Final = ({"Name": "state", "Values": ["active"]},)
LINUX: Final = frozenset({"Linux/UNIX", "Linux/UNIX (Amazon VPC)"})
"""What DescribeReservedInstances calls it."""
REACHES: Final[Mapping[str, Literal["compute", "family"]]] = {"Compute": "compute", "EC2Instance": "family"}
"""Savings Plans that instances may use; those of databases and of SageMaker are left out."""


def owned(aws: Aws, region: str) -> tuple[Owned, ...]:
    """Active Reserved Instances of a region for Linux on shared hardware. Raises `Refused`."""
    told = aws.one("ec2", region, "describe_reserved_instances", Filters=[*ACTIVE]).get("ReservedInstances") or ()
    found = [
        Owned(
            kind=one["InstanceType"],
            zone="" if one.get("Scope") == "Region" else str(one.get("AvailabilityZone") or "?"),
            count=one["InstanceCount"],
            ends=one["End"],
        )
        for one in told
        if one.get("ProductDescription") in LINUX and one.get("InstanceTenancy", "default") == "default"
    ]
    return tuple(sorted(found, key=lambda one: (one.kind, one.zone, one.ends, one.count)))


def commitments(aws: Aws) -> tuple[Commitment, ...]:
    """Active Savings Plans of the account. Raises `Refused`."""
    found = [_commitment(one) for one in _plans(aws) if one.get("savingsPlanType") in REACHES]
    return tuple(sorted(found, key=lambda one: (one.reach, one.region, one.family, one.ends, one.per_hour)))


def _plans(aws: Aws) -> Iterator[dict[str, Any]]:
    """Page by page: botocore knows no pages of this list."""
    more: dict[str, Any] = {}
    while True:
        page = aws.one("savingsplans", HOME, "describe_savings_plans", states=["active"], **more)
        yield from page.get("savingsPlans") or ()
        if not page.get("nextToken"):
            return
        more = {"nextToken": page["nextToken"]}


def _commitment(told: Mapping[str, Any]) -> Commitment:
    """Raises `Refused` where AWS says what cannot be a plan."""
    try:
        ends = datetime.fromisoformat(str(told["end"]))
        return Commitment(
            reach=REACHES[told["savingsPlanType"]],
            family=str(told.get("ec2InstanceFamily") or ""),
            region=str(told.get("region") or ""),
            per_hour=float(told["commitment"]),
            currency=str(told.get("currency") or "USD"),
            ends=ends if ends.tzinfo else ends.replace(tzinfo=UTC),
        )
    except (KeyError, ValueError) as error:
        action = action_of("savingsplans", "describe_savings_plans")
        raise Refused("failed", action, HOME, f"a plan without a commitment or an end: {error}"[:200]) from error


def is_usual(instance: Mapping[str, Any]) -> bool:
    """Whether an instance is what these are for: on demand, of Linux, on shared hardware."""
    where = instance.get("Placement", {}).get("Tenancy") or "default"
    system = instance.get("PlatformDetails") or instance.get("Platform") or "Linux/UNIX"
    return not instance.get("InstanceLifecycle") and where == "default" and system == "Linux/UNIX"


def spread(instances: Iterable[tuple[Mapping[str, Any], str | None]]) -> dict[str, dict[str, int]]:
    """Instances with their zones, counted by type and zone."""
    found: dict[str, Counter[str]] = {}
    for instance, zone in instances:
        found.setdefault(str(instance.get("InstanceType", "?")), Counter())[zone or ""] += 1
    return {kind: dict(sorted(zones.items())) for kind, zones in sorted(found.items())}
