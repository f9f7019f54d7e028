"""``surgecast quotas`` against Service Quotas' wire format on the loopback: asked for only when told to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click.testing import CliRunner

from advisor.advice import Advice, advise
from advisor.clouds.asking import increases_of
from advisor.reports.json import Json
from loadtests.errors import InputError
from loadtests.launch import Launch
from loadtests.run import read_run
from surgecast.cli import surgecast
from surgecast.quota_requests import request_quotas
from tests.advisor.runs import Town, write

IDENTITY = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    "<Arn>arn:aws:iam::123456789012:user/tests</Arn><UserId>U</UserId><Account>123456789012</Account>"
    "</GetCallerIdentityResult></GetCallerIdentityResponse>"
)
STANDARD = {"QuotaName": "Running On-Demand Standard instances", "QuotaCode": "L-1216C47A", "Value": 64.0}


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
def advice(tmp_path_factory: pytest.TempPathFactory) -> Advice:
    """Of a launch that needs more vCPUs in India than it has."""
    folder = tmp_path_factory.mktemp("quotas") / "run"
    write(Town(seed=3), folder)
    run = read_run(folder)
    scenario = run.header.scenario
    audience = {"in": 2500}
    launch = Launch.model_validate({"audience": audience, "node": "c7g.4xlarge", "offers": ["c7g.4xlarge"]})
    header = run.header.model_copy(update={"scenario": scenario.model_copy(update={"launch": launch})})
    return advise([replace(run, header=header)])


def told(advice: Advice, folder: Path, *words: str) -> tuple[int, str]:
    (folder / "advice.json").write_text(Json().render(advice, "en"), encoding="utf-8")
    result = CliRunner().invoke(surgecast, ["quotas", str(folder), *words])
    return result.exit_code, result.output


def test_markets_with_one_aws_region_share_its_quota(advice: Advice) -> None:
    (need,) = [one for one in increases_of(advice) if one.service == "ec2"]
    twice = advice.model_copy(update={"regions": advice.regions * 2})
    (both,) = [one for one in increases_of(twice) if one.service == "ec2"]
    assert both.wanted == 2 * need.wanted


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
