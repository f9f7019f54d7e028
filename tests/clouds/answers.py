"""What moto does not answer, as small answers with AWS's own fields: prices, quotas, what is reserved, refusals."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from advisor.clouds.aws import Aws, action_of

Answer = dict[str, Any]
Asked = Callable[[Mapping[str, Any]], Answer]


def answering(aws: Aws, answers: Mapping[str, Asked]) -> list[tuple[str, str]]:
    """Answer some actions (``pricing:GetProducts``) from here; all that are asked are noted, with their region.

    An answer with ``Error`` is an error.
    """
    asked: list[tuple[str, str]] = []

    def remember(params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
        context["asked"] = params

    def answer(model: Any, request_signer: Any, context: Mapping[str, Any], **_: Any) -> tuple[Any, Answer] | None:
        action = action_of(model.service_model.service_name, _snake(model.name))
        region = str(request_signer._region_name)
        asked.append((action, region))
        if action not in answers:
            return None
        told = answers[action]({"region": region} | dict(context["asked"]))
        return SimpleNamespace(status_code=400 if "Error" in told else 200), told

    aws.session.events.register("before-parameter-build.*.*", remember)
    aws.session.events.register("before-call.*.*", answer)
    return asked


def _snake(name: str) -> str:
    return "".join(f"_{letter.lower()}" if letter.isupper() else letter for letter in name).strip("_")


def product(name: str, usd: str, unit: str = "Hrs") -> str:
    """A product of the price list: as AWS writes it, cut down to what is read and some of what is not."""
    told = {
        "product": {
            "productFamily": "Compute Instance",
            "attributes": {"instanceType": name, "vcpu": "16"},
            "sku": "S",
        },
        "serviceCode": "AmazonEC2",
        "terms": {
            "OnDemand": {
                "S.JRTCKXETXF": {
                    "priceDimensions": {
                        "S.JRTCKXETXF.6YS6EN2CT7": {"unit": unit, "beginRange": "0", "pricePerUnit": {"USD": usd}}
                    }
                }
            },
            "Reserved": {"S.R": {"priceDimensions": {"S.R.1": {"unit": "Quantity", "pricePerUnit": {"USD": "3000"}}}}},
        },
    }
    return json.dumps(told)


def price_list(prices: Mapping[str, Mapping[str, str]], page: int = 100) -> Asked:
    """GetProducts, by region and type, ``page`` products at a time."""

    def give(asked: Mapping[str, Any]) -> Answer:
        fields = {one["Field"]: one["Value"] for one in asked["Filters"]}
        found = [product(name, usd) for name, usd in prices.get(fields["regionCode"], {}).items()]
        first = int(asked.get("NextToken") or 0)
        more = {"NextToken": str(first + page)} if len(found) > first + page else {}
        return {"FormatVersion": "aws_v1", "PriceList": found[first : first + page]} | more

    return give


def quotas(values: Mapping[str, float]) -> Asked:
    """GetServiceQuota or the default's, by code; the same in every region and whatever the service."""

    def give(asked: Mapping[str, Any]) -> Answer:
        value = values.get(asked["QuotaCode"])
        if value is None:
            return {"Error": {"Code": "NoSuchResourceException", "Message": "The request failed: no such quota."}}
        return {
            "Quota": {
                "ServiceCode": asked["ServiceCode"],
                "QuotaCode": asked["QuotaCode"],
                "Value": value,
                "Adjustable": True,
            }
        }

    return give


def refusing(code: str, message: str = "User: arn:aws:iam::123456789012:user/tests is not authorized") -> Asked:
    """An error, whatever is asked."""
    return lambda _: {"Error": {"Code": code, "Message": message}}


def reservations(*found: tuple[str, str, int, int]) -> Asked:
    """DescribeCapacityReservations: type, zone, total, free."""
    names = ("InstanceType", "AvailabilityZone", "TotalInstanceCount", "AvailableInstanceCount")
    return lambda _: {
        "CapacityReservations": [dict(zip(names, one, strict=True)) | {"State": "active"} for one in found]
    }


def owned(*found: tuple[str, str, int, datetime], **fields: Any) -> Asked:
    """DescribeReservedInstances: type, zone (none where regional), count, end."""

    def told(kind: str, zone: str, count: int, ends: datetime) -> Answer:
        scope = {"Scope": "Availability Zone", "AvailabilityZone": zone} if zone else {"Scope": "Region"}
        usual = {"ProductDescription": "Linux/UNIX", "InstanceTenancy": "default", "State": "active"}
        return {"InstanceType": kind, "InstanceCount": count, "End": ends, "FixedPrice": 0.0} | scope | usual | fields

    return lambda _: {"ReservedInstances": [told(*one) for one in found]}


def savings_plans(*found: Mapping[str, str], page: int = 100) -> Asked:
    """DescribeSavingsPlans as AWS writes them, ``page`` plans at a time."""
    usual = {"state": "active", "currency": "USD", "paymentOption": "No Upfront", "productTypes": ["EC2"]}

    def give(asked: Mapping[str, Any]) -> Answer:
        first = int(asked.get("nextToken") or 0)
        more = {"nextToken": str(first + page)} if len(found) > first + page else {}
        return {"savingsPlans": [usual | dict(one) for one in found[first : first + page]]} | more

    return give
