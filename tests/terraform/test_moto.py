"""What was advised is made and taken away again by a real AWS provider, against moto's server on this machine.

moto knows no cache policies of CloudFront, so the distribution is only planned with a mock (test_modules.py). It also
makes up an SSH key of a node group and tags of launch templates, so a second plan would not be empty here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import boto3
import pytest
from moto.server import ThreadedMotoServer

from advisor.carrying.terraform import FILE
from tests.terraform.conftest import Advised
from tests.terraform.tool import Terraform, copied, plugins

AT = "ap-southeast-3"
ROLE = "arn:aws:iam::123456789012:role/nodes"


class Account(NamedTuple):
    """An account in moto, with a network and a cluster."""

    endpoint: str
    vpc: str
    subnets: list[str]

    def client(self, service: str) -> Any:
        return boto3.client(
            service,
            region_name=AT,
            endpoint_url=self.endpoint,
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        server.start()
    host, port = server.get_host_and_port()
    account = Account(f"http://{host}:{port}", "", [])
    ec2 = account.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.20.0.0/16")["Vpc"]["VpcId"]
    zones = [one["ZoneName"] for one in ec2.describe_availability_zones()["AvailabilityZones"]]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.20.{number}.0/24", AvailabilityZone=zone)["Subnet"]["SubnetId"]
        for number, zone in enumerate(zones[:3])
    ]
    account.client("eks").create_cluster(
        name="live", roleArn=ROLE, resourcesVpcConfig={"subnetIds": subnets, "securityGroupIds": []}
    )
    yield account._replace(vpc=vpc, subnets=subnets)
    server.stop()


def account_file(account: Account) -> dict[str, Any]:
    return {
        "cluster": {"name": "live", "node_role_arn": ROLE, "subnet_ids": account.subnets},
        "load": {
            "vpc_id": account.vpc,
            "subnet_ids": account.subnets,
            "target": {"cidrs": ["203.0.113.0/24"]},
            "master": {"host": "10.20.0.5", "cidrs": ["10.20.0.5/32"]},
            "bundle": {"bucket": "surgecast-bundles", "key": "surgecast.tar.gz", "sha256": "0" * 64},
        },
    }


@pytest.fixture
def root(account: Account, known: Advised, tmp_path: Path) -> Terraform:
    """A region's root with the variables that the advisor wrote, and the account's own."""
    mirror = plugins()
    live = copied(tmp_path) / "live"
    known.export(live)
    (live / "id" / "terraform.tfvars.json").write_text(json.dumps(account_file(account)), encoding="utf-8")
    run = Terraform(live / "id", mirror, {"AWS_ENDPOINT_URL": account.endpoint})
    run.done("init", "-backend=false")
    return run


@pytest.mark.slow
def test_what_was_advised_is_made_and_taken_away(account: Account, known: Advised, root: Terraform) -> None:
    surge = json.loads((root.folder / FILE).read_text(encoding="utf-8"))["surge"]
    root.done("apply", "-auto-approve")
    outputs = root.outputs()
    scaling = account.client("autoscaling")
    (load,) = scaling.describe_auto_scaling_groups(AutoScalingGroupNames=[outputs["load_generators"]["group"]])[
        "AutoScalingGroups"
    ]
    count = surge["generators"]["machines"]
    assert (load["MinSize"], load["DesiredCapacity"], load["MaxSize"]) == (count, count, count)
    (end,) = scaling.describe_scheduled_actions(AutoScalingGroupName=load["AutoScalingGroupName"])[
        "ScheduledUpdateGroupActions"
    ]
    assert (end["MinSize"], end["MaxSize"], end["DesiredCapacity"]) == (0, 0, 0)
    (rules,) = account.client("ec2").describe_security_groups(
        Filters=[{"Name": "group-name", "Values": [load["AutoScalingGroupName"]]}]
    )["SecurityGroups"]
    assert rules["IpPermissions"] == []
    eks = account.client("eks")
    assert set(outputs["node_groups"]) == set(surge["nodes"])
    most = 0
    for key, nodes in surge["nodes"].items():
        name, each = f"surgecast-{surge['region']}-{surge['scenario']}-{key}", nodes["per_group"]
        names = [name, *(f"{name}-{number}" for number in range(2, -(-nodes["max"] // each) + 1))]
        groups = [eks.describe_nodegroup(clusterName="live", nodegroupName=one)["nodegroup"] for one in names]
        sizes = [one["scalingConfig"] for one in groups]
        whole = {"minSize": nodes["min"], "desiredSize": nodes["desired"], "maxSize": nodes["max"]}
        assert {part: sum(size[part] for size in sizes) for part in whole} == whole
        assert all(size["minSize"] <= size["desiredSize"] <= size["maxSize"] <= each for size in sizes)
        bought = {(*one["instanceTypes"], one["capacityType"]) for one in groups}
        assert bought == {(*nodes["instance_types"], nodes["capacity_type"])}
        moved = [one["resources"]["autoScalingGroups"][0]["name"] for one in groups]
        assert sorted(outputs["node_groups"][key]) == sorted(moved)
        counts: Counter[str] = Counter()
        for one in moved:
            for action in scaling.describe_scheduled_actions(AutoScalingGroupName=one)["ScheduledUpdateGroupActions"]:
                counts[action["ScheduledActionName"].rpartition("-")[2]] += action["DesiredCapacity"]
        assert counts == {"before": nodes["ahead"], "after": nodes["desired"]}
        assert outputs["because"][f"nodes.{key}.max"]["zh"]
        most = max(most, len(groups))
    assert most > 1, "one managed node group cannot hold them"
    root.done("destroy", "-auto-approve")
    assert scaling.describe_auto_scaling_groups()["AutoScalingGroups"] == []
    assert eks.list_nodegroups(clusterName="live")["nodegroups"] == []
    assert account.client("iam").list_roles()["Roles"] == []


@pytest.mark.slow
def test_a_plan_outside_its_limits_is_refused_before_anything_is_asked_of_aws(root: Terraform) -> None:
    data = json.loads((root.folder / FILE).read_text(encoding="utf-8"))
    next(iter(data["surge"]["nodes"].values())).update({"min": 30, "desired": 20, "max": 6000})
    data["surge"]["generators"]["machines"] = 100_000
    (root.folder / FILE).write_text(json.dumps(data), encoding="utf-8")
    made = root("plan", "-no-color")
    assert made.returncode == 1
    told = " ".join(made.stderr.replace("│", " ").split())
    assert "expected a whole number from 0 to 500, found 100000" in told
    assert "size: expected whole numbers from 0 to 5,000" in told
