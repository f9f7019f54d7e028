"""An account is read over boto3: whole, with what is refused named and the rest there, and never changed."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from botocore.stub import Stubber
from moto import mock_aws

from advisor.clouds.aws import IAM_NAMES, Aws, Refused, login
from advisor.clouds.distributions import Window, period_at
from advisor.clouds.edge import look_up_edge
from advisor.clouds.egress_file import look_up_egress
from advisor.clouds.market import look_up, quota
from advisor.clouds.reading import read_account
from advisor.clouds.snapshot import Account, EdgeQuotas, Place, WarmPool
from tests.clouds import town
from tests.clouds.answers import Answer, answering, owned, quotas, refusing, reservations, savings_plans
from tests.clouds.edge_answers import QUOTAS, listing
from tests.clouds.town import HOST, PLACE
from tests.house.tree import ROOT, blocks

START = datetime(2026, 11, 20, 12, 0, 30, tzinfo=UTC)
WINDOW = Window(START, START + timedelta(seconds=170))
NOW = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
APPLIED = {"L-1216C47A": 640, "L-34B43A08": 256}
ANSWERS = {
    "servicequotas:GetServiceQuota": quotas(APPLIED),
    "servicequotas:ListServiceQuotas": QUOTAS,
    "servicequotas:GetAWSDefaultServiceQuota": quotas({"L-BD136A63": 450, "L-6D54EA21": 30, "L-CDE20ADC": 500}),
    "ec2:DescribeCapacityReservations": reservations(("c7g.4xlarge", f"{PLACE}a", 9, 4)),
    "ec2:DescribeReservedInstances": owned(),
    "savingsplans:DescribeSavingsPlans": savings_plans(),
}


@pytest.fixture
def aws() -> Iterator[Aws]:
    with mock_aws():
        yield login()


def told(account: Account) -> list[str]:
    return [one.reason.text for one in account.excuses]


def test_everything_is_read_of_every_region(aws: Aws) -> None:
    town.instances(count=3)
    town.instances(kind="m7g.large", count=2, spot=True)
    town.group("edge", warm=4)
    town.node_group("live", "origin")
    answering(aws, ANSWERS)
    account = read_account(aws, (PLACE, "sa-east-1"), (HOST,), (), NOW)
    assert account.excuses == ()
    assert account.account == "123456789012"
    place = account.place(PLACE)
    assert place is not None
    assert place.running == {"c7g.4xlarge": 5}
    assert place.spot == {"m7g.large": 2}
    assert place.vcpus == {"c7g.4xlarge": 16, "m7g.large": 2}
    assert place.quotas == APPLIED | {"L-BD136A63": 450, "L-6D54EA21": 30, "L-CDE20ADC": 500}
    (group,) = place.groups or ()
    assert (group.name, group.minimum, group.desired, group.maximum) == ("edge", 1, 2, 9)
    assert group.in_service == {"c7g.4xlarge": 2}
    assert group.warm == WarmPool(state="Stopped", minimum=4, most=None)
    assert group.zones == (f"{PLACE}a", f"{PLACE}b", f"{PLACE}c")
    (nodes,) = place.node_groups or ()
    assert (nodes.cluster, nodes.name, nodes.maximum, nodes.kinds) == ("live", "origin", 6, ("c7g.4xlarge",))
    (reserved,) = place.reservations or ()
    assert (reserved.total, reserved.free) == (9, 4)
    empty = account.place("sa-east-1")
    assert empty is not None
    assert (empty.running, empty.groups, empty.node_groups) == ({}, (), ())


def test_nothing_that_is_asked_changes_anything_and_the_policy_of_the_page_is_what_is_asked(aws: Aws) -> None:
    town.instances()
    town.group("edge", warm=4)
    town.node_group("live", "origin")
    town.distribution(HOST)
    asked = answering(aws, ANSWERS | {"pricing:GetProducts": listing([])})
    read_account(aws, (PLACE,), (HOST,), (WINDOW,), NOW)
    look_up(aws, (PLACE,), ("c7g",))
    look_up_edge(aws, "123456789012")
    look_up_egress(aws, (PLACE,))
    actions = {action for action, _ in asked}
    assert all(re.fullmatch(r"[a-z0-9]+:(Describe|Get|List)\w+", action) for action in actions)
    (policy,) = (json.loads(block.text) for block in blocks(ROOT / "docs" / "account.md", "json"))
    granted = {action for one in policy["Statement"] for action in one["Action"]}
    assert granted == actions
    assert all(one["Effect"] == "Allow" for one in policy["Statement"])


def test_actions_are_named_as_iam_names_them(aws: Aws) -> None:
    """What the client calls a service is its prefix in IAM, but for those in the table."""
    for service in (
        "ec2",
        "savingsplans",
        "autoscaling",
        "eks",
        "cloudfront",
        "cloudwatch",
        "pricing",
        "sts",
        "service-quotas",
    ):
        named = aws.session.client(service, region_name="us-east-1").meta.service_model.signing_name
        assert IAM_NAMES.get(service, service) == {"monitoring": "cloudwatch"}.get(named, named)


@pytest.mark.parametrize(
    ("action", "field"),
    [
        ("ec2:DescribeInstances", "running"),
        ("autoscaling:DescribeAutoScalingGroups", "groups"),
        ("eks:ListClusters", "node_groups"),
        ("eks:DescribeNodegroup", "node_groups"),
        ("ec2:DescribeCapacityReservations", "reservations"),
        ("ec2:DescribeReservedInstances", "owned"),
        ("servicequotas:GetServiceQuota", "quotas"),
    ],
)
def test_a_right_that_is_missing_is_named_and_all_else_is_read(aws: Aws, action: str, field: str) -> None:
    town.instances()
    town.group("edge")
    town.node_group("live", "origin")
    answering(
        aws, ANSWERS | {action: refusing("UnauthorizedOperation" if action.startswith("ec2") else "AccessDenied")}
    )
    account = read_account(aws, (PLACE,), (HOST,), (), NOW)
    assert f"These credentials may not call {action} in {PLACE}." in told(account)
    assert {one.about for one in account.excuses} == {action}
    place = account.place(PLACE)
    assert place is not None
    absent = {name for name in Place.model_fields if getattr(place, name) is None}
    assert absent == ({field} | ({"spot"} if field == "running" else set())) - {"quotas"}
    assert bool(place.quotas) is (field != "quotas")


def test_vcpus_that_may_not_be_read_are_said_and_the_counts_stand(aws: Aws) -> None:
    town.instances()
    answering(aws, ANSWERS | {"ec2:DescribeInstanceTypes": refusing("UnauthorizedOperation")})
    account = read_account(aws, (PLACE,), (HOST,), (), NOW)
    assert [one.about for one in account.excuses] == ["ec2:DescribeInstanceTypes"]
    place = account.place(PLACE)
    assert place is not None
    assert (place.running, place.vcpus) == ({"c7g.4xlarge": 3}, {})


@pytest.mark.parametrize("code", ["AuthFailure", "OptInRequired", "UnrecognizedClientException"])
def test_a_region_that_is_not_enabled_is_said_once_and_the_others_are_read(aws: Aws, code: str) -> None:
    def give(asked: Mapping[str, Any]) -> Answer:
        if asked["region"] == "me-central-1":
            return {"Error": {"Code": code, "Message": "AWS was not able to validate the provided access credentials"}}
        return {"Reservations": []}

    answering(aws, ANSWERS | {"ec2:DescribeInstances": give})
    account = read_account(aws, ("me-central-1", PLACE), (HOST,), (), NOW)
    assert [one.reason.key for one in account.excuses] == ["account_closed"]
    assert "me-central-1" in told(account)[0]
    place, closed = account.place(PLACE), account.place("me-central-1")
    assert place is not None
    assert closed is not None
    assert (place.quotas["L-1216C47A"], closed.quotas) == (640, {})


@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException", "RequestExpired"])
def test_credentials_that_have_expired_are_all_that_is_said(aws: Aws, code: str) -> None:
    answering(aws, {"sts:GetCallerIdentity": refusing(code)})
    account = read_account(aws, (PLACE,), (HOST,), (WINDOW,), NOW)
    assert told(account) == ["The credentials have expired (sts:GetCallerIdentity in us-east-1)."]
    assert (account.account, account.places, account.distributions) == ("", (), None)


def test_without_credentials_nothing_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    account = read_account(login(), (PLACE,), (HOST,), (), NOW)
    assert [one.reason.key for one in account.excuses] == ["account_no_credentials"]
    assert account.account == ""


def test_credentials_that_nobody_knows_are_no_region_that_is_closed(aws: Aws) -> None:
    answering(aws, {"sts:GetCallerIdentity": refusing("InvalidClientTokenId", "The security token is invalid.")})
    account = read_account(aws, (PLACE,), (HOST,), (), NOW)
    assert [one.reason.key for one in account.excuses] == ["account_no_credentials"]


def test_a_role_is_assumed_and_one_that_is_refused_is_named(aws: Aws) -> None:
    given = login(role="arn:aws:iam::210987654321:role/team/reader")
    assert given.session.get_credentials().token
    assert given.who().arn.startswith("arn:aws:sts::210987654321:assumed-role/reader/surgecast-reads")


@contextmanager
def saying(*answers: tuple[int, str]) -> Iterator[tuple[str, list[str]]]:
    """A server on loopback that gives these answers in turn, the last for ever; its address, and what was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        """One request."""

        def log_message(self, *_: object) -> None:
            """Silent."""

        def do_POST(self) -> None:
            status, body = answers[min(len(asked), len(answers) - 1)]
            asked.append(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())
            self.send_response(status)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


BUSY = "<Response><Errors><Error><Code>RequestLimitExceeded</Code><Message>slow</Message></Error></Errors></Response>"
NONE = "<DescribeInstancesResponse><reservationSet/></DescribeInstancesResponse>"


def test_aws_that_is_busy_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    with saying((503, BUSY), (200, NONE)) as (address, asked):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        assert list(login().every("ec2", PLACE, "describe_instances", "Reservations")) == []
        assert len(asked) == 2


def test_an_answer_that_is_no_answer_is_said_with_its_action(monkeypatch: pytest.MonkeyPatch) -> None:
    with saying((200, "\x1b[2J<!doctype html>\n<title>a proxy's page")) as (address, _):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        with pytest.raises(Refused, match="invalid XML") as caught:
            list(login().every("ec2", PLACE, "describe_instances", "Reservations"))
        assert (caught.value.kind, caught.value.action) == ("failed", "ec2:DescribeInstances")
        assert str(caught.value).isprintable()


def test_a_web_page_in_an_answers_place_is_named_and_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    with saying((400, "<!DOCTYPE html>\n<html><title>We'll be back</title></html>")) as (address, _):
        monkeypatch.setenv("AWS_ENDPOINT_URL", address)
        with pytest.raises(Refused, match="a web page") as caught:
            login().one("service-quotas", PLACE, "get_service_quota", ServiceCode="ec2", QuotaCode="L-1216C47A")
        assert "<" not in str(caught.value)


@pytest.mark.parametrize(
    "code", ["TooManyRequestsException", "ThrottlingException", "AccessDeniedException", "ServiceException"]
)
def test_quotas_that_may_not_be_read_are_said_once_and_stay_unknown(aws: Aws, code: str) -> None:
    """Service Quotas takes few requests a second: whoever is refused is not asked for the other codes too."""
    town.instances()
    asked = answering(aws, ANSWERS | {"servicequotas:GetServiceQuota": refusing(code)})
    account = read_account(aws, (PLACE,), (HOST,), (), NOW, kinds=("g5.xlarge", "p4d.24xlarge"))
    kind = {"AccessDeniedException": "denied", "ServiceException": "failed"}.get(code, "busy")
    (excuse,) = account.excuses
    assert excuse.reason.key == f"account_{kind}"
    assert ("L-1216C47A: ServiceException" in excuse.reason.text) is (kind == "failed")
    assert [action for action, _ in asked].count("servicequotas:GetServiceQuota") == 1
    place = account.place(PLACE)
    assert place is not None
    assert (place.running, place.quotas, place.vcpus) == ({"c7g.4xlarge": 3}, {}, {"c7g.4xlarge": 16})


def test_quotas_of_the_families_that_may_be_bought_are_read_and_one_that_is_not_there_leaves_the_others(
    aws: Aws,
) -> None:
    answering(aws, ANSWERS | {"servicequotas:GetServiceQuota": quotas(APPLIED | {"L-DB2E81BA": 64})})
    account = read_account(aws, (PLACE,), (HOST,), (), NOW, kinds=("g5.xlarge", "g6.xlarge", "c7g.large", "mac2.metal"))
    place = account.place(PLACE)
    assert place is not None
    assert {code: place.quotas.get(code) for code in (*APPLIED, "L-DB2E81BA", "L-3819A6DF")} == APPLIED | {
        "L-DB2E81BA": 64,
        "L-3819A6DF": None,
    }
    assert place.quotas["L-BD136A63"] == 450, "those that are asked after it"
    (excuse,) = account.excuses
    assert excuse.about == "servicequotas:GetAWSDefaultServiceQuota"
    assert "L-3819A6DF: NoSuchResourceException" in excuse.reason.text


def test_a_quota_without_a_value_of_ones_own_is_the_default_and_other_refusals_are_not(aws: Aws) -> None:
    """By botocore's own client and its stub: the second call is made for NoSuchResource alone."""
    client = aws.quotas(PLACE)
    code = {"ServiceCode": "eks", "QuotaCode": "L-BD136A63"}
    with Stubber(client) as stub:
        stub.add_client_error("get_service_quota", "NoSuchResourceException", expected_params=code)
        stub.add_response("get_aws_default_service_quota", {"Quota": code | {"Value": 450.0}}, code)
        assert quota(aws, PLACE, "L-BD136A63", "eks") == 450
        stub.add_client_error("get_service_quota", "IllegalArgumentException", expected_params=code)
        with pytest.raises(Refused, match="IllegalArgumentException"):
            quota(aws, PLACE, "L-BD136A63", "eks")
        stub.assert_no_pending_responses()


def test_reservations_say_when_they_end_and_whether_nodes_run_in_them_by_themselves(aws: Aws) -> None:
    ends = datetime(2026, 12, 6, tzinfo=UTC)
    usual = {"InstanceType": "c7g.4xlarge", "AvailabilityZone": f"{PLACE}a", "AvailableInstanceCount": 4}
    usual |= {"InstanceMatchCriteria": "open", "InstancePlatform": "Linux/UNIX", "Tenancy": "default"}
    told = [
        usual | {"TotalInstanceCount": 4},
        usual | {"TotalInstanceCount": 5, "EndDate": ends},
        usual | {"TotalInstanceCount": 6, "InstanceMatchCriteria": "targeted"},
        usual | {"TotalInstanceCount": 7, "InstancePlatform": "Windows"},
        usual | {"TotalInstanceCount": 8, "Tenancy": "dedicated"},
    ]
    answering(aws, ANSWERS | {"ec2:DescribeCapacityReservations": lambda _: {"CapacityReservations": told}})
    place = read_account(aws, (PLACE,), (HOST,), (), NOW).place(PLACE)
    assert place is not None
    found = [(one.total, one.is_open, one.ends) for one in place.reservations or ()]
    assert found == [(4, True, None), (5, True, ends), (6, False, None), (7, False, None), (8, False, None)]


def test_what_stays_busy_is_said_as_that(aws: Aws) -> None:
    answering(aws, ANSWERS | {"ec2:DescribeInstances": refusing("RequestLimitExceeded")})
    account = read_account(aws, (PLACE,), (HOST,), (), NOW)
    assert [one.reason.key for one in account.excuses] == ["account_busy"]


@pytest.mark.parametrize(("region", "kind"), [(PLACE, "unreachable"), ("xx-nowhere-9", "absent")])
def test_an_address_that_does_not_answer_is_told_from_a_region_that_is_not_known(
    monkeypatch: pytest.MonkeyPatch, region: str, kind: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    from advisor.clouds import aws as room

    reader = login()
    reader._clients["ec2", region] = reader.session.client("ec2", region_name=region)
    with pytest.raises(room.Refused) as caught:
        list(reader.every("ec2", region, "describe_instances", "Reservations"))
    assert caught.value.kind == kind


def test_the_distribution_of_the_target_is_found_by_name_or_alias(aws: Aws) -> None:
    town.distribution("www.example.com")
    wild = town.distribution("*.example.org", shield="ap-southeast-1")
    mine = town.distribution(HOST)
    answering(aws, ANSWERS)
    for hosts, found in (
        ((HOST,), {mine}),
        (("LIVE.example.com",), {mine}),
        (("cdn.example.org",), {wild}),
        (("example.org",), set()),
        (("evil-example.com",), set()),
    ):
        account = read_account(aws, (), hosts, (), NOW)
        assert {one.id for one in account.distributions or ()} == found
    (one,) = read_account(aws, (), ("a.example.org",), (), NOW).distributions or ()
    assert one.shields == ("ap-southeast-1",)


def test_what_was_counted_in_the_time_of_the_run_is_added_up_and_weighted(aws: Aws) -> None:
    """Whole minutes around 12:00:30 to 12:03:20: four; what is outside does not count."""
    mine = town.distribution(HOST)
    minutes = {
        "Requests": [999.0, 100.0, 300.0, 0.0, 200.0, 999.0],
        "BytesDownloaded": [9e9, 1e9, 3e9, 0.0, 2e9, 9e9],
        "CacheHitRate": [0.0, 50.0, 90.0, 0.0, 100.0, 0.0],
        "TotalErrorRate": [100.0, 0.0, 1.0, 0.0, 0.0, 100.0],
    }
    town.counted(mine, START.replace(second=0) - timedelta(minutes=1), minutes)
    answering(aws, ANSWERS)
    (seen,) = read_account(aws, (), (HOST,), (WINDOW,), NOW).delivered
    assert (seen.distribution, seen.seconds) == (mine, 240)
    assert (seen.requests, seen.bytes) == (600.0, 6e9)
    assert seen.hit_ratio == pytest.approx((100 * 0.5 + 300 * 0.9 + 200 * 1.0) / 600)
    assert seen.error_ratio == pytest.approx(3 / 600)


def test_a_distribution_without_additional_metrics_has_no_hit_ratio(aws: Aws) -> None:
    mine = town.distribution(HOST)
    town.counted(mine, START.replace(second=0), {"Requests": [100.0], "BytesDownloaded": [1e9]})
    answering(aws, ANSWERS)
    (seen,) = read_account(aws, (), (HOST,), (WINDOW,), NOW).delivered
    assert (seen.requests, seen.hit_ratio, seen.error_ratio) == (100.0, None, None)


@pytest.mark.parametrize(("days", "seconds"), [(1, 60), (14, 60), (16, 300), (64, 3600), (456, 0), (-1, 60)])
def test_periods_are_those_that_cloudwatch_still_keeps(days: int, seconds: int) -> None:
    start = NOW - timedelta(days=days)
    assert period_at(Window(start, start + timedelta(minutes=5)), NOW) == seconds


def test_a_run_that_cloudwatch_has_forgotten_counts_nothing(aws: Aws) -> None:
    town.distribution(HOST)
    asked = answering(aws, ANSWERS)
    start = NOW - timedelta(days=500)
    (seen,) = read_account(aws, (), (HOST,), (Window(start, start + timedelta(minutes=5)),), NOW).delivered
    assert (seen.seconds, seen.requests, seen.hit_ratio) == (0, None, None)
    assert "cloudwatch:GetMetricData" not in {action for action, _ in asked}


@pytest.mark.parametrize("action", ["cloudfront:ListDistributions", "cloudwatch:GetMetricData"])
def test_the_cdn_that_may_not_be_read_is_said_and_the_regions_are_read(aws: Aws, action: str) -> None:
    town.distribution(HOST)
    answering(aws, ANSWERS | {action: refusing("AccessDenied")})
    account = read_account(aws, (PLACE,), (HOST,), (WINDOW,), NOW)
    assert told(account) == [f"These credentials may not call {action} in us-east-1."]
    assert (account.distributions is None) is action.startswith("cloudfront")
    place = account.place(PLACE)
    assert place is not None
    assert place.quotas["L-1216C47A"] == 640


def test_a_refusal_is_no_fault() -> None:
    refused = Refused("denied", "ec2:DescribeInstances", PLACE, "no")
    assert (str(refused), refused.kind, refused.action) == ("no", "denied", "ec2:DescribeInstances")


def test_quotas_of_cloudfront_and_all_its_distributions_are_read(aws: Aws) -> None:
    town.distribution("www.example.com")
    mine = town.distribution(HOST)
    answering(aws, ANSWERS)
    account = read_account(aws, (), (HOST,), (), NOW)
    assert (account.all_distributions, [one.id for one in account.distributions or ()]) == (2, [mine])
    assert account.edge == EdgeQuotas(egress=400e9, requests_per_second=600_000, distributions=210)


@pytest.mark.parametrize(
    ("action", "edge", "count"),
    [("cloudfront:ListDistributions", True, None), ("servicequotas:ListServiceQuotas", False, 0)],
)
def test_what_may_not_be_read_of_cloudfront_is_named_and_the_other_is_read(
    aws: Aws, action: str, edge: bool, count: int | None
) -> None:
    answering(aws, ANSWERS | {action: refusing("AccessDenied")})
    account = read_account(aws, (), (HOST,), (), NOW)
    assert [one.about for one in account.excuses] == [action]
    assert (account.edge is not None, account.all_distributions) == (edge, count)
