"""What an account has stands beside the advice: in the report in both languages, in advice.json, in a terminal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from moto import mock_aws

from advisor.advice import Advice
from advisor.advising import advise
from advisor.clouds.counted import used_vcpus
from advisor.clouds.needed import Needs, Taken, alone
from advisor.clouds.quotas import ON_DEMAND, SPOT, code_of
from advisor.clouds.snapshot import Account, Delivered, Distribution, Group, NodeGroup, Place, Reservation, WarmPool
from advisor.clouds.today import account_today
from advisor.offers.catalog import load_catalog
from advisor.offers.offer import UNKNOWN_NODE
from advisor.own import Own
from advisor.pages.accounted import rows
from advisor.reports.html import Html
from advisor.reports.json import Json
from advisor.reports.markdown import Markdown
from loadtests.run import Run
from loadtests.scenario import Scenario
from surgecast.accounts import hosts_of, places_of
from surgecast.cli import surgecast
from tests.advisor.runs import Town, run_of
from tests.clouds import town
from tests.clouds.everywhere import told_everywhere
from tests.clouds.town import PLACE

C7G = next(offer for offer in load_catalog("ec2") if offer.name == "c7g.4xlarge")
NOW = datetime(2026, 12, 1, 13, 0, tzinfo=UTC)
HERE = Place(
    region=PLACE,
    running={"c7g.4xlarge": 5, "g5.xlarge": 2},
    spot={},
    vcpus={"c7g.4xlarge": 16, "g5.xlarge": 4, "m7g.large": 2},
    quotas={"L-1216C47A": 640, "L-34B43A08": 5},
    reservations=(
        Reservation(kind="c7g.4xlarge", zone=f"{PLACE}a", total=9, free=4),
        Reservation(kind="m7g.large", zone=f"{PLACE}a", total=3, free=3),
    ),
    groups=(
        Group(name="eks-edge", minimum=1, desired=2, maximum=9, in_service={"c7g.4xlarge": 2}, zones=()),
        Group(
            name="<script>",
            minimum=0,
            desired=0,
            maximum=4,
            in_service={},
            zones=(),
            warm=WarmPool(state="Stopped", minimum=4, most=None),
        ),
    ),
    node_groups=(
        NodeGroup(
            cluster="live", name="edge", status="ACTIVE", minimum=1, desired=2, maximum=9, kinds=("c7g.4xlarge",),
            buying="ON_DEMAND", groups=("eks-edge",),
        ),
    ),
)  # fmt: skip


def account(**changes: Any) -> Account:
    return Account(
        account="123456789012",
        arn="arn:aws:iam::123456789012:user/tests",
        read_at=NOW,
        hosts=("live.example.com",),
        places=(HERE.model_copy(update=changes),),
        distributions=(),
    )


def told(nodes: int | None, **changes: Any) -> list[str]:
    found = account_today(account(**changes), "id", {"id": alone(PLACE, C7G, nodes)})
    assert found is not None
    return [one.key for one in found.findings]


def test_what_is_used_counts_instances_of_the_same_families_and_free_reservations() -> None:
    assert used_vcpus(HERE, ON_DEMAND) == 5 * 16 + 4 * 16 + 3 * 2
    assert used_vcpus(HERE, code_of("g5.xlarge")) == 2 * 4
    assert used_vcpus(HERE, SPOT, spot=True) == 0
    assert used_vcpus(HERE.model_copy(update={"running": None}), ON_DEMAND) is None
    assert used_vcpus(HERE.model_copy(update={"vcpus": {}}), ON_DEMAND) is None
    gpus = {"vcpus": {}, "running": {"g5.xlarge": 2}, "reservations": None}
    assert used_vcpus(HERE.model_copy(update=gpus), ON_DEMAND) == 0


@pytest.mark.parametrize(("nodes", "ask"), [(36, None), (37, 54 + 37 * 16), (1000, 54 + 16_000), (None, None)])
def test_the_quota_to_ask_for_is_what_others_use_and_what_is_needed(nodes: int | None, ask: int | None) -> None:
    """150 vCPUs are used, 96 of them by the plan's own: 2 nodes that serve, 4 that are reserved. 640 - 54 are left."""
    found = account_today(account(), "id", {"id": alone(PLACE, C7G, nodes)})
    assert found is not None
    assert (found.quota, found.used, found.serving) == (640, 150, 2)
    assert (found.own, found.left) == ((96, 586) if nodes else (0, 490))
    assert found.ask == ask
    assert ("account_ask" in [one.key for one in found.findings]) is (ask is not None)
    if ask:
        (message,) = (one for one in found.findings if one.key == "account_ask")
        assert f"--quota-code L-1216C47A --desired-value {ask}." in message.text


def test_fewer_nodes_than_serve_today_take_no_more_than_they_are() -> None:
    found = account_today(account(), "id", {"id": alone(PLACE, C7G, 1)})
    assert found is not None
    assert (found.own, found.left) == (16, 640 - 150 + 16)


def test_regions_of_one_place_share_its_quota() -> None:
    wanted = {"br": alone(PLACE, C7G, 20), "ar": alone(PLACE, C7G, 20), "jp": alone("ap-northeast-1", C7G, 500)}
    found = account_today(account(), "br", wanted)
    assert found is not None
    assert (found.needed_vcpus, found.together_vcpus, found.together) == (320, 640, ("ar", "br"))
    assert found.ask == 54 + 640
    assert account_today(account(), "jp", wanted) is None


def test_regions_of_one_place_with_other_families_do_not_share_a_quota() -> None:
    gpu = C7G.model_copy(update={"name": "g5.4xlarge"})
    found = account_today(account(), "br", {"br": alone(PLACE, C7G, 20), "ar": alone(PLACE, gpu, 20)})
    assert found is not None
    assert (found.together_vcpus, found.together, found.code) == (320, ("br",), ON_DEMAND)


@pytest.mark.parametrize("missing", [{"quotas": {}}, {"running": None}])
def test_without_quota_or_usage_nothing_is_asked_for(missing: dict[str, Any]) -> None:
    found = account_today(account(**missing), "id", {"id": alone(PLACE, C7G, 1000)})
    assert found is not None
    assert (found.left, found.ask) == (None, None)
    assert ("account_other_quota" in [one.key for one in found.findings]) is ("quotas" in missing)


def test_a_type_with_a_quota_of_its_own_is_held_against_that_one() -> None:
    gpu = C7G.model_copy(update={"name": "g5.4xlarge"})
    unread = account_today(account(), "id", {"id": alone(PLACE, gpu, 1000)})
    assert unread is not None
    assert (unread.quota, unread.ask, unread.code) == (None, None, "L-DB2E81BA")
    assert "account_other_quota" in [one.key for one in unread.findings]
    found = account_today(account(quotas={"L-DB2E81BA": 64}), "id", {"id": alone(PLACE, gpu, 5)})
    assert found is not None
    assert (found.quota, found.used, found.ask) == (64, 8, 8 + 5 * 16)


def test_a_node_of_which_nothing_is_known_is_said() -> None:
    found = account_today(account(), "id", {"id": alone(PLACE, UNKNOWN_NODE, 9)})
    assert found is not None
    assert (found.kind, found.needed_vcpus, found.ask) == ("", None, None)
    assert [one.key for one in found.findings] == ["account_node_unknown"]


def test_what_stands_in_the_way_is_told_and_nothing_else() -> None:
    assert told(4) == []
    assert told(5) == ["account_reserved"]
    assert told(10) == ["account_group_maximum", "account_reserved"]
    assert told(4, groups=(), node_groups=()) == ["account_no_group"]
    assert told(4, groups=None) == []
    assert told(None) == []


GPU, GPU_SPOT = code_of("g5.xlarge"), code_of("g5.xlarge", spot=True)


def mixed(*parts: Taken) -> Needs:
    return Needs(PLACE, "c7g.4xlarge", parts)


def test_a_mix_of_two_families_is_held_against_both_quotas() -> None:
    """20 c7g.4xlarge and 6 g5.4xlarge: 320 and 96 vCPUs, of which the 640 and the 64 are not one sum."""
    both = mixed(Taken("c7g.4xlarge", 20, 16, ON_DEMAND), Taken("g5.4xlarge", 6, 16, GPU))
    quotas = {ON_DEMAND: 640, SPOT: 5, GPU: 64}
    found = account_today(account(quotas=quotas), "id", {"id": both, "br": alone(PLACE, C7G, 10)})
    assert found is not None
    standard, gpu = found.quotas
    assert (standard.code, standard.needed, standard.together_vcpus, standard.ask) == (ON_DEMAND, 320, 480, None)
    assert (gpu.code, gpu.kinds, gpu.used, gpu.needed, gpu.together, gpu.ask) == (
        GPU, ("g5.4xlarge",), 8, 96, ("id",), 8 + 96,
    )  # fmt: skip
    assert (found.needed_vcpus, found.ask) == (320, None)
    (asked,) = (one for one in found.findings if one.key == "account_ask")
    assert f"--quota-code {GPU} --desired-value 104." in asked.text
    titles = [title for title, _, _ in rows("en", found)]
    assert f"vCPU quota, on demand, quota {GPU}" in titles
    assert f"按需 vCPU 配额，配额 {GPU}" in [title for title, _, _ in rows("zh", found)]


def test_spot_of_several_markets_in_one_place_adds_up() -> None:
    """12 spot instances each fit 200 vCPUs alone, and not together: 10 others run."""
    each = mixed(Taken("c7g.4xlarge", 9, 16, ON_DEMAND), Taken("c7g.4xlarge", 6, 16, SPOT, spot=True))
    spot = {"spot": {"m7g.large": 10}, "quotas": {ON_DEMAND: 640, SPOT: 200}}
    alone_there = account_today(account(**spot), "id", {"id": each})
    found = account_today(account(**spot), "id", {"id": each, "in": each})
    assert alone_there is not None
    assert found is not None
    assert [one.ask for one in alone_there.quotas] == [None, None]
    _, held = found.quotas
    assert (held.code, held.spot, held.used, held.needed, held.together_vcpus, held.left) == (
        SPOT, True, 20, 96, 192, 180,
    )  # fmt: skip
    assert held.ask == 20 + 192
    (asked,) = (one for one in found.findings if one.key == "account_ask")
    assert f"--quota-code {SPOT} --desired-value 212." in asked.text
    assert (f"vCPU quota, spot, quota {SPOT}", "200", "ask for 212") in rows("en", found)


def test_spot_nodes_that_serve_are_the_plans_own() -> None:
    parts = (Taken("c7g.4xlarge", 9, 16, ON_DEMAND), Taken("c7g.4xlarge", 6, 16, SPOT, spot=True))
    (group,) = HERE.node_groups or ()
    serves = {"node_groups": (group.model_copy(update={"buying": "SPOT"}),), "spot": {"c7g.4xlarge": 2}}
    found = account_today(account(**serves), "id", {"id": mixed(*parts)})
    assert found is not None
    assert [(one.used, one.own) for one in found.quotas] == [(150, 64), (32, 32)]


def test_every_shape_and_way_to_buy_is_looked_for_in_the_groups() -> None:
    """The one group has nine c7g on demand at most: enough for these, and nothing for the others."""
    parts = (Taken("c7g.4xlarge", 4, 16, ON_DEMAND), Taken("m7g.large", 3, 2, ON_DEMAND))
    found = account_today(account(), "id", {"id": mixed(*parts, Taken("c7g.4xlarge", 6, 16, SPOT, spot=True))})
    assert found is not None
    told = [(one.key, one.values["kind"]) for one in found.findings if "group" in one.key]
    assert told == [("account_no_group", "m7g.large"), ("account_no_group_spot", "c7g.4xlarge")]
    (group,) = HERE.node_groups or ()
    small = group.model_copy(update={"buying": "SPOT", "name": "spot", "maximum": 5, "groups": ()})
    found = account_today(
        account(node_groups=(group, small)), "id", {"id": mixed(parts[0], Taken("c7g.4xlarge", 6, 16, SPOT, spot=True))}
    )
    assert found is not None
    told = [(one.key, one.values["names"]) for one in found.findings if "group" in one.key]
    assert told == [("account_group_maximum_spot", "live/spot")]


def test_a_plan_of_spot_alone_takes_nothing_of_the_other_quota() -> None:
    found = account_today(account(), "id", {"id": mixed(Taken("c7g.4xlarge", 6, 16, SPOT, spot=True))})
    assert found is not None
    assert [(one.code, one.needed, one.ask) for one in found.quotas] == [(ON_DEMAND, 0, None), (SPOT, 96, 96)]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = run_of(Town(seed=3), tmp_path_factory.mktemp("town"))
    data = run.header.scenario.model_dump(mode="json")
    data["launch"]["node"] = "c7g.4xlarge"
    scenario = Scenario.model_validate(data)
    return replace(run, header=run.header.model_copy(update={"scenario": scenario}))


@pytest.fixture(scope="module")
def advice(run: Run) -> Advice:
    served = Distribution(
        id="E1", domain="d1.cloudfront.net", aliases=("live.example.com",), enabled=True, price_class="", shields=()
    )
    counted = Delivered(distribution="E1", seconds=240, requests=12_345.0, bytes=6e9, hit_ratio=0.93, error_ratio=None)
    found = account().model_copy(update={"distributions": (served,), "delivered": (counted,)})
    return advise([run], own=Own(account=found))


@pytest.mark.parametrize(
    ("lang", "sentences"),
    [
        ("en", ("What the account has today", "ask for", "0 to 4, 0 wanted (not known), and a warm pool of 4 or more")),
        ("zh", ("账户的现状", "申请到", "0 至 4，期望 0（未知），暖池至少 4 个")),
    ],
)
def test_the_report_shows_today_beside_what_is_needed(advice: Advice, lang: str, sentences: tuple[str, ...]) -> None:
    page, text = Html().render(advice, lang), Markdown().render(advice, lang)
    for part in (page, text.replace("\\", "")):
        assert "123456789012" in part
        assert "12,345" in part
        assert "93%" in part
        for sentence in sentences:
            assert sentence in part
    assert {"en": "### Indonesia: What the account", "zh": "### 印度尼西亚：账户的现状"}[lang] in text
    assert "<script>" not in text
    assert "&lt;script&gt;" in page


def test_the_advice_has_all_that_is_shown(advice: Advice) -> None:
    data = json.loads(Json().render(advice, "en"))
    region = next(one for one in data["regions"] if one["code"] == "id")
    assert region["account"]["quota"] == 640
    assert region["account"]["ask"] == 54 + region["nodes"]["nodes"] * 16
    assert data["account"]["served"][0]["delivered"]["hit_ratio"] == 0.93
    assert data["account"]["our_requests"] == sum(
        second["served"] + second["failed"] for run in data["runs"] for second in run["whole"]
    )
    assert next(one for one in data["regions"] if one["code"] == "br")["account"] is None


def test_without_an_account_the_advice_is_as_it_was(run: Run) -> None:
    plain = advise([run])
    assert plain.account is None
    assert "What the account has today" not in Markdown().render(plain, "en")


def test_the_hosts_of_a_target_are_those_that_viewers_ask(run: Run) -> None:
    scenario = run.header.scenario
    other = {"url": "https://br.example.net/live.m3u8"}
    data = scenario.model_dump(mode="json")
    data["target"] |= {"url": "https://live.example.com/a.m3u8", "hosts": ["cdn.example.com"]}
    data["regions"]["br"]["target"] = other
    assert set(hosts_of(Scenario.model_validate(data))) == {"live.example.com", "cdn.example.com", "br.example.net"}


def test_the_account_is_read_and_shown_where_a_rule_puts_the_nodes(run: Run) -> None:
    data = run.header.scenario.model_dump(mode="json")
    data["launch"]["residency"] = {"id": ["SG"]}
    header = run.header.model_copy(update={"scenario": Scenario.model_validate(data)})
    assert places_of(header, ("id", "in"), ()) == {"ap-southeast-1", "ap-southeast-3", "ap-south-1"}
    assert places_of(run.header, ("id", "in"), ()) == {"ap-southeast-3", "ap-south-1"}
    there = HERE.model_copy(update={"region": "ap-southeast-1"})
    moved = advise([replace(run, header=header)], own=Own(account=account().model_copy(update={"places": (there,)})))
    found = next(one.account for one in moved.regions if one.code == "id")
    assert found is not None
    assert found.place == "ap-southeast-1"


@pytest.fixture
def served() -> Iterator[None]:
    """moto for a command that makes its own session."""
    with told_everywhere(), mock_aws():
        yield


def invoke(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(surgecast, ["advise", *words])
    error = result.exception
    return getattr(error, "exit_code", result.exit_code), result.output + (str(error) if error else "")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("command")
    run_of(Town(seed=3), folder)
    return next(path.parent for path in folder.rglob("run.jsonl"))


def test_the_command_reads_the_account_and_advises_whatever_could_not_be_read(served: None, folder: Path) -> None:
    code, text = invoke(str(folder), "--account", "--out", str(folder / "out"))
    assert code == 0, text
    assert "Reading the AWS account in ap-south-1, ap-southeast-3, sa-east-1." in text
    assert "! servicequotas:GetAWSDefaultServiceQuota in ap-southeast-3 failed" in text
    data = json.loads((folder / "out" / "advice.json").read_text(encoding="utf-8"))
    assert data["account"]["places"] == ["ap-south-1", "ap-southeast-3", "sa-east-1"]
    assert {one["account"]["place"] for one in data["regions"]} == {"ap-south-1", "ap-southeast-3", "sa-east-1"}
    (part,) = data["cdns"]["parts"]
    assert (part["offer"]["limits"]["egress"], part["allowance"]["left"]) == ("400Gbps", 210)


def test_the_command_buys_no_more_than_the_account_lets_it(folder: Path, tmp_path: Path) -> None:
    """Nine nodes run in Jakarta, 144 vCPUs: less of them leaves another type, and none leaves no type at all."""
    scenario = tmp_path / "launch.yaml"
    data = Town(seed=3).scenario.model_dump(mode="json")
    data["launch"] |= {"node": "c7g.4xlarge", "offers": ["ec2"], "most_nodes": 100_000}
    data["launch"]["audience"] = {"id": 4000, "in": 2500}
    scenario.write_text(yaml.safe_dump(data), encoding="utf-8")

    def read(applied: dict[str, float], out: str) -> tuple[dict[str, Any], str]:
        with told_everywhere(applied), mock_aws():
            town.instances(count=9)
            words = (str(folder), "--account", "--scenario", str(scenario), "--out", str(tmp_path / out))
            code, text = invoke(*words)
        assert code == 0, text
        told = json.loads((tmp_path / out / "advice.json").read_text(encoding="utf-8"))
        (region,) = [one for one in told["regions"] if one["code"] == "id"]
        return region["nodes"]["offers"], (tmp_path / out / "report.md").read_text(encoding="utf-8")

    roomy, page = read({ON_DEMAND: 40_000, SPOT: 64}, "roomy")
    quota = roomy["best"]["quota"]
    assert (quota["source"], quota["known"], quota["used"], quota["command"]) == ("account", 40_000, 144, "")
    assert "The quota is the account's own, from Service Quotas." in page
    tight, page = read({ON_DEMAND: quota["vcpus"] + 143, SPOT: 64}, "tight")
    assert tight["best"]["offer"]["name"] != roomy["best"]["offer"]["name"], "one that takes fewer vCPUs"
    assert tight["best"]["quota"]["vcpus"] < quota["vcpus"]
    shut, page = read({ON_DEMAND: 144, SPOT: 0}, "shut")
    assert shut["best"] is None
    assert "beside the 144 that run there already" in page
    assert f"--desired-value {144 + shut['beyond']['quota']['vcpus']}" in page


def test_without_credentials_the_advice_is_made_and_says_so(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    code, text = invoke(str(folder), "--account", "--lang", "zh", "--out", str(folder / "shut"))
    assert code == 0, text
    assert "! 没有 AWS 接受的凭证" in text
    assert "AWS 账户：什么都没能读取。" in (folder / "shut" / "report.md").read_text(encoding="utf-8")


def test_a_role_that_is_refused_leaves_the_advice_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    role = "arn:aws:iam::123456789012:role/surgecast-reader"
    code, text = invoke(str(folder), "--account", "--assume-role", role, "--out", str(folder / "role"))
    assert code == 0, text
    assert "(sts:AssumeRole)" in text


def test_the_command_plans_with_a_catalogue_of_ones_own(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    text = resources.files("advisor").joinpath("catalogs/ec2.yaml").read_text(encoding="utf-8")
    file.write_text(text.replace("name: ec2", "name: mine"), encoding="utf-8")
    scenario = tmp_path / "launch.yaml"
    data = Town(seed=3).scenario.model_dump(mode="json")
    data["launch"] |= {"node": "c7g.4xlarge", "most_nodes": 100_000}
    scenario.write_text(yaml.safe_dump(data), encoding="utf-8")
    words = ("--catalog", str(file), "--scenario", str(scenario), "--out", str(tmp_path))
    code, printed = invoke(str(folder), *words)
    assert code == 0, printed
    advice = json.loads((tmp_path / "advice.json").read_text(encoding="utf-8"))
    offers = [one for region in advice["regions"] for one in region["nodes"]["offers"]["alternatives"]]
    assert {one["offer"]["catalog"] for one in offers} == {"mine"}


@mock_aws
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--profile", "live"), "--profile and --assume-role need --account"),
        (("--account", "--profile", "nobody"), "profiles that are there: none"),
        (("--account", "--assume-role", "reader"), "--assume-role reader: not the ARN of a role"),
        (("--catalog", "nowhere.yaml"), "nowhere.yaml: cannot be read"),
    ],
)
def test_bad_input_is_refused_before_anything_is_written(
    folder: Path, words: tuple[str, ...], message: str, tmp_path: Path
) -> None:
    code, text = invoke(str(folder), "--out", str(tmp_path / "out"), *words)
    assert code == 2
    assert message in text
    assert not (tmp_path / "out").exists()
