"""What viewers cost where the nodes serve them alone: data out by region and tier, known or not, and what is free."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from advisor.advice import Advice
from advisor.advising import advise
from advisor.egress.cost import EgressCost, Leaving, egress_costs
from advisor.egress.prices import EgressList, list_names, lists_of, load_list, parse_list, stale
from advisor.interval import Interval
from advisor.models import Excuse
from advisor.offers.offer import UNKNOWN_NODE, Offer
from advisor.own import Own, read_file, read_files
from advisor.reports.html import Html
from advisor.reports.markdown import Markdown
from advisor.texts import LANGS, say
from loadtests.errors import InputError
from loadtests.run import Run
from loadtests.scenario import Scenario
from surgecast.cli import surgecast
from tests.advisor.runs import Town, run_of, write
from tests.house.tree import ROOT, blocks

AWS = load_list("aws-egress")
NODE = Offer(name="c7g.4xlarge", provider="aws", catalog="ec2")
NONE = Excuse(about="x", reason=say("shield_no_origin"), remedy=say("shield_no_origin_fix"))
JAKARTA = """
name: mine
provider: aws
period: month
tiers: marginal
borders_gb: [100]
facts: {prices: {source: s, as_of: "2026-11-27", confidence: measured}}
per_gb: {ap-southeast-3: [0.5, 0.25], sa-east-1: [null, 0.1], ap-south-1: [1, 1]}
"""


def gb(mid: float, spread: float = 0.0) -> Interval:
    return Interval(low=mid * (1 - spread), mid=mid, high=mid * (1 + spread), coverage=0.9, samples=9)


def costs(*found: tuple[str, str, Interval], lists: dict[str, EgressList] | None = None) -> dict[str, EgressCost]:
    leaving = [Leaving(code, NONE, {"aws": place}, volume) for code, place, volume in found]
    return egress_costs(leaving, NODE, lists_of() if lists is None else lists)


@pytest.mark.parametrize(
    ("place", "volume", "usd"),
    [
        ("us-east-1", 10_240, 921.60),
        ("us-east-1", 157_000, 921.60 + 3_481.60 + 7_168.00 + 170.00),
        ("sa-east-1", 157_000, 1_536.00 + 5_652.48 + 12_902.40 + 387.60),
        ("af-south-1", 157_000, 1_576.96 + 6_021.12 + 12_902.40 + 380.80),
        ("me-south-1", 157_000, 1_198.08 + 4_526.08 + 9_318.40 + 221.00),
        ("ap-northeast-2", 157_000, 1_290.24 + 4_997.12 + 11_980.80 + 367.20),
        ("ap-south-1", 10_240, 1_119.23),
        ("il-central-1", 157_000, 1_126.40 + 3_481.60 + 7_884.80 + 187.00),
    ],
)
def test_a_months_volume_costs_what_the_source_reckons(place: str, volume: float, usd: float) -> None:
    tariff = AWS.tariff(place)
    assert tariff is not None
    assert tariff.charge(volume) == pytest.approx(usd, abs=0.005)


def test_every_list_that_ships_has_prices_that_fall_and_none_of_zero() -> None:
    for name in list_names():
        for place, prices in load_list(name).per_gb.items():
            known = [price for price in prices if price is not None]
            assert all(price > 0 for price in known), place
            assert known == sorted(known, reverse=True), place


def test_regions_in_one_place_share_its_tiers_and_each_pays_its_part() -> None:
    found = costs(("ar", "sa-east-1", gb(10_240)), ("br", "sa-east-1", gb(30_720)), ("us", "us-east-1", gb(10_240)))
    one, other = found["ar"], found["br"]
    assert one.usd is not None
    assert other.usd is not None
    whole = 10_240 * 0.15 + 30_720 * 0.138
    assert (one.usd.mid, other.usd.mid) == pytest.approx((whole / 4, whole * 3 / 4))
    assert one.together == other.together == ("ar", "br")
    assert found["us"].usd is not None
    assert found["us"].usd.mid == pytest.approx(921.60)


def test_the_examples_of_the_page_are_what_is_charged() -> None:
    page = ROOT / "docs" / "planning.md"
    found = costs(("ar", "sa-east-1", gb(10_240)), ("br", "sa-east-1", gb(30_720)))
    usd = [one.usd.mid for one in found.values() if one.usd]
    assert f"US${sum(usd):,.2f}" in page.read_text(encoding="utf-8")
    assert f"US${usd[1]:,.2f}" in page.read_text(encoding="utf-8")
    (text,) = (block.text for block in blocks(page, "yaml") if "acme-egress" in block.text)
    acme = parse_list("acme.yaml", text).tariff("south-1")
    assert acme is not None
    assert (acme.charge(10_000), acme.charge(10_001)) == (1_000, None)


def test_what_is_not_known_is_none_and_never_zero() -> None:
    assert costs(("id", "ap-southeast-3", gb(10)))["id"].usd is None, "no source was found for Jakarta"
    assert costs(("id", "ap-southeast-3", gb(10)))["id"].total_usd is None
    assert costs(("us", "us-east-1", gb(10)), lists={})["us"].usd is None
    assert egress_costs([Leaving("us", NONE, {"aws": "us-east-1"}, gb(10))], UNKNOWN_NODE, lists_of()) == {}
    assert costs(("us", "", gb(10))) == {}
    assert costs() == {}
    nothing = costs(("us", "us-east-1", gb(0)))["us"].usd
    assert nothing is not None
    assert nothing.mid == 0


def test_a_range_of_volume_is_a_range_of_cost_and_a_huge_one_stays_finite() -> None:
    found = costs(("us", "us-east-1", gb(10_240, 0.5)), ("br", "sa-east-1", gb(1e12)))
    usd = found["us"].usd
    assert usd is not None
    assert (usd.low, usd.high) == pytest.approx((5_120 * 0.09, 10_240 * 0.09 + 5_120 * 0.085))
    assert found["br"].usd is not None
    assert found["br"].usd.mid == pytest.approx(1e12 * 0.114, rel=1e-3)


def test_a_list_of_ones_own_takes_the_place_of_its_providers() -> None:
    mine = parse_list("mine.yaml", JAKARTA)
    found = costs(("id", "ap-southeast-3", gb(300)), ("br", "sa-east-1", gb(300)), lists=lists_of([mine]))
    assert found["id"].usd is not None
    assert found["id"].usd.mid == pytest.approx(100 * 0.5 + 200 * 0.25)
    assert found["id"].free_to == ()
    assert found["br"].usd is None, "its first tier has no price"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("borders_gb: [100]|borders_gb: [200, 100]", "must ascend"),
        ("[0.5, 0.25]|[0.5]", "expected 2 prices, one per tier, found 1"),
        ("[1, 1]|[-1, 1]", "per_gb.ap-south-1"),
        ("period: month|period: year", "period"),
        ("provider: aws|free_to: [cloudfront]\nprovider: aws", "facts.free: missing"),
        ("name: mine|name: ../x", "name"),
    ],
)
def test_bad_lists_are_refused_with_file_and_field(change: str, message: str, tmp_path: Path) -> None:
    file, (old, new) = tmp_path / "mine.yaml", change.split("|")
    file.write_text(JAKARTA.replace(old, new), encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_file(file)
    assert message in f"{caught.value}"
    assert str(file) in f"{caught.value}"


def test_files_are_told_apart_by_what_stands_in_them(tmp_path: Path) -> None:
    files = []
    for number, part in enumerate(("catalogs/ec2.yaml", "cdns/offers/tencent.yaml", "egress/lists/aws-egress.yaml")):
        files.append(tmp_path / f"{number}.yaml")
        files[-1].write_text((ROOT / "advisor" / part).read_text(encoding="utf-8"), encoding="utf-8")
    own = read_files(files)
    assert [one.catalog.name for one in own.catalogs] == ["ec2"]
    assert [one.name for one in own.cdns] == ["tencent"]
    assert [one.name for one in own.egress] == ["aws-egress"]
    for text in ("", "[]", "3", "shopping: [bread]"):
        files[0].write_text(text, encoding="utf-8")
        with pytest.raises(InputError, match=r"0\.yaml"):
            read_file(files[0])
    files[0].write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match="cannot be read"):
        read_file(files[0])


def test_old_prices_are_warned_of_where_they_are_used() -> None:
    later = date(2027, 6, 1)
    assert [one.values["catalog"] for one in stale((), {"aws"}, later)] == ["aws-egress"]
    assert list(stale((), {"tencent"}, later)) == []
    assert list(stale((), {"aws"}, date(2026, 11, 27))) == []


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    played = run_of(Town(seed=3), tmp_path_factory.mktemp("town"))
    data = played.header.scenario.model_dump(mode="json")
    data["launch"] |= {"node": "c7g.4xlarge", "most_nodes": 100_000}
    return replace(played, header=played.header.model_copy(update={"scenario": Scenario.model_validate(data)}))


@pytest.fixture(scope="module")
def real(run: Run) -> Advice:
    return advise([run], own=Own(egress=(parse_list("mine.yaml", JAKARTA),)))


def test_nodes_and_egress_add_up_to_what_the_event_costs_without_a_cdn(real: Advice) -> None:
    found = {one.code: one.egress for one in real.regions}
    jakarta = found["id"]
    assert jakarta is not None
    assert jakarta.usd is not None
    assert jakarta.nodes_usd is not None
    assert jakarta.total_usd is not None
    assert jakarta.total_usd.mid == pytest.approx(jakarta.usd.mid + jakarta.nodes_usd)
    (region,) = (one for one in real.regions if one.code == "id")
    assert jakarta.gb == region.cdn.event_gb
    assert jakarta.place == "ap-southeast-3"
    assert found["br"] is not None
    assert found["br"].total_usd is None


@pytest.mark.parametrize("lang", LANGS)
def test_the_report_says_it_and_what_is_unknown(real: Advice, lang: str) -> None:
    title, unknown = {
        "en": ("Without a CDN", "sa-east-1 has no price"),
        "zh": ("不使用 CDN", "sa-east-1 流出的价格未知"),
    }[lang]
    for text in (Html().render(real, lang), Markdown().render(real, lang).replace("\\", "")):
        assert title in text
        assert "aws ap-southeast-3" in text
        assert unknown in text
        assert "None" not in text


def test_what_is_known_everywhere_is_summed_beside_the_cdns(real: Advice) -> None:
    cost = next(one.egress for one in real.regions if one.code == "id")
    whole = real.model_copy(update={"regions": tuple(one.model_copy(update={"egress": cost}) for one in real.regions)})
    for text in (Html().render(whole, "en"), Markdown().render(whole, "zh")):
        assert "All regions together" in text or "各地区合计" in text
        assert "deliver the same for US$" in text or "分发同样的流量花费 US$" in text
    alone = whole.model_copy(update={"cdns": None})
    assert "deliver the same" not in Markdown().render(alone, "en")
    assert "All regions together" not in Markdown().render(real, "en").partition("Without a CDN")[2], (
        "Brazil is unknown"
    )


def test_nobody_selling_the_nodes_is_no_section(real: Advice) -> None:
    bare = real.model_copy(update={"regions": tuple(one.model_copy(update={"egress": None}) for one in real.regions)})
    assert "Without a CDN" not in Markdown().render(bare, "en")
    assert "egress_title" not in Html().render(bare, "en")


def test_the_command_takes_prices_and_cdns_of_ones_own(run: Run, tmp_path: Path) -> None:
    played = str(write(Town(seed=3), tmp_path))
    prices, cdn, scenario = (tmp_path / name for name in ("prices.yaml", "cdn.yaml", "scenario.yaml"))
    prices.write_text(JAKARTA, encoding="utf-8")
    offer: dict[str, Any] = yaml.safe_load((ROOT / "advisor/cdns/offers/bunny.yaml").read_text(encoding="utf-8"))
    cdn.write_text(yaml.safe_dump(offer | {"name": "acme"}, allow_unicode=True), encoding="utf-8")
    scenario.write_text(
        yaml.safe_dump(run.header.scenario.model_dump(mode="json"), allow_unicode=True), encoding="utf-8"
    )
    words = ["--catalog", str(prices), "--catalog", str(cdn), "--scenario", str(scenario), "--out", str(tmp_path)]
    result = CliRunner().invoke(surgecast, ["advise", played, *words])
    assert result.exit_code == 0, result.output
    data = json.loads((tmp_path / "advice.json").read_text(encoding="utf-8"))
    (jakarta,) = (one["egress"] for one in data["regions"] if one["code"] == "id")
    assert jakarta["usd"]["mid"] > 0
    assert {one["cdn"] for one in data["cdns"]["shares"]} == {"acme"}
