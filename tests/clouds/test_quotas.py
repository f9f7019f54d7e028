"""Codes of quotas by family, and limits on groups of nodes, with what the account has of them."""

from __future__ import annotations

from typing import Any

import pytest

from advisor.clouds.groups import group_need, in_the_way, told
from advisor.clouds.quotas import class_of, code_of, limits, vcpu_quotas
from advisor.clouds.snapshot import Group, NodeGroup, Place

AT = "ap-southeast-3"


@pytest.mark.parametrize(
    ("kind", "on_demand", "spot"),
    [
        ("a1.large", "L-1216C47A", "L-34B43A08"),
        ("c7gn.4xlarge", "L-1216C47A", "L-34B43A08"),
        ("d3en.xlarge", "L-1216C47A", "L-34B43A08"),
        ("h1.8xlarge", "L-1216C47A", "L-34B43A08"),
        ("im4gn.large", "L-1216C47A", "L-34B43A08"),
        ("is4gen.xlarge", "L-1216C47A", "L-34B43A08"),
        ("m8g.large", "L-1216C47A", "L-34B43A08"),
        ("t4g.small", "L-1216C47A", "L-34B43A08"),
        ("z1d.xlarge", "L-1216C47A", "L-34B43A08"),
        ("g5.xlarge", "L-DB2E81BA", "L-3819A6DF"),
        ("gr6.4xlarge", "L-DB2E81BA", "L-3819A6DF"),
        ("vt1.6xlarge", "L-DB2E81BA", "L-3819A6DF"),
        ("p4d.24xlarge", "L-417A185B", "L-7212CCBC"),
        ("p5en.48xlarge", "L-417A185B", "L-C4BD4855"),
        ("p6-b300.48xlarge", "L-417A185B", ""),
        ("inf2.xlarge", "L-1945791B", "L-B5D1601B"),
        ("trn2u.48xlarge", "L-2C3B7624", "L-6B0D517C"),
        ("x2gd.large", "L-7295265B", "L-E3A00192"),
        ("f2.6xlarge", "L-74FC7D96", "L-88CF9481"),
        ("dl1.24xlarge", "L-6E869C2A", "L-85EED4F7"),
        ("hpc7g.16xlarge", "L-F7808C92", ""),
        ("u-6tb1.metal", "L-43DA4232", ""),
        ("u7in-32tb.224xlarge", "L-43DA4232", ""),
        ("mac2-m2.metal", "", ""),
        ("节点", "", ""),
        ("", "", ""),
    ],
)
def test_each_family_has_the_codes_of_its_own_quotas(kind: str, on_demand: str, spot: str) -> None:
    assert (code_of(kind), code_of(kind, spot=True)) == (on_demand, spot)


def test_every_type_that_moto_knows_has_a_code_but_those_on_hosts_alone() -> None:
    types = pytest.importorskip("moto.ec2.models.instance_types").INSTANCE_TYPES
    assert {class_of(name) for name in types if not code_of(name)} == {"mac"}


def test_facts_have_their_source() -> None:
    found = limits()
    usual = (found.nodes_per_group.usual, found.groups_per_cluster.usual, found.scaling_groups.usual)
    assert all("guide" in source for source in (vcpu_quotas().source, *(fact.source for fact in usual)))
    assert all((vcpu_quotas().as_of, *(fact.as_of for fact in usual)))
    assert (found.nodes_per_group.usual.value, found.groups_per_cluster.usual.value) == (450, 30)
    assert found.scaling_groups.usual.value == 500


def place(groups: int = 0, kind: str = "m7g.large", **fields: Any) -> Place:
    made = [
        NodeGroup(
            cluster="live",
            name=f"n{number}",
            status="ACTIVE",
            minimum=0,
            desired=0,
            maximum=9,
            kinds=(kind,),
            buying="ON_DEMAND",
        )
        for number in range(groups)
    ]
    return Place(region=AT, node_groups=tuple(made), **fields)


@pytest.mark.parametrize(
    ("nodes", "quotas", "groups", "keys"),
    [
        (450, {}, 1, []),
        (451, {}, 2, ["groups_needed_usual"]),
        (451, {"L-BD136A63": 1000}, 1, []),
        (451, {"L-BD136A63": 100}, 5, ["groups_needed_account"]),
        (5000, {"L-BD136A63": 100, "L-6D54EA21": 40}, 50, ["groups_needed_account", "groups_over"]),
        (0, {}, 0, []),
    ],
)
def test_nodes_that_one_group_cannot_hold_take_several(
    nodes: int, quotas: dict[str, int], groups: int, keys: list[str]
) -> None:
    need = group_need(nodes, place(quotas=quotas))
    assert need.groups == groups
    said = list(told(need, AT))
    assert [one.key for one in said] == keys
    if "groups_over" in keys:
        assert "--service-code eks --quota-code L-6D54EA21 --region ap-southeast-3 --desired-value 50" in said[-1].text
    assert group_need(nodes, None).source == "usual"


def test_groups_that_are_there_already_leave_less_room() -> None:
    need = group_need(900, None)
    assert list(in_the_way([("c7g.4xlarge", False, need)], place(28))) == []
    (said,) = in_the_way([("c7g.4xlarge", False, need)], place(29))
    assert (said.key, said.values["count"]) == ("groups_cluster_full", "29")
    assert "--desired-value 31" in said.text
    assert list(in_the_way([("m7g.large", False, need)], place(29))) == [], "they hold this type already"
    many = tuple(
        Group(name=f"g{number}", minimum=0, desired=0, maximum=1, in_service={}, zones=()) for number in range(499)
    )
    (said,) = in_the_way([("c7g.4xlarge", False, need)], place(groups=0).model_copy(update={"groups": many}))
    assert said.key == "groups_scaling_full"
    assert "--service-code autoscaling" in said.text
    assert "--desired-value 501" in said.text


def test_groups_of_two_shapes_and_of_spot_add_up() -> None:
    """450 nodes are a group: of three kinds three, and 28 + 3 are one too many; those on demand hold no spot."""
    need = group_need(450, None)
    wanted = [("c7g.4xlarge", False, need), ("c6g.4xlarge", False, need), ("c7g.4xlarge", True, need)]
    (said,) = in_the_way(wanted, place(28))
    assert "--desired-value 31" in said.text
    (said,) = in_the_way(wanted, place(29, kind="c7g.4xlarge"))
    assert "--desired-value 31" in said.text, "the shape is there on demand, and not as spot instances"
