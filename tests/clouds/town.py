"""An account in moto: instances, groups with a warm pool, a cluster, a distribution and what it counted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import boto3

PLACE: Final = "ap-southeast-3"
ROLE: Final = "arn:aws:iam::123456789012:role/nodes"
HOST: Final = "live.example.com"


def instances(place: str = PLACE, kind: str = "c7g.4xlarge", count: int = 3, *, spot: bool = False) -> None:
    """Instances that run."""
    ec2 = boto3.client("ec2", place)
    image = ec2.describe_images()["Images"][0]["ImageId"]
    extra: dict[str, Any] = {"InstanceMarketOptions": {"MarketType": "spot"}} if spot else {}
    ec2.run_instances(ImageId=image, MinCount=count, MaxCount=count, InstanceType=kind, **extra)


def group(name: str, place: str = PLACE, kind: str = "c7g.4xlarge", most: int = 9, warm: int | None = None) -> None:
    """An Auto Scaling group of two instances."""
    ec2, scaling = boto3.client("ec2", place), boto3.client("autoscaling", place)
    image = ec2.describe_images()["Images"][0]["ImageId"]
    subnets = ",".join(one["SubnetId"] for one in ec2.describe_subnets()["Subnets"])
    scaling.create_launch_configuration(LaunchConfigurationName=name, ImageId=image, InstanceType=kind)
    sizes = {"MinSize": 1, "MaxSize": most, "DesiredCapacity": 2}
    scaling.create_auto_scaling_group(
        AutoScalingGroupName=name, LaunchConfigurationName=name, VPCZoneIdentifier=subnets, **sizes
    )
    if warm is not None:
        scaling.put_warm_pool(AutoScalingGroupName=name, MinSize=warm, PoolState="Stopped")


def node_group(cluster: str, name: str, place: str = PLACE, kind: str = "c7g.4xlarge", most: int = 6) -> None:
    """A managed node group, in a cluster of its own."""
    eks = boto3.client("eks", place)
    subnets = [one["SubnetId"] for one in boto3.client("ec2", place).describe_subnets()["Subnets"]]
    eks.create_cluster(name=cluster, roleArn=ROLE, resourcesVpcConfig={"subnetIds": subnets})
    eks.create_nodegroup(
        clusterName=cluster,
        nodegroupName=name,
        subnets=subnets,
        nodeRole=ROLE,
        scalingConfig={"minSize": 1, "maxSize": most, "desiredSize": 2},
        instanceTypes=[kind],
        capacityType="ON_DEMAND",
    )


def distribution(*aliases: str, shield: str = "") -> str:
    """A distribution; its id."""
    origin: dict[str, Any] = {"Id": "o", "DomainName": "origin.example.com"}
    origin |= {"CustomOriginConfig": {"HTTPPort": 80, "HTTPSPort": 443, "OriginProtocolPolicy": "https-only"}}
    if shield:
        origin["OriginShield"] = {"Enabled": True, "OriginShieldRegion": shield}
    forwarded = {"QueryString": False, "Cookies": {"Forward": "none"}}
    behaviour = {"TargetOriginId": "o", "ViewerProtocolPolicy": "allow-all", "MinTTL": 0, "ForwardedValues": forwarded}
    made = boto3.client("cloudfront").create_distribution(
        DistributionConfig={
            "CallerReference": "-".join(aliases) or "none",
            "Comment": "",
            "Enabled": True,
            "Aliases": {"Quantity": len(aliases), "Items": list(aliases)},
            "Origins": {"Quantity": 1, "Items": [origin]},
            "DefaultCacheBehavior": behaviour,
        }
    )
    return str(made["Distribution"]["Id"])


def counted(of: str, start: datetime, minutes: Mapping[str, Sequence[float]]) -> None:
    """What CloudWatch has of a distribution, by metric, a value a minute."""
    dimensions = [{"Name": "DistributionId", "Value": of}, {"Name": "Region", "Value": "Global"}]
    data = [
        {"MetricName": name, "Dimensions": dimensions, "Timestamp": start + timedelta(minutes=at), "Value": value}
        for name, values in minutes.items()
        for at, value in enumerate(values)
    ]
    boto3.client("cloudwatch", "us-east-1").put_metric_data(Namespace="AWS/CloudFront", MetricData=data)
