"""Quota increases by API: botocore's own client against recorded answers; nothing is asked for without the flag."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from advisor.cdns.increase import Increase
from advisor.clouds.asking import QuotaClient, ask

EGRESS = Increase(
    service="cloudfront",
    region="us-east-1",
    quota="Data transfer rate per distribution",
    unit="Gbit/s",
    now=150,
    wanted=510,
)
REQUESTS = EGRESS.model_copy(
    update={"quota": "Requests per second per distribution", "now": 250_000, "wanted": 640_000}
)
LISTED = {
    "Quotas": [
        {"QuotaName": "Origins per distribution", "QuotaCode": "L-0", "Value": 100.0},
        {"QuotaName": EGRESS.quota, "QuotaCode": "L-1", "Value": 150.0},
    ]
}


@pytest.fixture
def stubbed(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Any, Any, tuple[type[Exception], ...]]]:
    """A client with nobody's credentials, its stub, and what it raises."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "nobody")
    monkeypatch.setenv("AWS_CONFIG_FILE", "nowhere")
    boto3 = pytest.importorskip("boto3")
    errors = pytest.importorskip("botocore.exceptions")
    client = boto3.client("service-quotas", region_name="us-east-1")
    with pytest.importorskip("botocore.stub").Stubber(client) as stub:
        yield client, stub, (errors.BotoCoreError, errors.ClientError)
        stub.assert_no_pending_responses()


def test_it_asks_by_the_code_that_the_name_has(stubbed: Any) -> None:
    client, stub, refusals = stubbed
    stub.add_response("list_service_quotas", LISTED, {"ServiceCode": "cloudfront"})
    stub.add_response(
        "request_service_quota_increase",
        {"RequestedQuota": {"Id": "r-1", "Status": "PENDING"}},
        {"ServiceCode": "cloudfront", "QuotaCode": "L-1", "DesiredValue": 510.0},
    )
    (told,) = ask(lambda region: client, [EGRESS], refusals, send=True)
    assert told.text == "Asked for 510 Gbit/s of “Data transfer rate per distribution” (request r-1, PENDING)."


def test_vcpus_are_asked_for_by_the_code_of_their_quota(stubbed: Any) -> None:
    client, stub, refusals = stubbed
    standard = {"QuotaName": "Running On-Demand Standard instances", "QuotaCode": "L-1216C47A", "Value": 64.0}
    stub.add_response("list_service_quotas", {"Quotas": [standard]}, {"ServiceCode": "ec2"})
    stub.add_response(
        "request_service_quota_increase",
        {"RequestedQuota": {"Id": "r-2", "Status": "PENDING"}},
        {"ServiceCode": "ec2", "QuotaCode": "L-1216C47A", "DesiredValue": 3696.0},
    )
    vcpus = Increase(service="ec2", region="ap-south-1", quota="L-1216C47A", unit="vCPUs", now=64, wanted=3696)
    (told,) = ask({"ap-south-1": client}.__getitem__, [vcpus], refusals, send=True)
    assert told.key == "quota_asked"


def test_without_the_flag_it_only_looks(stubbed: Any) -> None:
    client, stub, refusals = stubbed
    stub.add_response("list_service_quotas", LISTED, {"ServiceCode": "cloudfront"})
    (told,) = ask(lambda region: client, [EGRESS], refusals, send=False)
    assert told.key == "quota_would_be"


def test_what_is_enough_is_left_alone_and_what_is_not_listed_is_said(stubbed: Any) -> None:
    client, stub, refusals = stubbed
    raised = {"Quotas": [LISTED["Quotas"][1] | {"Value": 600.0}]}
    for _ in range(2):
        stub.add_response("list_service_quotas", raised, {"ServiceCode": "cloudfront"})
    told = list(ask(lambda region: client, [EGRESS, REQUESTS], refusals, send=True))
    assert [one.key for one in told] == ["cdn_quota_enough", "quota_unlisted"]


def counted(quota: Increase, value: float, unit: str, **named: str) -> dict[str, Any]:
    return {"Quotas": [{"QuotaName": quota.quota, "QuotaCode": "L-1", "Value": value, "Unit": unit} | named]}


@pytest.mark.parametrize(("unit", "size"), [("Megabits/Second", 1000), ("Gigabits", 1), ("None", 1)])
def test_a_quota_is_compared_and_asked_for_in_the_accounts_own_unit(stubbed: Any, unit: str, size: float) -> None:
    client, stub, refusals = stubbed
    stub.add_response("list_service_quotas", counted(EGRESS, 150.0 * size, unit), {"ServiceCode": "cloudfront"})
    stub.add_response(
        "request_service_quota_increase",
        {"RequestedQuota": {"Id": "r-1", "Status": "PENDING"}},
        {"ServiceCode": "cloudfront", "QuotaCode": "L-1", "DesiredValue": 510.0 * size},
    )
    stub.add_response("list_service_quotas", counted(EGRESS, 510.0 * size, unit), {"ServiceCode": "cloudfront"})
    asked, enough = ask(lambda region: client, [EGRESS, EGRESS], refusals, send=True)
    assert asked.text.startswith("Asked for 510 Gbit/s")
    assert enough.text == "“Data transfer rate per distribution” is 510 already; 510 Gbit/s are needed."


def test_an_unheard_of_unit_is_said_and_nothing_is_asked_for(stubbed: Any) -> None:
    client, stub, refusals = stubbed
    stub.add_response("list_service_quotas", counted(EGRESS, 1.0, "Furlongs"), {"ServiceCode": "cloudfront"})
    (told,) = ask(lambda region: client, [EGRESS], refusals, send=True)
    assert told.key == "quota_unit_unknown"
    assert "Furlongs" in told.text


def test_the_quota_of_distributions_has_two_names_and_one_code(stubbed: Any) -> None:
    client, stub, refusals = stubbed
    more = EGRESS.model_copy(
        update={"quota": "Web distributions per AWS account", "unit": "distributions", "now": 500, "wanted": 700}
    )
    for name, code in (("Distributions per AWS account", "L-9"), ("Something new", "L-24B04930")):
        listed = counted(more, 500.0, "None", QuotaName=name, QuotaCode=code)
        stub.add_response("list_service_quotas", listed, {"ServiceCode": "cloudfront"})
        (told,) = ask(lambda region: client, [more], refusals, send=False)
        assert told.key == "quota_would_be"


def test_a_refusal_is_told_on_one_line_and_the_next_is_asked_all_the_same(stubbed: Any) -> None:
    client, stub, refusals = stubbed
    stub.add_client_error("list_service_quotas", "AccessDeniedException", "not\nauthorized")
    stub.add_response("list_service_quotas", LISTED, {"ServiceCode": "cloudfront"})
    stub.add_client_error("request_service_quota_increase", "ResourceAlreadyExistsException", "asked before")
    told = list(ask(lambda region: client, [EGRESS, EGRESS], refusals, send=True))
    assert [one.key for one in told] == ["quota_refused", "quota_refused"]
    assert "AccessDeniedException" in told[0].text
    assert "\n" not in told[0].text
    assert "asked before" in told[1].text


def test_that_nothing_is_needed_is_said() -> None:
    clients: dict[str, QuotaClient] = {}
    assert [one.key for one in ask(clients.__getitem__, [], (), send=True)] == ["quota_none_needed"]
