"""``surgecast quotas`` against Service Quotas' wire format on the loopback: asked for only when told to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner

from advisor.advice import Advice
from advisor.advising import advise
from advisor.clouds.asking import increases_of, wishes_of
from advisor.clouds.snapshot import Account
from advisor.offers.buying import QuotaNeed
from advisor.offers.catalog import read_catalog
from advisor.own import Own
from advisor.plans.bought import Part
from advisor.plans.plan import Plan
from advisor.reports.json import Json
from loadtests.errors import InputError
from loadtests.launch import Launch
from loadtests.run import Run, read_run
from surgecast.cli import surgecast
from surgecast.quota_requests import request_quotas
from tests.advisor.runs import Town, write

IDENTITY = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    "<Arn>arn:aws:iam::123456789012:user/tests</Arn><UserId>U</UserId><Account>123456789012</Account>"
    "</GetCallerIdentityResult></GetCallerIdentityResponse>"
)
STANDARD = {"QuotaName": "Running On-Demand Standard instances", "QuotaCode": "L-1216C47A", "Value": 64.0}


STANDARD_CODE, SPOT_CODE, MUMBAI = "L-1216C47A", "L-34B43A08", "ap-south-1"
VCPUS = {"m7g.large": 2, "c7g.4xlarge": 16}


class Quotas(ThreadingHTTPServer):
    """STS and Service Quotas as far as they are asked here; ``asked`` are the increases."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.asked: list[dict[str, Any]] = []
        self.code = 200


class Answering(BaseHTTPRequestHandler):
    server: Quotas

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        target = self.headers.get("X-Amz-Target", "").rpartition(".")[2]
        if not target:
            return self.tell(200, IDENTITY, "text/xml")
        wanted = json.loads(body)
        if target == "ListServiceQuotas":
            found = [STANDARD] if wanted["ServiceCode"] == "ec2" else []
            return self.tell(200, json.dumps({"Quotas": found}))
        if self.server.code != 200:
            return self.tell(
                self.server.code, json.dumps({"__type": "AccessDeniedException", "Message": "not allowed"})
            )
        self.server.asked.append(wanted)
        return self.tell(200, json.dumps({"RequestedQuota": {"Id": "r-1", "Status": "PENDING"}}))

    def tell(self, code: int, text: str, kind: str = "application/x-amz-json-1.1") -> None:
        self.send_response(code)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_: object) -> None:
        """Nobody reads it."""


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[Quotas]:
    pytest.importorskip("boto3")
    with Quotas() as server:
        thread = Thread(target=server.serve_forever, daemon=True)
        thread.start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{server.server_port}")
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("quotas") / "run"
    write(Town(seed=3), folder)
    return read_run(folder)


def advised(run: Run, account: Account | None = None, **how: Any) -> Advice:
    """Of a launch in India, 2,500 viewers on c7g.4xlarge."""
    told = {"audience": {"in": 2500}, "node": "c7g.4xlarge", "offers": ["c7g.4xlarge"]} | how
    scenario = run.header.scenario.model_copy(update={"launch": Launch.model_validate(told)})
    header = run.header.model_copy(update={"scenario": scenario})
    return advise([replace(run, header=header)], own=Own(account=account))


def holding(**fields: Any) -> Account:
    """An account that runs 200 m7g.large in Mumbai, 400 vCPUs."""
    place = {
        "region": MUMBAI,
        "running": {"m7g.large": 200},
        "spot": {},
        "vcpus": VCPUS,
        "quotas": {STANDARD_CODE: 500},
    }
    read = {"account": "123456789012", "read_at": "2026-11-27T00:00:00Z", "hosts": (), "places": (place | fields,)}
    return Account.model_validate(read)


@pytest.fixture(scope="module")
def advice(rehearsed: Run) -> Advice:
    """Of a launch that needs more vCPUs in India than it has."""
    return advised(rehearsed)


def told(advice: Advice, folder: Path, *words: str) -> tuple[int, str]:
    (folder / "advice.json").write_text(Json().render(advice, "en"), encoding="utf-8")
    result = CliRunner().invoke(surgecast, ["quotas", str(folder), *words])
    return result.exit_code, result.output


def test_markets_with_one_aws_region_share_its_quota(advice: Advice) -> None:
    (need,) = [one for one in increases_of(advice) if one.service == "ec2"]
    twice = advice.model_copy(update={"regions": advice.regions * 2})
    (both,) = [one for one in increases_of(twice) if one.service == "ec2"]
    assert both.wanted == 2 * need.wanted


def wanted(advice: Advice) -> list[tuple[str, float]]:
    return [(one.quota, one.wanted) for one in increases_of(advice) if one.service == "ec2"]


def test_what_the_account_runs_is_in_what_is_asked_for_and_its_own_nodes_are_not_twice(rehearsed: Run) -> None:
    """Where the account was read, the nodes are asked for beside what runs; those that serve already, once."""
    ((_, alone),) = wanted(advised(rehearsed))
    ((code, beside),) = wanted(advised(rehearsed, holding()))
    assert (code, beside) == (STANDARD_CODE, alone + 400)
    group = {
        "name": "eks-edge",
        "minimum": 0,
        "desired": 2,
        "maximum": 9,
        "in_service": {"c7g.4xlarge": 2},
        "zones": (),
    }
    managed = {"cluster": "live", "name": "edge", "status": "ACTIVE", "buying": "ON_DEMAND", "groups": ("eks-edge",)}
    sizes = {"minimum": 0, "desired": 2, "maximum": 9, "kinds": ("c7g.4xlarge",)}
    served = holding(running={"m7g.large": 200, "c7g.4xlarge": 2}, groups=(group,), node_groups=(managed | sizes,))
    assert wanted(advised(rehearsed, served)) == [(STANDARD_CODE, alone + 400)]
    strangers = holding(running={"m7g.large": 200, "c7g.4xlarge": 2})
    assert wanted(advised(rehearsed, strangers)) == [(STANDARD_CODE, alone + 400 + 32)]
    advice = advised(rehearsed, served)
    (region,) = advice.regions
    assert region.account is not None
    assert region.account.ask == alone + 400, "the page and the command say the same"
    twice = advice.model_copy(update={"regions": advice.regions * 2})
    assert wanted(twice) == [(STANDARD_CODE, 2 * alone + 400)], "what runs is in it once"


def test_what_is_reserved_is_not_asked_for_again(rehearsed: Run) -> None:
    ((_, alone),) = wanted(advised(rehearsed))
    free = {"kind": "c7g.4xlarge", "zone": f"{MUMBAI}a", "total": 2, "free": 2}
    reserved = tuple(free | {"zone": f"{MUMBAI}{zone}"} for zone in "abc")
    assert wanted(advised(rehearsed, holding(reservations=reserved))) == [(STANDARD_CODE, alone + 400)]
    closed = tuple(one | {"is_open": False} for one in reserved)
    assert wanted(advised(rehearsed, holding(reservations=closed))) == [(STANDARD_CODE, alone + 400 + 6 * 16)]


def test_two_markets_that_fit_alone_and_not_together_are_asked_for(rehearsed: Run) -> None:
    ((_, alone),) = wanted(advised(rehearsed))
    advice = advised(rehearsed, holding(quotas={STANDARD_CODE: int(alone) + 400}))
    assert wanted(advice) == []
    twice = advice.model_copy(update={"regions": advice.regions * 2})
    assert wanted(twice) == [(STANDARD_CODE, 2 * alone + 400)]


def test_what_the_scenario_says_is_enough_is_not_asked_for(rehearsed: Run) -> None:
    assert wanted(advised(rehearsed, holding(), quota_vcpus={"in": 100_000})) == []
    ((_, short),) = wanted(advised(rehearsed, holding(), quota_vcpus={"in": 1}))
    assert short == wanted(advised(rehearsed))[0][1] + 400


def test_a_gpu_is_asked_for_by_the_code_of_its_family(rehearsed: Run, tmp_path: Path) -> None:
    """From a catalogue of one's own, whose ways to pay name the codes of the standard families."""
    text = resources.files("advisor").joinpath("catalogs/ec2.yaml").read_text(encoding="utf-8")
    file = tmp_path / "mine.yaml"
    file.write_text(text.replace("name: ec2", "name: mine").replace("c7g.4xlarge:", "g5g.4xlarge:"), encoding="utf-8")
    buying = {"spot": "50%", "spot_lost": "50%"}
    launch = {"audience": {"in": 2500}, "node": "g5g.4xlarge", "offers": [], "buying": buying}
    scenario = rehearsed.header.scenario.model_copy(update={"launch": Launch.model_validate(launch)})
    run = replace(rehearsed, header=rehearsed.header.model_copy(update={"scenario": scenario}))
    only = read_catalog(file)
    shelf = only._replace(offers=tuple(one for one in only.offers if one.name == "g5g.4xlarge"))
    account = holding(quotas={STANDARD_CODE: 500, "L-DB2E81BA": 64, "L-3819A6DF": 48})
    advice = advise([run], own=Own(catalogs=(shelf,), account=account))
    (region,) = advice.regions
    assert isinstance(region.nodes, Plan)
    assert region.nodes.offers.best is None, "64 vCPUs are 4 nodes"
    beyond = region.nodes.offers.beyond
    assert beyond is not None
    assert beyond.quota is not None
    assert (beyond.quota.code, beyond.quota.known) == ("L-DB2E81BA", 64)
    assert "--quota-code L-DB2E81BA" in beyond.quota.command
    roomy = account.model_copy(
        update={"places": tuple(one.model_copy(update={"quotas": {"L-DB2E81BA": 99_000}}) for one in account.places)}
    )
    found = advise([run], own=Own(catalogs=(shelf,), account=roomy))
    assert wanted(found)[0][0] == "L-3819A6DF", "of spot instances nothing is known, so they are asked for"


def remixed(advice: Advice, *parts: Part, quota: QuotaNeed | None = None, markets: int = 1) -> Advice:
    """The same advice, and another mix, in so many markets of Mumbai."""
    (region,) = advice.regions
    assert isinstance(region.nodes, Plan)
    assert region.nodes.offers.mix is not None
    mix = region.nodes.offers.mix.model_copy(update={"parts": parts, "quota": quota})
    plan = region.nodes.model_copy(update={"offers": region.nodes.offers.model_copy(update={"mix": mix})})
    one = region.model_copy(update={"nodes": plan, "account": None})
    return advice.model_copy(update={"regions": (one,) * markets})


def part(offer: str, nodes: int, vcpus: int, purchase: str = "on_demand") -> Part:
    told = {"offer": offer, "nodes": nodes, "vcpus": vcpus, "purchase": purchase, "usd_per_hour": 1.0}
    return Part.model_validate(told)


def spot_need(vcpus: int, known: int | None) -> QuotaNeed:
    return QuotaNeed(code=SPOT_CODE, region=MUMBAI, vcpus=vcpus, known=known, used=0, source="account")


def test_what_is_asked_for_are_the_nodes_of_the_mix(advice: Advice) -> None:
    """9 on demand and 6 spot instances in each of two markets, and what is bought of a third family by its own code."""
    steady, spot = part("c7g.4xlarge", 9, 16), part("c7g.4xlarge", 6, 16, "spot")
    both = remixed(advice, steady, spot, quota=spot_need(96, 5), markets=2)
    assert wanted(both) == [(STANDARD_CODE, 2 * 144), (SPOT_CODE, 2 * 96)]
    reserved = part("c7g.4xlarge", 3, 16, "reservation")
    other = remixed(advice, reserved, steady, part("g5.4xlarge", 2, 16))
    assert wanted(other) == [(STANDARD_CODE, 12 * 16), ("L-DB2E81BA", 32)]


def test_spot_instances_that_only_the_quota_holds_back_are_not_asked_for_and_told(advice: Advice) -> None:
    none = remixed(advice, part("c7g.4xlarge", 9, 16), quota=spot_need(96, 5), markets=2)
    assert wanted(none) == [(STANDARD_CODE, 288)]
    (told,) = wishes_of(none)
    assert "would need 192 vCPUs of “L-34B43A08”; it is 5." in told.text
    some = remixed(advice, part("c7g.4xlarge", 6, 16), part("c7g.4xlarge", 3, 16, "spot"), quota=spot_need(96, 64))
    assert wanted(some) == [(STANDARD_CODE, 96)]
    assert len(list(wishes_of(some))) == 1
    for need in (None, spot_need(96, None), spot_need(96, 96)):
        assert list(wishes_of(remixed(advice, part("c7g.4xlarge", 9, 16), quota=need))) == []
    bought = remixed(advice, part("c7g.4xlarge", 9, 16), part("c7g.4xlarge", 6, 16, "spot"), quota=spot_need(96, 5))
    assert list(wishes_of(bought)) == []


def test_two_markets_count_the_nodes_that_serve_once(rehearsed: Run) -> None:
    """More nodes serve than one market needs: what both need, beside the others, is what page and command ask for."""
    ((_, alone),) = wanted(advised(rehearsed))
    nodes = int(alone) // 16
    group = {"name": "g", "minimum": 0, "desired": 1, "maximum": 99, "in_service": {"c7g.4xlarge": nodes + 3}}
    managed = {"cluster": "live", "name": "edge", "status": "ACTIVE", "buying": "ON_DEMAND", "groups": ("g",)}
    account = holding(
        running={"m7g.large": 100, "c7g.4xlarge": nodes + 3},
        groups=(group | {"zones": ()},),
        node_groups=(managed | {"minimum": 0, "desired": 1, "maximum": 99, "kinds": ("c7g.4xlarge",)},),
    )
    header = rehearsed.header
    indonesia = header.regions["id"].model_copy(update={"provider_regions": header.regions["in"].provider_regions})
    near = header.model_copy(update={"regions": dict(header.regions) | {"id": indonesia}})
    advice = advised(replace(rehearsed, header=near), account, audience={"in": 2500, "id": 2500})
    pages = [one.account for one in advice.regions]
    needed = sum(one.needed_vcpus or 0 for one in pages if one)
    assert needed > (nodes + 3) * 16
    assert wanted(advice) == [(STANDARD_CODE, needed + 200)]
    assert [one.ask for one in pages if one] == [needed + 200] * 2, "the page and the command say the same"


def test_the_command_tells_what_spot_would_need(aws: Quotas, advice: Advice, tmp_path: Path) -> None:
    none = remixed(advice, part("c7g.4xlarge", 9, 16), quota=spot_need(96, 5))
    code, text = told(none, tmp_path, "--yes-request", "--lang", "zh")
    assert code == 0, text
    assert [one["QuotaCode"] for one in aws.asked] == [STANDARD_CODE]
    assert "“L-34B43A08”需要达到 96 个 vCPU，现为 5" in text


def test_what_is_needed_is_looked_up_and_nothing_is_asked_for(aws: Quotas, advice: Advice, tmp_path: Path) -> None:
    (need,) = [one for one in increases_of(advice) if one.service == "ec2"]
    code, text = told(advice, tmp_path)
    assert code == 0, text
    assert "account 123456789012" in text
    assert f"Would ask for {need.wanted:,.0f} vCPUs of “L-1216C47A”; it is 64." in text
    assert aws.asked == []


def test_it_is_asked_for_when_told_to(aws: Quotas, advice: Advice, tmp_path: Path) -> None:
    (need,) = [one for one in increases_of(advice) if one.service == "ec2"]
    code, text = told(advice, tmp_path, "--yes-request", "--lang", "zh")
    assert code == 0, text
    assert aws.asked == [{"ServiceCode": "ec2", "QuotaCode": "L-1216C47A", "DesiredValue": need.wanted}]
    assert "r-1" in text


def test_a_refusal_is_told_and_is_no_success(aws: Quotas, advice: Advice, tmp_path: Path) -> None:
    aws.code = 400
    (tmp_path / "advice.json").write_text(Json().render(advice, "en"), encoding="utf-8")
    with pytest.raises(InputError, match="1 of 1 could not be asked for"):
        request_quotas(tmp_path, send=True)


def test_what_is_no_advice_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        request_quotas(tmp_path / "none.json", send=False)
    (tmp_path / "odd.json").write_text('{"scenario": 1}', encoding="utf-8")
    with pytest.raises(InputError, match=r"odd\.json: "):
        request_quotas(tmp_path / "odd.json", send=False)
