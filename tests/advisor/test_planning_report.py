"""The planning part of the reports: offers, limits, doubt, in both languages, and in advice.json."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from advisor.advice import Advice
from advisor.advising import advise
from advisor.offers.catalog import Read, load, load_catalog
from advisor.own import Own
from advisor.pages.planning import amount, bar
from advisor.pages.summary import summary
from advisor.plans.plan import Plan
from advisor.reports.html import Html
from advisor.reports.json import Json
from advisor.reports.markdown import Markdown
from advisor.texts import LANGS, fill, listed, name_of, texts
from loadtests.errors import InputError
from loadtests.launch import Launch
from loadtests.run import Run


def launched(run: Run, **fields: object) -> Run:
    """The run with another launch."""
    scenario = run.header.scenario
    launch = Launch.model_validate({"audience": scenario.launch.audience, **fields})
    header = run.header.model_copy(update={"scenario": scenario.model_copy(update={"launch": launch})})
    return replace(run, header=header)


@pytest.fixture(scope="module")
def offered(saturated: Run) -> Advice:
    return advise([launched(saturated, node="c7g.4xlarge", offers=["ec2"], quota_vcpus={"id": 20_000})])


@pytest.mark.parametrize("lang", LANGS)
def test_offers_and_limits_are_told(offered: Advice, lang: str) -> None:
    plan = offered.regions[0].nodes
    assert isinstance(plan, Plan)
    (quota,) = [row for row in plan.constraints if row.name == "quota"]
    for text in (Html().render(offered, lang), Markdown().render(offered, lang)):
        assert "c6gn.12xlarge" in text
        assert "c7gn" in text, "it is refused, and said so"
        assert texts(lang)["constraint_quota"] in text
        assert texts(lang)["driver_capacity"] in text
        assert amount(quota.asked.mid, quota.unit) in text


@pytest.mark.parametrize("lang", LANGS)
def test_a_price_of_another_region_is_told_wherever_it_stands(offered: Advice, lang: str) -> None:
    source, assumed = "price of us-east-1, taken for other regions", texts(lang)["confidence_assumed"]
    assert f"{source}, 2026-07-20 ({assumed}) |" in Markdown().render(offered, lang)
    regions = listed(lang, (name_of(offered.names[region.code], lang) for region in offered.regions))
    warning = fill(lang, "warn_assumed_price", regions=regions, source=source)
    for text in (Html().render(offered, lang), Markdown().render(offered, lang), summary(offered, lang)):
        assert warning in text
    for region in offered.regions:
        assert region.fleet is not None
        assert region.fleet.assumed == (source if region.fleet.groups else "")


def test_a_price_of_the_region_itself_or_of_the_scenario_is_not_warned_of(saturated: Run) -> None:
    catalog = load("ec2").catalog.model_copy(update={"prices_of": ""})
    here = Read(catalog, catalog.all(), catalog.shop())
    run = launched(saturated, node="c7g.4xlarge", offers=["ec2"])
    by_hand = launched(saturated, node={"vcpus": 16, "usd_per_hour": 0.5})
    for advice in (advise([run], own=Own(catalogs=[here])), advise([by_hand])):
        assert isinstance(advice.regions[0].nodes, Plan)
        assert advice.regions[0].nodes.offers.best is not None
        assert advice.regions[0].nodes.offers.best.price is not None
        assert "warn_assumed_price" not in {one.key for one in advice.warnings}


@pytest.mark.parametrize("lang", LANGS)
def test_what_money_is_says_what_is_counted(offered: Advice, lang: str) -> None:
    (said,) = (one for one in offered.assumptions if one.key == "assume_price")
    assert ("egress only" in said.text, "all tiers" in said.text) == (False, True)
    assert texts(lang)["assume_price"] in Markdown().render(offered, lang)


def test_a_quota_that_is_too_small_is_warned_of(offered: Advice) -> None:
    assert [one.values["region"] for one in offered.warnings if one.key == "warn_short_quota"] == ["id"]


def test_a_quota_that_the_nodes_bought_keep_to_is_no_limit_that_others_would_break(saturated: Run) -> None:
    """The nodes rehearsed would take more than it; nobody buys them."""
    free = advise([launched(saturated, node="c7g.4xlarge", offers=["ec2"])]).regions[0].nodes
    assert isinstance(free, Plan)
    quota = 16 * free.nodes - 1
    found = advise([launched(saturated, node="c7g.4xlarge", offers=["ec2"], quota_vcpus={"id": quota})])
    plan = found.regions[0].nodes
    assert isinstance(plan, Plan)
    assert plan.offers.best is not None
    assert [row.slack < 0 for row in plan.constraints if row.name == "quota"] == [True]
    assert "quota" not in {row.name for row in plan.felt}
    assert "warn_short_quota" not in {one.key for one in found.warnings}
    short = fill("en", "planning_short", name=texts("en")["constraint_quota"], slack="")
    assert short.partition("by")[0] not in Markdown().render(found, "en")


def test_the_page_draws_the_regret_and_the_drivers(offered: Advice) -> None:
    page = Html().render(offered, "en")
    assert page.count(f'aria-label="{fill("en", "chart_regret")}"') == 2 * len(offered.regions)
    assert page.count('class="bar"') == 6 * len(offered.regions)
    assert 'width="100.0"' in bar(1.2)
    assert 'width="0.0"' in bar(-1)


def test_every_refusal_is_in_the_json(offered: Advice) -> None:
    data = json.loads(Json().render(offered, "en"))
    for region in data["regions"]:
        choice = region["nodes"]["offers"]
        shown = ([choice["best"]] if choice["best"] else []) + choice["alternatives"]
        refused = [name for refusal in choice["refusals"] for name in refusal["offers"]]
        assert len(shown) + len(refused) == len(load_catalog("ec2"))
        assert all(one["reason"]["key"] == one["code"] for one in choice["refusals"])
        columns = [column for one in choice["refusals"] for column in one["values"].values()]
        assert sum(map(len, columns)) <= 3 * len(refused)
        assert len(json.dumps(choice["refusals"])) < 60 * len(refused), (
            "a line of text for each would be ten times that"
        )
        assert all(one["price"]["source"] for one in shown)


def test_without_offers_and_prices_nothing_is_said_of_buying(advice: Advice) -> None:
    assert fill("en", "offers") not in Html().render(advice, "en")
    (region, *_) = advice.regions
    assert isinstance(region.nodes, Plan)
    assert region.nodes.offers.best is not None
    assert region.nodes.offers.best.usd_per_hour is None


def test_an_offer_that_nobody_knows_is_bad_input(saturated: Run) -> None:
    with pytest.raises(InputError, match=r"launch.offers: no catalogue and no offer is called 'c99'"):
        advise([launched(saturated, offers=["c99"])])


def test_more_must_be_ready_where_capacity_comes_later(saturated: Run) -> None:
    def ready(seconds: int) -> int:
        parts = ("metrics", "decision", "node", "image", "boot")
        each = {part: dict.fromkeys(("low", "mid", "high"), f"{seconds / 5}s") for part in parts}
        found = advise([launched(saturated, time_to_capacity=each)]).regions[0].nodes
        assert isinstance(found, Plan)
        return found.ready

    assert ready(1) < ready(10) < ready(60)
