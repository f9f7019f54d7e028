"""A command that makes its own session is told what moto has not got."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

from botocore.handlers import BUILTIN_HANDLERS

from tests.clouds.answers import quotas
from tests.clouds.edge_answers import QUOTAS


@contextmanager
def told_everywhere(applied: Mapping[str, float] | None = None) -> Iterator[None]:
    """What moto has not got, for a command that makes its own session: quotas, none by default; nothing is reserved."""

    def no_reservations(**_: object) -> tuple[Any, dict[str, object]]:
        return SimpleNamespace(status_code=200), {"CapacityReservations": []}

    def nothing_owned(**_: object) -> tuple[Any, dict[str, object]]:
        return SimpleNamespace(status_code=200), {"ReservedInstances": [], "savingsPlans": []}

    def no_default(**_: object) -> tuple[Any, dict[str, object]]:
        return SimpleNamespace(status_code=400), {"Error": {"Code": "NoSuchResourceException", "Message": "none"}}

    def give(params: Mapping[str, Any], **_: object) -> tuple[Any, dict[str, object]]:
        told = quotas(applied or {})(json.loads(params["body"]))
        return SimpleNamespace(status_code=400 if "Error" in told else 200), told

    def edge_quotas(**_: object) -> tuple[Any, dict[str, object]]:
        return SimpleNamespace(status_code=200), QUOTAS({})

    handlers = [
        ("before-call.service-quotas.GetServiceQuota", give),
        ("before-call.ec2.DescribeCapacityReservations", no_reservations),
        ("before-call.ec2.DescribeReservedInstances", nothing_owned),
        ("before-call.savingsplans.DescribeSavingsPlans", nothing_owned),
        ("before-call.service-quotas.GetAWSDefaultServiceQuota", no_default),
        ("before-call.service-quotas.ListServiceQuotas", edge_quotas),
    ]
    BUILTIN_HANDLERS.extend(handlers)
    try:
        yield
    finally:
        for handler in handlers:
            BUILTIN_HANDLERS.remove(handler)
