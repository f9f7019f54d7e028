"""Variables are what terraform/live declares, to the last name; each has its reason; what is not known is null."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from advisor import figures
from advisor.carrying.generators import machines
from advisor.carrying.terraform import FILE, nearest, shields
from advisor.cdns.offer import load_offer
from advisor.cdns.shield import ShieldChoice
from advisor.clouds.groups import group_need
from advisor.clouds.snapshot import Place
from advisor.models import Excuse
from advisor.own import Own
from advisor.plans.plan import Plan
from advisor.texts import LANGS, texts
from loadtests.run import Run
from loadtests.scaling import Launches
from surgecast.cli import surgecast
from surgecast.manifests.topology import SHAPED_COST, on_a_core
from tests.advisor.runs import Town, write
from tests.terraform.conftest import LAUNCH, Advised, advised
from tests.terraform.tool import FOLDER, Terraform

ECHO = """
output "declared" {
  value = { surge = var.surge, why = var.why, reasons = var.reasons }
}
"""


def read(folder: Path, region: str = "id") -> dict[str, Any]:
    found = json.loads((folder / region / FILE).read_text(encoding="utf-8"))
    assert isinstance(found, dict)
    return found


def leaves(value: Any, path: str = "") -> Iterator[str]:
    if isinstance(value, dict):
        for name, one in value.items():
            yield from leaves(one, f"{path}.{name}".removeprefix("."))
    else:
        yield path


def echo(tmp_path: Path, data: dict[str, Any]) -> Terraform:
    """The variables as they are declared, and nothing that would need a provider."""
    folder = tmp_path / "echo"
    folder.mkdir()
    (folder / "variables.tf").write_text((FOLDER / "live" / "id" / "variables.tf").read_text(encoding="utf-8"))
    (folder / "echo.tf").write_text(ECHO)
    (folder / FILE).write_text(json.dumps(data), encoding="utf-8")
    return Terraform(folder)


def test_what_is_written_is_what_is_declared(known: Advised, tmp_path: Path) -> None:
    """Terraform drops silently what an object does not declare, and refuses what is missing: so nothing is either."""
    known.export(tmp_path)
    run = echo(tmp_path, read(tmp_path))
    run.done("apply", "-auto-approve")
    assert run.outputs()["declared"] == read(tmp_path)


def test_nulls_are_declared_too(town: Run, tmp_path: Path) -> None:
    advised(town, {}, "http://127.0.0.1:8800/live/master.m3u8", starts_at=None).export(tmp_path)
    data = read(tmp_path)
    assert data["surge"]["nodes"] is None
    assert data["surge"]["event"] is None
    assert data["surge"]["cdn"]["origin"] is None
    run = echo(tmp_path, data)
    run.done("apply", "-auto-approve")
    assert run.outputs()["declared"] == data


@pytest.mark.parametrize(
    ("path", "wrong", "told"),
    [
        (("surge", "provider_region"), "Jakarta", "expected an AWS region such as ap-southeast-3"),
        (("surge", "region"), "id; rm", "expected a region and a scenario"),
        (("surge", "tags"), {"a\nb": "c"}, "tags as AWS takes them"),
        (("surge", "zones"), "three", "number"),
        (("surge", "nodes"), {"min": 1}, "required"),
        (("why", "zones"), "because", "no such reason"),
    ],
)
def test_a_file_changed_by_hand_is_refused(
    known: Advised, tmp_path: Path, path: tuple[str, str], wrong: object, told: str
) -> None:
    known.export(tmp_path)
    data = read(tmp_path)
    data[path[0]][path[1]] = wrong
    made = echo(tmp_path, data)("plan")
    assert made.returncode == 1
    assert told in made.stdout + made.stderr


def test_every_value_has_a_reason_in_both_languages(known: Advised, tmp_path: Path) -> None:
    for region in known.export(tmp_path):
        data = read(tmp_path, region)
        assert list(data["why"]) == list(leaves(data["surge"]))
        assert sorted(data["reasons"]) == sorted(set(data["why"].values()))
        for reason in data["reasons"].values():
            assert set(reason) == set(LANGS)
            assert all("{" not in text and text for text in reason.values())


def test_a_price_that_is_assumed_is_told(known: Advised, tmp_path: Path) -> None:
    known.export(tmp_path)
    data = read(tmp_path)
    whys = {why for name, why in data["why"].items() if name.startswith("nodes.") and name.endswith("_types")}
    assert whys
    for lang, said in (("en", "price is assumed (price of us-east-1,"), ("zh", "价格为假定（price of us-east-1,")):
        assert [data["reasons"][why][lang] for why in whys if said not in data["reasons"][why][lang]] == []


def test_reasons_are_the_same_in_both_languages() -> None:
    assert {key for key in texts("en") if key.startswith("tf_")} == {
        key for key in texts("zh") if key.startswith("tf_")
    }


def test_counts_are_of_the_chosen_type_and_in_order(known: Advised, tmp_path: Path) -> None:
    known.export(tmp_path)
    for region in known.advice.regions:
        groups = read(tmp_path, region.code)["surge"]["nodes"].values()
        assert region.fleet is not None
        for nodes, group in zip(groups, region.fleet.groups, strict=True):
            assert nodes["instance_types"] == [group.offer]
            assert nodes["capacity_type"] == "ON_DEMAND"
            assert 1 <= nodes["min"] <= nodes["ahead"] <= nodes["max"] <= known.scenario.launch.most_nodes
            assert nodes["max"] >= group.nodes


def test_groups_are_as_large_as_the_account_has_them(known: Advised, tmp_path: Path) -> None:
    known.export(tmp_path)
    assert {one["per_group"] for one in read(tmp_path)["surge"]["nodes"].values()} == {450}
    plan = known.advice.regions[0].nodes
    assert isinstance(plan, Plan)
    best = plan.offers.best
    assert best is not None
    own = best.model_copy(update={"groups": group_need(best.nodes, Place(region="x", quotas={"L-BD136A63": 100}))})
    known.export(tmp_path, nodes=plan.model_copy(update={"offers": plan.offers.model_copy(update={"best": own})}))
    data = read(tmp_path)
    for key, group in data["surge"]["nodes"].items():
        assert group["per_group"] == 100
        assert "100" in data["reasons"][data["why"][f"nodes.{key}.per_group"]]["zh"]


def test_a_wall_holds_for_every_count(town: Run, tmp_path: Path) -> None:
    walled = advised(town, LAUNCH | {"scaling": {"pods_per_node": 2, "most_nodes": 40}})
    walled.export(tmp_path)
    groups = read(tmp_path)["surge"]["nodes"].values()
    assert sum(one["max"] for one in groups) == 40
    assert all(one["ahead"] <= one["max"] for one in groups)


def test_nodes_are_asked_for_before_the_rise_by_their_longest_wait(known: Advised, tmp_path: Path) -> None:
    known.export(tmp_path)
    region = known.advice.regions[0]
    assert isinstance(region.nodes, Plan)
    assert region.scaling is not None
    assert known.scenario.starts_at is not None
    event = read(tmp_path)["surge"]["event"]
    rises = known.scenario.starts_at + timedelta(seconds=region.scaling.rises_at)
    ahead = (rises - datetime.fromisoformat(event["opens"])).total_seconds()
    groups = read(tmp_path)["surge"]["nodes"].values()
    starting = region.scaling.launches.nodes.seconds(sum(one["ahead"] - one["min"] for one in groups))
    assert starting > 60
    assert ahead >= region.nodes.lead.high + starting + 120
    assert ahead <= max(region.nodes.lead.high + starting, (region.scaling.opens or 0) + starting) + 120 + 120
    assert event["opens"].endswith(":00Z")
    assert sum(one["ahead"] for one in groups) >= region.nodes.ready * 0.5


@pytest.mark.parametrize(
    ("viewers", "wire", "per_core", "count", "binding"),
    [
        (40_000, 27e9, 9_800, 7, "network"),  # 27 ÷ (5 × 0.8) = 6.75
        (40_000, 1e9, 1_000, 3, "cores"),  # 40,000 ÷ 16,000 = 2.5
        (130_000, 1e9, 9_800, 3, "ports"),  # 130,000 ÷ 60,000 = 2.2
        (1, 1.0, 9_800, 1, "ports"),
    ],
)
def test_machines_are_as_many_as_the_tightest_limit_asks(
    viewers: int, wire: float, per_core: int, count: int, binding: str
) -> None:
    found = machines("id", "ap-southeast-3", viewers, wire, per_core, 130.0)
    assert not isinstance(found, Excuse)
    assert (found.count, found.binding) == (count, f"machines_{binding}")
    assert found.minutes == math.ceil((130 + 900 + 1800) / 60)
    assert all(name.split(".")[1] == "4xlarge" and "g" in name.split(".")[0][2:] for name in found.types)


def test_where_the_catalogue_knows_no_type_there_are_no_machines() -> None:
    found = machines("xx", "mars-north-1", 1, 1.0, 1, 1.0)
    assert isinstance(found, Excuse)
    assert "mars-north-1" in found.reason.text


def test_a_shaped_viewer_costs_a_core_more(town: Run) -> None:
    audience = town.header.scenario.regions["id"]
    plain, shaped = (on_a_core(audience.model_copy(update={"shaping": one})) for one in ("off", "full"))
    assert shaped == plain // SHAPED_COST


def test_the_rest_is_written_where_no_nodes_can_be_named(town: Run, tmp_path: Path) -> None:
    written = advised(town, {}).export(tmp_path)
    data = read(tmp_path)
    assert data["surge"]["nodes"] is None
    assert data["surge"]["generators"]["machines"] >= 1
    assert data["surge"]["cdn"]["origin"] == "origin.example.com"
    assert data["why"]["nodes"] == "no_nodes"
    assert "launch.node" in data["reasons"]["no_nodes"]["zh"]
    assert {one.reason.key for one in written["id"].excuses} == {"tf_no_offer"}


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "[::1]", "localhost", "stage.surgecast.test", "origin.default.svc.cluster.local", "a_b.com"]
)
def test_a_host_that_no_cdn_finds_is_no_origin(town: Run, tmp_path: Path, host: str) -> None:
    advised(town, LAUNCH, f"http://{host}:8800/live/master.m3u8").export(tmp_path)
    data = read(tmp_path)
    assert data["surge"]["cdn"]["origin"] is None
    assert "delivery.origin" in data["reasons"]["no_origin"]["en"]


def test_without_a_time_there_is_no_event(town: Run, tmp_path: Path) -> None:
    advised(town, starts_at=None).export(tmp_path)
    data = read(tmp_path)
    assert data["surge"]["event"] is None
    assert data["surge"]["nodes"] is not None
    assert "starts_at" in data["reasons"]["no_event"]["zh"]


def test_a_market_without_an_aws_region_has_an_excuse_and_keeps_no_old_file(known: Advised, tmp_path: Path) -> None:
    known.export(tmp_path)
    own = tmp_path / "in" / FILE
    own.write_text('{"mine": 1}', encoding="utf-8")
    header = known.run.header
    nowhere = {code: one.model_copy(update={"provider_regions": {}}) for code, one in header.regions.items()}
    lost = known._replace(run=replace(known.run, header=header.model_copy(update={"regions": nowhere})))
    written = lost.export(tmp_path)
    assert {one.reason.key for part in written.values() for one in part.excuses} == {"tf_no_region"}
    assert not (tmp_path / "id" / FILE).exists()
    assert own.exists()


def test_what_was_written_for_other_regions_is_removed_and_files_of_others_stay(known: Advised, tmp_path: Path) -> None:
    known.export(tmp_path)
    (tmp_path / "jp").mkdir()
    (tmp_path / "id" / FILE).rename(tmp_path / "jp" / FILE)
    (tmp_path / "mx").mkdir()
    (tmp_path / "mx" / FILE).write_text('{"surge": {}}', encoding="utf-8")
    assert known.export(tmp_path)["jp"].removed == (tmp_path / "jp" / FILE,)
    assert not (tmp_path / "jp" / FILE).exists()
    assert (tmp_path / "mx" / FILE).exists()
    assert (tmp_path / "id" / FILE).exists()


def test_regions_without_a_shield_go_to_one_that_has_one() -> None:
    assert set(nearest().value.values()) <= set(shields().value)
    assert not set(nearest().value) & set(shields().value)


def test_the_command_line_writes_them_beside_the_manifests(known: Advised, tmp_path: Path) -> None:
    place = str(write(Town(seed=3), tmp_path))
    (tmp_path / "launch.yaml").write_text(known.scenario.model_dump_json(), encoding="utf-8")
    words = ["--scenario", str(tmp_path / "launch.yaml"), "--export", str(tmp_path / "live"), "--out", str(tmp_path)]
    made = CliRunner().invoke(surgecast, ["advise", place, *words, "--lang", "zh"])
    assert made.exit_code == 0, made.output
    for region in known.scenario.regions:
        assert str(tmp_path / "live" / region / FILE) in made.stdout
        assert (tmp_path / "live" / region / "nodepool.yaml").exists()
    known.export(tmp_path / "again")
    found, known_too = (read(tmp_path / name)["surge"] for name in ("live", "again"))
    assert {name for name in found if found[name] != known_too[name]} == {"cdn"}  # the run's own target stays
    assert found["cdn"]["origin"] is None
    assert made.stderr.count("stage.surgecast.test") == len(known.scenario.regions)


def test_a_strange_run_cannot_break_a_tag(town: Run, tmp_path: Path) -> None:
    strange = advised(town)
    (run,) = strange.advice.runs
    named = run.model_copy(update={"facts": run.facts.model_copy(update={"run_id": '夜\n"x"' * 200})})
    Advised(town, strange.advice.model_copy(update={"runs": (named,)}), strange.scenario).export(tmp_path)
    tag = read(tmp_path)["surge"]["tags"]["surgecast-run"]
    assert len(tag) == 256
    assert tag.isascii()
    assert tag.isprintable()


def test_all_stands_where_the_rule_puts_the_nodes(town: Run, tmp_path: Path) -> None:
    ruled = advised(town, LAUNCH | {"residency": {"id": ["SG"]}})
    ruled.export(tmp_path)
    plan, surge = ruled.advice.regions[0].nodes, read(tmp_path)["surge"]
    assert isinstance(plan, Plan)
    assert plan.residence is not None
    assert surge["provider_region"] == plan.residence.places["aws"] == "ap-southeast-1"
    assert surge["cdn"]["shield_region"] == "ap-southeast-1"
    assert read(tmp_path, "in")["surge"]["provider_region"] == "ap-south-1"


def test_the_shield_is_that_of_the_origin_as_the_plan_counts_it(town: Run, tmp_path: Path) -> None:
    placed = advised(town, LAUNCH | {"cdn": {"shield": True, "origin": "aws:eu-central-1"}})
    placed.export(tmp_path)
    data = read(tmp_path)
    assert placed.advice.cdns is not None
    chosen = placed.advice.cdns.parts[0].shield
    assert isinstance(chosen, ShieldChoice)
    assert data["surge"]["cdn"]["shield_region"] == chosen.region == "eu-central-1"
    assert "aws:eu-central-1" in data["reasons"][data["why"]["cdn.shield_region"]]["zh"]


def test_a_shield_that_ones_own_file_of_cloudfront_has_not_is_not_written(town: Run, tmp_path: Path) -> None:
    offer = load_offer("cloudfront")
    assert offer.shield is not None
    fees = {region: fee for region, fee in offer.shield.per_10k.items() if region != "eu-central-1"}
    own = Own(cdns=(offer.model_copy(update={"shield": offer.shield.model_copy(update={"per_10k": fees})}),))
    advised(town, LAUNCH | {"cdn": {"shield": True, "origin": "aws:eu-central-1"}}, own=own).export(tmp_path)
    assert read(tmp_path)["surge"]["cdn"]["shield_region"] not in (None, "eu-central-1")


def test_the_plan_asks_for_what_the_one_distribution_of_each_region_carries(town: Run, tmp_path: Path) -> None:
    large = LAUNCH | {"audience": {"id": 400_000, "in": 250_000, "br": 120_000}}
    found = advised(town, large)
    found.export(tmp_path)
    assert found.advice.cdns is not None
    (part,) = found.advice.cdns.parts
    limits, wanted = part.offer.limits, {more.unit: more.wanted for more in part.increases}
    assert limits is not None
    most = []
    for share in found.advice.cdns.shares:
        data = read(tmp_path, share.region)
        carries, why = data["surge"]["cdn"]["must_carry"], data["why"]["cdn.must_carry.gbps"]
        assert carries == {
            "gbps": round(share.peak.high / 1e9, 3),
            "requests_per_second": math.ceil(share.requests.high),
        }
        is_more = share.peak.high > limits.egress or share.requests.high > limits.requests_per_second
        assert why == ("must_carry_more" if is_more else "must_carry")
        for lang in LANGS:
            assert figures.rate(share.requests.high, "requests/s") in data["reasons"][why][lang]
            assert ("surgecast quotas" in data["reasons"][why][lang]) is is_more
        most.append(carries["requests_per_second"])
    assert wanted["requests/s"] == math.ceil(max(most) / 10_000) * 10_000 < sum(most)
    own = Own(cdns=(part.offer.model_copy(update={"limits": None, "quotas": None}),))
    advised(town, large, own=own).export(tmp_path)
    assert read(tmp_path)["why"]["cdn.must_carry.gbps"] == "must_carry_unknown"


def test_where_the_plan_has_no_cloudfront_none_is_made(town: Run, tmp_path: Path) -> None:
    cdn = {"shield": True, "offers": ["cloudfront", "tencent"], "allowed": {"in": ["tencent"]}}
    written = advised(town, LAUNCH | {"cdn": cdn}).export(tmp_path)
    assert read(tmp_path, "in")["surge"]["cdn"] is None
    assert "tf_no_cdn" in [one.reason.key for one in written["in"].excuses]
    shares = advised(town, LAUNCH | {"cdn": cdn | {"allowed": {"id": ["cloudfront"]}}})
    shares.export(tmp_path)
    assert read(tmp_path)["surge"]["cdn"] is not None


def test_no_more_nodes_may_run_than_the_quota_lets(town: Run, tmp_path: Path) -> None:
    alone = LAUNCH | {"offers": []}
    known = advised(town, alone)
    fleet = known.advice.regions[0].fleet
    assert fleet is not None
    vcpus = {one.key: one.vcpus or 0 for one in fleet.groups}
    known.export(tmp_path / "loose")
    loose = read(tmp_path / "loose")["surge"]["nodes"]
    assert sum(one["max"] for one in loose.values()) > fleet.nodes
    quota = sum(one.nodes * vcpus[one.key] for one in fleet.groups)
    advised(town, alone | {"quota_vcpus": {"id": quota}}).export(tmp_path)
    nodes = read(tmp_path)["surge"]["nodes"]
    assert {key: one["max"] for key, one in nodes.items()} == {one.key: one.nodes for one in fleet.groups}


def test_a_quota_that_nothing_fits_is_the_reason_that_there_are_no_nodes(town: Run, tmp_path: Path) -> None:
    advised(town, LAUNCH | {"quota_vcpus": {"id": 64}}).export(tmp_path)
    data = read(tmp_path)
    assert data["surge"]["nodes"] is None
    assert data["surge"]["event"] is None
    assert "64" in data["reasons"]["no_nodes"]["en"]
    assert "launch.node" not in data["reasons"]["no_nodes"]["en"]
    assert "launch.quota_vcpus" in data["reasons"]["no_nodes"]["zh"]


def test_the_time_in_which_all_nodes_are_started_is_counted_too(known: Advised, tmp_path: Path) -> None:
    """Pods that are asked for late leave it to Terraform alone to be early."""
    region = known.advice.regions[0]
    assert isinstance(region.nodes, Plan)
    assert region.scaling is not None
    assert known.scenario.starts_at is not None
    slow = region.scaling.launches.model_copy(update={"nodes": Launches(burst=1, per_second=0.5)})
    assert region.fleet is not None
    late = region.fleet.model_copy(update={"pods": region.fleet.pods.model_copy(update={"opens": 60.0})})
    known.export(tmp_path, scaling=region.scaling.model_copy(update={"launches": slow}), fleet=late)
    surge = read(tmp_path)["surge"]
    rises = known.scenario.starts_at + timedelta(seconds=region.scaling.rises_at)
    ahead = (rises - datetime.fromisoformat(surge["event"]["opens"])).total_seconds()
    assert ahead >= region.nodes.lead.high + 120 + (late.ahead - late.calm - 1) * 2
