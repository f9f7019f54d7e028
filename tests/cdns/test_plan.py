"""The CDNs of an advice: costs that add up, distributions, shields, origin load, letters and reports."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from markdown_it import MarkdownIt

from advisor import figures
from advisor.advice import Advice
from advisor.advising import advise
from advisor.carrying.exporting import export_letters
from advisor.cdns.increase import distributions
from advisor.cdns.letter import letter, write_letters
from advisor.cdns.offer import load_offer
from advisor.cdns.page import promised
from advisor.cdns.plan import CdnPart, CdnPlan, cdn_plan, looked_at
from advisor.cdns.shield import ShieldChoice, shield_of
from advisor.demands.cdn import cdn as edge_of
from advisor.demands.cdn import seen_of
from advisor.demands.demand import audience_of, demands
from advisor.measured.measure import measure
from advisor.models import Excuse
from advisor.own import Own
from advisor.pages.page import markdown_safe
from advisor.reports.html import Html
from advisor.reports.markdown import Markdown
from advisor.texts import LANGS, fill
from loadtests.region import Names
from loadtests.run import Run
from loadtests.scenario import Scenario
from surgecast.cli import surgecast
from tests.advisor.runs import Town, run_of, write

HOSTILE = "<script>alert(1)</script> {{ 7*7 }} {0.__class__} `rm -rf ~` | [x](javascript:1)\n# no heading"
BIG = {"id": 400_000, "in": 250_000, "br": 120_000}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_of(Town(seed=3), tmp_path_factory.mktemp("town"))


def with_launch(run: Run, cdn: dict[str, Any], **fields: Any) -> Run:
    data = run.header.scenario.model_dump(mode="json")
    data["launch"]["audience"] = BIG
    data["launch"]["cdn"] |= cdn
    scenario = Scenario.model_validate(data | fields)
    return replace(run, header=run.header.model_copy(update={"scenario": scenario}))


@pytest.fixture(scope="module")
def real(run: Run) -> Advice:
    """Worked out in full, with the settings that a launch has by itself."""
    return advise([with_launch(run, {})])


def plan_of(run: Run, cdn: dict[str, Any] | None = None, own: Own | None = None, **fields: Any) -> CdnPlan:
    """The CDNs alone: nodes and autoscalers take long, and change nothing here."""
    own = own or Own()
    measurement = measure([with_launch(run, cdn or {}, **fields)])
    scenario, places = measurement.scenario, measurement.places
    edges = []
    for demand in demands(measurement, audience_of(measurement, None)):
        edge = edge_of(demand, places[demand.region], scenario, seen_of(measurement, demand))
        edges.append((edge, demand.viewers.mid))
    return cdn_plan(edges, scenario, datetime(2026, 12, 1, tzinfo=UTC), own.cdns, own.account)


def advised(real: Advice, plan: CdnPlan) -> Advice:
    return real.model_copy(update={"cdns": plan})


def test_by_default_it_is_the_cdn_whose_list_price_regions_carry(run: Run, real: Advice) -> None:
    plan = real.cdns
    assert plan is not None
    assert plan == plan_of(run)
    (part,) = plan.parts
    assert part.offer.name == "cloudfront"
    assert part.bill.total is not None
    assert part.viewers == sum(BIG.values())
    for region in real.regions:
        (share,) = (one for one in plan.shares if one.region == region.code)
        assert share.usd is not None
        assert share.usd.mid > region.cdn.event_usd.mid, "requests cost something too"
        assert share.usd.mid < region.cdn.event_usd.mid * 1.5
    assert plan.today == date(2026, 12, 1), "that of the run"


def test_regions_add_up_to_parts_and_parts_to_the_whole(run: Run) -> None:
    plan = plan_of(run, {"offers": ["cloudfront", "tencent", "bunny"], "largest_share": "50%"})
    assert len(plan.parts) >= 2
    for part in plan.parts:
        shares = [one for one in plan.shares if one.cdn == part.offer.name]
        assert part.bill.total is not None
        assert sum(one.usd.mid for one in shares if one.usd) == pytest.approx(part.bill.total.mid)
        assert sum(one.peak.high for one in shares) == pytest.approx(part.peak.high)
        assert sum(one.viewers for one in shares) == pytest.approx(part.viewers)
    assert plan.usd is not None
    assert plan.usd.mid == pytest.approx(sum(part.bill.total.mid for part in plan.parts if part.bill.total))
    assert sum(part.viewers for part in plan.parts) == pytest.approx(sum(BIG.values()))


def test_an_unknown_price_makes_the_cost_unknown_and_not_zero(run: Run, real: Advice) -> None:
    plan = plan_of(run, {"offers": ["alibaba"]})
    advice = advised(real, plan)
    assert plan.usd is None
    assert plan.parts[0].bill.total is None
    assert all(one.usd is None for one in plan.shares)
    assert plan.parts[0].bill.traffic == {"world": None}
    page = Markdown().render(advice, "en")
    assert "the cost is not known" in page


def test_a_longer_event_costs_more_and_less_per_gigabyte(run: Run) -> None:
    short = plan_of(run, {"watched": "1h"})
    long = plan_of(run, {"watched": "5h"})
    assert short.usd is not None
    assert long.usd is not None
    gb = [plan.parts[0].gb.mid for plan in (short, long)]
    assert long.usd.mid > short.usd.mid
    assert long.usd.mid / gb[1] < short.usd.mid / gb[0]
    assert long.seconds == 5 * 3600
    days = plan_of(run, {"watched": "25h", "offers": ["tencent"]})
    assert "cdn_long_event" in {warning.key for warning in days.parts[0].warnings}
    assert "cdn_long_event" not in {warning.key for warning in long.parts[0].warnings}


def test_residency_is_kept_and_said(run: Run, real: Advice) -> None:
    plan = plan_of(run, {"offers": ["cloudfront", "bunny"], "allowed": {"id": ["cloudfront"], "br": []}})
    advice = advised(real, plan)
    assert {one.cdn for one in plan.shares if one.region == "id"} == {"cloudfront"}
    assert not [one for one in plan.shares if one.region == "br"]
    assert plan.usd is None, "not everything is carried"
    assert {one.reason.key for one in plan.refused if one.reason.values["region"] != "in"} == {"cdn_not_allowed"}
    page = Markdown().render(advice, "en")
    assert "Brazil: 100% of the traffic" in page
    assert "Indonesia: launch.cdn.allowed keeps bunny out." in page


def test_no_cdn_at_all_is_said(run: Run, real: Advice) -> None:
    plan = plan_of(run, {"offers": []})
    advice = advised(real, plan)
    assert plan.parts == ()
    assert len(plan.unplaced) == 3
    for lang in LANGS:
        assert Html().render(advice, lang)
    assert "No CDN may carry anything." in Markdown().render(advice, "en")


@pytest.mark.parametrize(
    ("gbits", "requests", "count"),
    [(0, 0, 1), (150, 250_000, 1), (150.001, 0, 2), (1, 250_001, 2), (3_000, 250_000, 20), (1, 5_000_000, 20)],
)
def test_distributions_follow_the_tighter_quota(gbits: float, requests: float, count: int) -> None:
    assert distributions(load_offer("cloudfront"), gbits * 1e9, requests) == count
    assert distributions(load_offer("bunny"), gbits * 1e9, requests) is None


def test_quotas_are_asked_for_up_to_the_next_round_figure_of_the_largest_region(run: Run) -> None:
    plan = plan_of(run)
    (part,) = plan.parts
    egress, requests = part.increases
    assert (egress.quota, egress.now) == ("Data transfer rate per distribution", 150)
    assert egress.wanted == math.ceil(max(one.peak.high for one in plan.shares) / 1e10) * 10
    assert (requests.quota, requests.now) == ("Requests per second per distribution", 250_000)
    assert requests.wanted == math.ceil(max(one.requests.high for one in plan.shares) / 1e4) * 1e4
    each = [math.ceil(max(one.peak.high / 150e9, one.requests.high / 250e3)) for one in plan.shares]
    assert part.distributions == sum(each)


@pytest.mark.parametrize(
    ("origin", "region", "named"),
    [
        ("aws:ap-southeast-1", "ap-southeast-1", False),
        ("singapore", "ap-southeast-1", False),
        ("jakarta", "ap-southeast-1", False),
        ("aws:us-west-1", "us-west-2", True),
        ("aws:af-south-1", "eu-west-1", True),
        ("hong_kong", "ap-southeast-1", True),
        ("new_york", "us-east-1", False),
        ("sydney", "ap-southeast-2", False),
    ],
)
def test_the_shield_stands_near_the_origin(origin: str, region: str, named: bool) -> None:
    found = shield_of(load_offer("cloudfront"), origin)
    assert isinstance(found, ShieldChoice)
    assert (found.region, found.is_named) == (region, named)


def test_without_an_origin_there_is_no_shield_but_a_reason() -> None:
    found = shield_of(load_offer("cloudfront"), "")
    assert isinstance(found, Excuse)
    assert "launch.cdn.origin" in found.remedy.text
    assert shield_of(load_offer("bunny"), "jakarta") is None


def test_a_shield_is_paid_for_and_its_price_is_a_range_where_nobody_knows_which(run: Run) -> None:
    cdn = {"shield": True, "locations": 20}
    known = plan_of(run, cdn | {"origin": "aws:ap-southeast-1"})
    unknown = plan_of(run, cdn)
    none = plan_of(run)
    exact, between = known.parts[0].bill.shield, unknown.parts[0].bill.shield
    assert exact is not None
    assert between is not None
    assert between.low < exact.mid < between.high
    assert none.parts[0].bill.shield is not None
    assert none.parts[0].bill.shield.high == 0


def test_a_shield_that_nobody_knows_of_costs_an_unknown_sum_and_spares_the_origin_nothing(
    run: Run, real: Advice
) -> None:
    cdn = {"offers": ["bunny"], "shield": True, "locations": 20}
    with_it, without = plan_of(run, cdn), plan_of(run, cdn | {"shield": False})
    (part,) = with_it.parts
    assert part.bill.shield is None
    assert part.bill.total is None
    assert with_it.usd is None
    assert with_it.alone == {"bunny": None}
    assert without.usd is not None
    assert with_it.origin_requests == without.origin_requests is not None
    assert with_it.origin_wire == without.origin_wire
    known = plan_of(run, cdn | {"offers": ["cloudfront"]})
    assert known.origin_requests is not None
    assert known.origin_requests.high < without.origin_requests.low
    assert "cdn_shield_unknown" not in {one.key for one in (*known.parts[0].warnings, *without.parts[0].warnings)}
    assert "no shield of it was found" in Markdown().render(advised(real, with_it), "en")
    assert plan_of(run, {"offers": ["bunny"], "shield": True}).origin_requests is None, "locations are not known"


def test_each_cdn_fetches_for_itself(run: Run) -> None:
    cdn = {"locations": 20, "offers": ["cloudfront", "bunny"]}
    one, two = plan_of(run, cdn), plan_of(run, cdn | {"largest_share": "50%"})
    shared = {share.region for share in two.shares if 0 < share.share < 1}
    assert 0 < len(shared) < len(run.header.scenario.regions)
    assert one.origin_requests is not None
    assert two.origin_requests is not None
    assert one.origin_requests.mid < two.origin_requests.mid < 2 * one.origin_requests.mid
    assert plan_of(run).origin_requests is None, "edge locations are not known"


def test_another_day_changes_deadlines_and_nothing_else(run: Run) -> None:
    plan = plan_of(run, {"offers": ["tencent"]})
    early, late = (looked_at(plan, datetime(2026, 12, day, tzinfo=UTC)) for day in (1, 2))
    assert [one.standing for one in early.parts[0].notices] == ["open"]
    assert [one.standing for one in late.parts[0].notices] == ["late"]
    assert late.model_copy(update={"today": early.today, "parts": early.parts}) == early


def texts_of(advice: Advice, plan: CdnPlan) -> Iterator[tuple[CdnPart, str, str]]:
    for part in plan.parts:
        for lang in LANGS:
            yield part, lang, letter(advice, plan, part, lang)


def test_a_letter_says_who_when_where_and_how_much(run: Run, real: Advice) -> None:
    plan = plan_of(run, {"offers": ["cloudfront"], "origin": "aws:ap-southeast-1"})
    advice = advised(real, plan)
    (part,) = plan.parts
    english, chinese = (letter(advice, plan, part, lang) for lang in LANGS)
    for text, names in ((english, ("Indonesia", "India", "Brazil")), (chinese, ("印度尼西亚", "印度", "巴西"))):
        assert all(name in text for name in names)
        assert "2026-12-05 12:30" in text
        assert "400,000" in text
        assert "ap-southeast-1" in text
        assert "Data transfer rate per distribution" in text
        assert "2026-11-21" in text
    assert "Dear Amazon CloudFront team," in english
    assert "Each region is served by a distribution of its own." in english
    assert "每个地区各由一个分配承载。" in chinese
    assert "14 days before the event, by 2026-11-21: 770,000 viewers, more than 500,000." in english
    assert "later than that" in english, "the run was on 1 December"
    assert "晚于上述期限" in chinese
    assert "流量突增报备" in chinese
    assert "观众 770,000 人，超过 500,000 人" in chinese


@pytest.mark.parametrize("lang", LANGS)
def test_a_letter_tells_the_launch_and_never_the_rehearsals_size(run: Run, real: Advice, lang: str) -> None:
    summary = {"en": "Viewers grow from 150 to 1,700 in half a minute.", "zh": "观众从 150 涨到 1,700。"}
    plan = plan_of(run, {"offers": ["cloudfront"]})
    advice = advised(real.model_copy(update={"summary": Names.model_validate(summary)}), plan)
    text = letter(advice, plan, plan.parts[0], lang)
    assert "1,700" not in text
    subject = next(line for line in text.splitlines() if line.startswith("# "))
    assert all(told in subject for told in (advice.scenario, "770,000", figures.bits(plan.parts[0].peak.mid)))
    what = {
        "en": "What: town, a live stream to Indonesia, India, Brazil.",
        "zh": "内容：town，面向印度尼西亚、印度、巴西的直播。",
    }
    assert what[lang].replace("town", advice.scenario) in text


@pytest.mark.parametrize("lang", LANGS)
def test_a_letter_asks_for_each_rows_figures_and_for_all_of_them_together(run: Run, real: Advice, lang: str) -> None:
    plan = plan_of(run, {"offers": ["cloudfront"]})
    (asked,) = (
        line
        for line in letter(advised(real, plan), plan, plan.parts[0], lang).splitlines()
        if line.startswith({"en": "- confirm what stands under “Plan for”", "zh": "- 确认可承载上表各行"}[lang])
    )
    together = {"en": "in each row above, together at most {}", "zh": "合计最多 {}"}[lang]
    assert together.format(figures.bits(plan.parts[0].peak.high)) in asked
    assert "country" not in asked


@pytest.mark.parametrize(
    ("cdn", "cited"), [("cloudfront", "来源：AWS 自己的代理工具集"), ("tencent", "来源：腾讯云点播服务等级协议")]
)
def test_a_chinese_letter_cites_its_sources_in_chinese(run: Run, real: Advice, cdn: str, cited: str) -> None:
    plan = plan_of(run, {"offers": [cdn]})
    for part, lang, text in texts_of(advised(real, plan), plan):
        (notice,) = part.notices
        assert (cited in text) is (lang == "zh")
        assert (f"Source: {notice.rule.source}" in text) is (lang == "en")
        own = notice.rule.model_copy(update={"source_zh": "", "source": "contract, section 4"})
        mine = part.model_copy(update={"notices": (notice.model_copy(update={"rule": own}),)})
        assert "contract, section 4" in letter(advised(real, plan), plan, mine, lang)


def test_a_letter_and_the_report_say_the_same_joins_and_the_high_end_is_to_be_planned_for(
    run: Run, real: Advice
) -> None:
    plan = plan_of(run)
    text = letter(advised(real, plan), plan, plan.parts[0], "en")
    for region in real.regions:
        joins = region.demand.joins
        (row,) = (line for line in text.splitlines() if line.startswith(f"| {real.names[region.code].en} |"))
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert figures.number(joins.mid) != figures.number(joins.high)
        assert cells[2] == figures.number(joins.mid)
        assert cells[5].endswith(f", {figures.number(joins.high)} joins/s")


@pytest.mark.parametrize("lang", LANGS)
def test_where_an_event_is_as_long_as_the_launch_says_no_sentence_calls_it_rehearsed_alone(lang: str) -> None:
    values = {"seconds": "10,800", "parts": "", "hour": "", "event": ""}
    for key in ("cdn_event", "col_offer_event", "mix_answer_event"):
        assert "launch.cdn.watched" in fill(lang, key, **values)


def test_a_letter_without_a_date_says_what_is_missing(run: Run, real: Advice) -> None:
    plan = plan_of(run, {"offers": ["tencent"]}, starts_at=None)
    advice = advised(real, plan)
    english, chinese = (letter(advice, plan, plan.parts[0], lang) for lang in LANGS)
    assert "has no starts_at" in english
    assert "没有 starts_at" in chinese
    assert "by 20" not in english
    assert "set starts_at" in markdown_text(Markdown().render(advice, "en"))


def markdown_text(page: str) -> str:
    return page.replace("\\", "")


def test_what_a_run_says_of_itself_does_nothing_in_a_letter(run: Run) -> None:
    header = run.header.model_copy(
        update={"run_id": HOSTILE, "scenario": run.header.scenario.model_copy(update={"summary": HOSTILE})}
    )
    advice = advise([replace(run, header=header)])
    assert advice.cdns is not None
    plan = advice.cdns
    for _, _, text in texts_of(advice, plan):
        html = MarkdownIt("commonmark").enable("table").render(text)
        assert "<script" not in html
        assert "<a " not in html
        assert "<code" not in html
        assert len(re.findall("<h1", html)) == 1
        assert markdown_safe(HOSTILE) in text


def test_letters_and_commands_are_written_beside_the_manifests_and_old_ones_go(
    run: Run, real: Advice, tmp_path: Path
) -> None:
    advice = advised(real, plan_of(run, {"offers": ["cloudfront", "tencent"], "largest_share": "60%"}))
    written = export_letters(advice, tmp_path)
    names = {file.name for file in written.files}
    notices = {f"surge-notice-{cdn}.{lang}.md" for cdn in ("cloudfront", "tencent") for lang in LANGS}
    assert names == notices | {"quota-requests-cloudfront.sh"}
    (tmp_path / "surge-notice-bunny.en.md").write_text("mine", encoding="utf-8")
    fewer = advised(real, plan_of(run, {"offers": ["bunny"], "allowed": {code: [] for code in BIG}}))
    files, removed = write_letters(fewer, tmp_path)
    assert files == ()
    assert {file.name for file in removed} == names
    assert [file.name for file in tmp_path.glob("*.*")] == ["surge-notice-bunny.en.md"], "what others wrote stays"


def test_letters_to_a_cdn_of_ones_own_go_too_when_it_carries_nothing_any_more(
    run: Run, real: Advice, tmp_path: Path
) -> None:
    acme = load_offer("tencent").model_copy(update={"name": "acme"})
    write_letters(advised(real, plan_of(run, {"offers": []}, own=Own(cdns=(acme,)))), tmp_path)
    assert (tmp_path / "surge-notice-acme.zh.md").exists()
    _, removed = write_letters(advised(real, plan_of(run, {"offers": []})), tmp_path)
    assert {file.name for file in removed} == {f"surge-notice-acme.{lang}.md" for lang in LANGS}


@pytest.mark.parametrize("lang", LANGS)
def test_a_letter_names_the_holidays_in_between(run: Run, real: Advice, lang: str) -> None:
    plan = plan_of(run, {"offers": ["tencent"]}, starts_at="2026-10-08T12:30:00Z")
    text = letter(advised(real, plan), plan, plan.parts[0], lang)
    assert "2026-09-27" in text
    days = (f"2026-10-0{day}" for day in (1, 2, 5, 6, 7))
    assert {"en": ", ", "zh": "、"}[lang].join(days) in text
    early = plan_of(run, {"offers": ["tencent"]}, starts_at="2080-10-08T12:30:00Z")
    told = letter(advised(real, early), early, early.parts[0], lang)
    assert {"en": "the calendar of 2080 is not published here yet", "zh": "此处尚无 2080 年的放假安排"}[lang] in told


@pytest.mark.parametrize("lang", LANGS)
def test_reports_tell_all_of_it(run: Run, real: Advice, lang: str) -> None:
    cdn = {
        "offers": ["cloudfront", "tencent", "bunny", "alibaba", "fastly"],
        "largest_share": "40%",
        "origin": "jakarta",
    }
    plan = plan_of(run, cdn)
    advice = advised(real, plan)
    assert len(plan.parts) >= 3
    for text in (Html().render(advice, lang), markdown_text(Markdown().render(advice, lang))):
        for part in plan.parts:
            assert part.offer.title.en in text or part.offer.title.zh in text
        assert "CMCD" in text
        assert "2026-12-01" in text
        assert "ap-southeast-1" in text
        assert "NaN" not in text
        assert "None" not in text


def test_advice_from_before_has_no_cdns_and_still_renders(run: Run, real: Advice) -> None:
    advice = advised(real, plan_of(run))
    old = advice.model_copy(update={"cdns": None})
    for lang in LANGS:
        assert "cdns_title" not in Html().render(old, lang).replace('href="#cdns_title"', "")
        assert Markdown().render(old, lang)
    assert write_letters(old, Path("nowhere")) == ((), ())


def test_the_command_line_writes_letters_and_refuses_a_cdn_that_nobody_knows(run: Run, tmp_path: Path) -> None:
    scenario, out = tmp_path / "scenario.yaml", tmp_path / "manifests"
    played = str(write(Town(seed=3), tmp_path))

    def typed(*offers: str) -> Result:
        data = with_launch(run, {"offers": offers}).header.scenario.model_dump(mode="json")
        scenario.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
        folders = ("--out", str(tmp_path / "reports"), "--export", str(out))
        return CliRunner().invoke(surgecast, ["advise", played, "--scenario", str(scenario), *folders, "--lang", "zh"])

    done = typed("tencent")
    assert done.exit_code == 0, done.output
    for lang in LANGS:
        assert f"surge-notice-tencent.{lang}.md" in done.output
        assert (out / f"surge-notice-tencent.{lang}.md").stat().st_size > 1000
    refused = typed("tencent", "nobody")
    assert getattr(refused.exception, "exit_code", None) == 2
    told = "launch.cdn.offers: no CDN is called 'nobody' (known: alibaba"
    assert str(refused.exception).startswith(f"{scenario}: {told}")


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        (
            {"cdn": {"offers": ["tencent"], "used_gb": {"tencent": {"asia-9": 1}}}},
            "launch.cdn.used_gb.tencent: no zone",
        ),
        ({"offers": ["nope"]}, "launch.offers: no catalogue and no offer is called 'nope'"),
        ({"node": "nope"}, "launch.node: no catalogue and no offer is called 'nope'"),
    ],
)
def test_a_setting_that_no_catalogue_knows_is_told_with_its_file(
    fields: dict[str, Any], told: str, run: Run, tmp_path: Path
) -> None:
    data = run.header.scenario.model_dump(mode="json")
    data["launch"] |= fields
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    played = str(write(Town(seed=3), tmp_path))
    refused = CliRunner().invoke(surgecast, ["advise", played, "--scenario", str(scenario)])
    assert getattr(refused.exception, "exit_code", None) == 2
    assert str(refused.exception).startswith(f"{scenario}: {told}")


def promises(plan: CdnPlan, lang: str, cdn: str) -> list[str]:
    return list(promised(lang, next(part for part in plan.parts if part.offer.name == cdn)))


def test_what_comes_back_of_the_event_is_the_dearest_band_of_its_cost(run: Run) -> None:
    """99.9 % of 30 days leave 43.2 minutes; CloudFront gives back all of the fee below 95 %, Tencent a tenth."""
    for cdn, share in (("cloudfront", 1.0), ("tencent", 0.1)):
        plan = plan_of(run, {"offers": [cdn]})
        (part,) = plan.parts
        assert part.bill.total is not None
        usd = figures.dollars(part.bill.total.mid * share)
        first, paid, *others = promises(plan, "en", cdn)
        assert "99.9%" in first
        assert f"{figures.number(43.2)} minutes" in first
        assert ("below 10 minutes" in first) is (cdn == "tencent")
        assert f"at most {usd}," in paid
        assert [line for line in others if "Enterprise" in line] == others
        assert len(others) == (cdn == "cloudfront")
        assert len(promises(plan, "zh", cdn)) == 2 + len(others)


def test_what_comes_back_of_an_unknown_cost_is_unknown(run: Run) -> None:
    (part,) = plan_of(run, {"offers": ["cloudfront"]}).parts
    unknown = part.model_copy(update={"bill": part.bill.model_copy(update={"total": None})})
    assert "at most unknown" in list(promised("en", unknown))[1]
