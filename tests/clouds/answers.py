"""What moto does not answer: the price list and Service Quotas, as small answers in AWS's own form."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from advisor.clouds.aws import Aws, action_of

Answer = dict[str, Any]
Asked = Callable[[Mapping[str, Any]], Answer]


class _Body:
    """What botocore reads an answer from."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def stream(self) -> list[bytes]:
        return [self.data]


def answering(aws: Aws, answers: Mapping[str, Asked]) -> list[tuple[str, str]]:
    """Answer some operations (``pricing:GetProducts``) from here; all that are asked are noted, with their region.

    An answer with ``__type`` is an error, as in AWS's JSON protocols.
    """
    asked: list[tuple[str, str]] = []

    def note(model: Any, request_signer: Any, **_: Any) -> None:
        asked.append((action_of(model.service_model.service_name, _snake(model.name)), request_signer._region_name))

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse | None:
        target = request.headers.get("X-Amz-Target", b"")
        name = (target.decode() if isinstance(target, bytes) else target).rpartition(".")[2]
        for action, give in answers.items():
            if name and action.endswith(f":{name}"):
                body = request.body.decode() if isinstance(request.body, bytes) else str(request.body)
                told = give(json.loads(body) | {"host": urlsplit(request.url).hostname})
                status = 400 if "__type" in told else 200
                headers = {"Content-Type": "application/x-amz-json-1.1"}
                return AWSResponse(request.url, status, headers, _Body(json.dumps(told).encode()))
        return None

    aws.session.events.register("before-call.*.*", note)
    aws.session.events.register_first("before-send.*.*", answer)
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
    """GetServiceQuota, by code; the same in every region."""

    def give(asked: Mapping[str, Any]) -> Answer:
        value = values.get(asked["QuotaCode"])
        if value is None:
            return {"__type": "NoSuchResourceException", "message": "The request failed: no such quota."}
        return {"Quota": {"ServiceCode": "ec2", "QuotaCode": asked["QuotaCode"], "Value": value, "Adjustable": True}}

    return give


def refusing(code: str, message: str = "User: arn:aws:iam::123456789012:user/tests is not authorized") -> Asked:
    """An error, whatever is asked."""
    return lambda _: {"__type": code, "message": message}
