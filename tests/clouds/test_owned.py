"""Reserved Instances and Savings Plans are read; what they cover is what other instances leave of them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from advisor.clouds.aws import Aws, login
from advisor.clouds.commitments import is_usual
from advisor.clouds.owned import cover, reach_of, room, units_of
from advisor.clouds.reading import read_account
from advisor.clouds.snapshot import Commitment, Owned, Place
from tests.clouds import town
from tests.clouds.answers import answering, owned, refusing, savings_plans
from tests.clouds.test_account import ANSWERS, NOW
from tests.clouds.test_allowed import ENDS, place, reserved, serving
from tests.clouds.town import HOST, PLACE

LATER = ENDS + timedelta(days=90)
ZONES = tuple(f"{PLACE}{letter}" for letter in "abc")
COMPUTE = {"savingsPlanType": "Compute", "commitment": "10.0", "end": "2027-03-01T00:00:00.000Z"}
FAMILY = COMPUTE | {"savingsPlanType": "EC2Instance", "ec2InstanceFamily": "c7g", "region": PLACE, "commitment": "2.5"}


def ri(kind: str, count: int, zone: str = "", ends: datetime = LATER) -> Owned:
    return Owned(kind=kind, zone=zone, count=count, ends=ends)


def holding(*bought: Owned, runs: dict[str, dict[str, int]] | None = None, **fields: Any) -> Place:
    """A place with these, where so many run by type and zone."""
    spread = runs or {}
    running = {kind: sum(zones.values()) for kind, zones in spread.items()}
    return place(**{"owned": bought, "spread": spread, "running": running, **fields})


def ours(*nodes: int, kind: str = "c7g.4xlarge") -> dict[str, Any]:
    """A managed node group with so many in each zone, which run."""
    zones = dict(zip(ZONES, nodes, strict=False))
    found = serving(sum(nodes), kind)
    (group,) = found["groups"]
    return found | {"groups": (group.model_copy(update={"spread": {kind: zones}}),), "runs": {kind: zones}}


# What is read


@pytest.fixture
def aws() -> Iterator[Aws]:
    with mock_aws():
        yield login()


def test_what_is_owned_is_read_by_type_zone_and_end(aws: Aws) -> None:
    told = {"ec2:DescribeReservedInstances": owned(("c7g.large", "", 8, LATER), ("c7g.4xlarge", ZONES[0], 3, ENDS))}
    answering(aws, ANSWERS | told | {"savingsplans:DescribeSavingsPlans": savings_plans(FAMILY, COMPUTE, page=1)})
    account = read_account(aws, (PLACE, "sa-east-1"), (HOST,), (), NOW)
    found = account.place(PLACE)
    assert found is not None
    assert found.owned == (ri("c7g.4xlarge", 3, ZONES[0], ENDS), ri("c7g.large", 8))
    ends = datetime(2027, 3, 1, tzinfo=UTC)
    assert account.commitments == (
        Commitment(reach="compute", per_hour=10.0, ends=ends),
        Commitment(reach="family", family="c7g", region=PLACE, per_hour=2.5, ends=ends),
    )
    assert account.excuses == ()


@pytest.mark.parametrize(
    "fields",
    [
        {"ProductDescription": "Windows"},
        {"ProductDescription": "Red Hat Enterprise Linux"},
        {"InstanceTenancy": "dedicated"},
    ],
)
def test_what_fits_no_node_of_ours_is_left_out(aws: Aws, fields: dict[str, str]) -> None:
    other = owned(("c7g.large", "", 8, LATER), **fields)
    plans = savings_plans({"savingsPlanType": "SageMaker", "commitment": "5", "end": "2027-03-01T00:00:00.000Z"})
    answering(aws, ANSWERS | {"ec2:DescribeReservedInstances": other, "savingsplans:DescribeSavingsPlans": plans})
    account = read_account(aws, (PLACE,), (HOST,), (), NOW)
    assert (account.places[0].owned, account.commitments) == ((), ())


def test_instances_that_they_apply_to_are_counted_by_zone(aws: Aws) -> None:
    """Of Linux, on demand: the first image of moto is one of Windows."""
    ec2 = boto3.client("ec2", PLACE)
    linux = next(one["ImageId"] for one in ec2.describe_images()["Images"] if one.get("Platform") != "windows")
    for zone, count in ((ZONES[0], 2), (ZONES[2], 1)):
        where = {"AvailabilityZone": zone}
        ec2.run_instances(ImageId=linux, MinCount=count, MaxCount=count, InstanceType="c7g.large", Placement=where)
    town.instances(count=3)
    town.instances(count=2, spot=True)
    town.group("edge")
    answering(aws, ANSWERS)
    (found,) = read_account(aws, (PLACE,), (HOST,), (), NOW).places
    assert found.running == {"c7g.4xlarge": 5, "c7g.large": 3}
    assert found.spread == {"c7g.large": {ZONES[0]: 2, ZONES[2]: 1}}
    (group,) = found.groups or ()
    assert {kind: sum(zones.values()) for kind, zones in group.spread.items()} == group.in_service


@pytest.mark.parametrize(
    ("instance", "fits"),
    [
        ({"PlatformDetails": "Linux/UNIX", "Placement": {"Tenancy": "default"}}, True),
        ({}, True),
        ({"PlatformDetails": "Red Hat Enterprise Linux"}, False),
        ({"Platform": "windows"}, False),
        ({"Placement": {"Tenancy": "host"}}, False),
        ({"InstanceLifecycle": "spot"}, False),
        ({"InstanceLifecycle": "capacity-block"}, False),
    ],
)
def test_they_apply_to_linux_on_demand_on_shared_hardware(instance: dict[str, Any], fits: bool) -> None:
    assert is_usual(instance) is fits


@pytest.mark.parametrize("code", ["AccessDeniedException", "ThrottlingException", "InternalServerException"])
def test_savings_plans_that_cannot_be_read_are_said_and_all_else_is_read(aws: Aws, code: str) -> None:
    town.instances()
    answering(aws, ANSWERS | {"savingsplans:DescribeSavingsPlans": refusing(code)})
    account = read_account(aws, (PLACE,), (HOST,), (), NOW)
    assert [one.about for one in account.excuses] == ["savingsplans:DescribeSavingsPlans"]
    assert account.commitments is None
    assert account.places[0].running == {"c7g.4xlarge": 3}


@pytest.mark.parametrize(
    "wrong",
    [
        {"commitment": "much"},
        {"commitment": "-1"},
        {"commitment": "inf"},
        {"commitment": "NaN"},
        {"end": "never"},
        {"end": ""},
    ],
)
def test_a_savings_plan_that_is_none_is_said(aws: Aws, wrong: dict[str, str]) -> None:
    answering(aws, ANSWERS | {"savingsplans:DescribeSavingsPlans": savings_plans(COMPUTE | wrong)})
    account = read_account(aws, (PLACE,), (HOST,), (), NOW)
    assert [(one.about, one.reason.key) for one in account.excuses] == [
        ("savingsplans:DescribeSavingsPlans", "account_failed")
    ]


def test_the_whole_service_out_of_reach_is_no_missing_region(aws: Aws) -> None:
    assert aws.knows("savingsplans", "us-east-1")
    assert not aws.knows("savingsplans", "xx-nowhere-9")
    assert not aws.knows("ec2", "us-nowhere-9")


# What they cover


@pytest.mark.parametrize(
    ("kind", "units"),
    [
        ("t4g.nano", 0.25),
        ("c7g.medium", 2),
        ("c7g.xlarge", 8),
        ("c7g.4xlarge", 32),
        ("u7i.112xlarge", 896),
        ("m7i.metal-24xl", 192),
        ("c5n.metal", 144),
        ("c9x.metal", None),
        ("c7g.huge", None),
        ("c7g", None),
        ("c7g.xxlarge", None),
    ],
)
def test_units_are_those_of_the_guide(kind: str, units: float | None) -> None:
    assert units_of(kind) == units


def test_sizes_are_exchanged_within_a_family_but_for_accelerators() -> None:
    assert reach_of("c7g.large") == reach_of("c7g.4xlarge") != reach_of("c7gn.large")
    assert reach_of("g5.xlarge") != reach_of("g5.2xlarge")


@pytest.mark.parametrize(
    ("bought", "runs", "nodes"),
    [
        ([ri("c7g.4xlarge", 6)], {}, 6),
        ([ri("c7g.large", 16)], {}, 2),  # 16 × 4 units, a node has 32
        ([ri("c7g.large", 15)], {}, 1),
        ([ri("c7g.16xlarge", 1)], {}, 4),
        ([ri("c7g.16xlarge", 1)], {"c7g.2xlarge": {ZONES[0]: 2}}, 3),
        ([ri("c7g.4xlarge", 6)], {"c7g.4xlarge": {ZONES[0]: 4}}, 2),
        ([ri("c7g.4xlarge", 6)], {"c7g.4xlarge": {ZONES[0]: 40}}, 0),
        ([ri("c7g.4xlarge", 6)], {"c6g.4xlarge": {ZONES[0]: 40}}, 6),
        ([ri("c7gn.4xlarge", 6)], {}, 0),
        ([ri("c7g.4xlarge", 60)], {}, 15),
        ([ri("c7g.4xlarge", 6)], {"c7g.metal": {ZONES[0]: 1}}, 0),  # nobody knows its units
        ([ri("c7g.4xlarge", 6, ends=ENDS)], {}, 6),
        ([ri("c7g.4xlarge", 6, ends=ENDS - timedelta(seconds=1))], {}, 0),
        ([ri("c7g.4xlarge", 9, ZONES[0])], {}, 5),  # five nodes stand in a zone
        ([ri("c7g.4xlarge", 2, zone) for zone in ZONES], {}, 6),
        ([ri("c7g.large", 80, ZONES[0])], {}, 0),
        ([ri("c7g.4xlarge", 3, ZONES[0])], {"c7g.4xlarge": {ZONES[0]: 2, ZONES[1]: 7}}, 1),
        ([ri("c7g.4xlarge", 3, ZONES[0]), ri("c7g.4xlarge", 2)], {"c7g.4xlarge": {ZONES[0]: 4}}, 1),
        ([ri("c7g.4xlarge", 3, ZONES[0]), ri("c7g.4xlarge", 2)], {"c7g.4xlarge": {ZONES[1]: 4}}, 3),
    ],
)
def test_nodes_are_covered_by_what_the_others_leave(
    bought: list[Owned], runs: dict[str, dict[str, int]], nodes: int
) -> None:
    """15 nodes of c7g.4xlarge over three zones; of zonal ones each applies before regional ones."""
    found = holding(*bought, runs=runs)
    assert cover(found, "c7g.4xlarge", 3, ENDS).paid(15) == nodes
    assert cover(found, "c7g.4xlarge", 3, None).paid(15) == 0, "nobody knows when the event ends"
    assert cover(found.model_copy(update={"running": None}), "c7g.4xlarge", 3, ENDS).paid(15) == 0
    assert cover(found.model_copy(update={"owned": None}), "c7g.4xlarge", 3, ENDS).paid(15) == 0


def test_an_accelerator_covers_its_own_size() -> None:
    found = holding(ri("g5.xlarge", 8), ri("g5.4xlarge", 3))
    assert [cover(found, kind, 1, ENDS).paid(99) for kind in ("g5.xlarge", "g5.2xlarge", "g5.4xlarge")] == [8, 0, 3]


def test_the_plans_own_nodes_count_once() -> None:
    """Of six that are owned three cover nodes of the plan that serve today: they are no others."""
    assert cover(holding(ri("c7g.4xlarge", 6), **ours(1, 1, 1)), "c7g.4xlarge", 3, ENDS).paid(15) == 6
    busy = ours(1, 1, 1)
    busy["runs"] = busy["runs"] | {"c7g.8xlarge": {ZONES[0]: 1}}
    assert cover(holding(ri("c7g.4xlarge", 6), **busy), "c7g.4xlarge", 3, ENDS).paid(15) == 4
    zonal = holding(*(ri("c7g.4xlarge", 2, zone) for zone in ZONES), **ours(1, 1, 1))
    assert cover(zonal, "c7g.4xlarge", 3, ENDS).paid(15) == 6
    assert room(zonal, "c7g.4xlarge", ENDS) == 3


def test_a_reservation_that_is_free_takes_its_share_and_both_add_up() -> None:
    """AWS gives the discount to free reservations too: four of eight are theirs, and four nodes are covered beside."""
    found = holding(ri("c7g.4xlarge", 8), reservations=reserved(2, 2, 0))
    assert cover(found, "c7g.4xlarge", 3, ENDS).paid(15) == 4 + 4
    both = holding(ri("c7g.4xlarge", 3, ZONES[0]), reservations=reserved(1, 2, 0))
    assert cover(both, "c7g.4xlarge", 3, ENDS).paid(15) == 4 + 2
