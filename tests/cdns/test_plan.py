"""The CDNs of an advice: costs that add up, distributions, shields, origin load, letters and reports."""

from __future__ import annotations

import math
import re
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from markdown_it import MarkdownIt

from advisor.advice import Advice, advise
from advisor.cdns.letter import commands, letter, write_letters
from advisor.cdns.offer import load_offer
from advisor.cdns.plan import CdnPart, CdnPlan, Increase, distributions, on_day
from advisor.cdns.shield import ShieldChoice, shield_of
from advisor.exporting import export_letters
from advisor.models import Excuse
from advisor.origin import OriginLoad
from advisor.page import markdown_safe
from advisor.reports.html import Html
from advisor.reports.markdown import Markdown
from advisor.texts import LANGS
from loadtests.run import Run
from loadtests.scenario import Scenario
from tests.advisor.runs import Town, run_of

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


def advised(run: Run, cdn: dict[str, Any] | None = None, **fields: Any) -> tuple[Advice, CdnPlan]:
    advice = advise([with_launch(run, cdn or {}, **fields)])
    assert advice.cdns is not None
    return advice, advice.cdns


def test_by_default_it_is_the_cdn_whose_list_price_regions_carry(run: Run) -> None:
    advice, plan = advised(run)
    (part,) = plan.parts
    assert part.offer.name == "cloudfront"
    assert part.bill.total is not None
    assert part.viewers == sum(BIG.values())
    for region in advice.regions:
        (share,) = (one for one in plan.shares if one.region == region.code)
        assert share.usd is not None
        assert share.usd.mid > region.cdn.event_usd.mid, "requests cost something too"
        assert share.usd.mid < region.cdn.event_usd.mid * 1.5
    assert plan.today == date(2026, 12, 1), "that of the run"


def test_regions_add_up_to_parts_and_parts_to_the_whole(run: Run) -> None:
    _, plan = advised(run, {"offers": ["cloudfront", "tencent", "bunny"], "largest_share": "50%"})
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


def test_an_unknown_price_makes_the_cost_unknown_and_not_zero(run: Run) -> None:
    advice, plan = advised(run, {"offers": ["alibaba"]})
    assert plan.usd is None
    assert plan.parts[0].bill.total is None
    assert all(one.usd is None for one in plan.shares)
    assert plan.parts[0].bill.traffic == {"world": None}
    page = Markdown().render(advice, "en")
    assert "the cost is not known" in page


def test_a_longer_event_costs_more_and_less_per_gigabyte(run: Run) -> None:
    _, short = advised(run, {"watched": "1h"})
    _, long = advised(run, {"watched": "5h"})
    assert short.usd is not None
    assert long.usd is not None
    gb = [plan.parts[0].gb.mid for plan in (short, long)]
    assert long.usd.mid > short.usd.mid
    assert long.usd.mid / gb[1] < short.usd.mid / gb[0]
    assert long.ends_at is not None
    assert long.starts_at is not None
    assert (long.ends_at - long.starts_at).total_seconds() == 5 * 3600


def test_residency_is_kept_and_said(run: Run) -> None:
    advice, plan = advised(run, {"offers": ["cloudfront", "bunny"], "allowed": {"id": ["cloudfront"], "br": []}})
    assert {one.cdn for one in plan.shares if one.region == "id"} == {"cloudfront"}
    assert not [one for one in plan.shares if one.region == "br"]
    assert plan.usd is None, "not everything is carried"
    assert {one.reason.key for one in plan.refused if one.reason.values["region"] != "in"} == {"cdn_not_allowed"}
    page = Markdown().render(advice, "en")
    assert "Brazil: 100% of the traffic" in page
    assert "Indonesia: launch.cdn.allowed keeps bunny out." in page


def test_no_cdn_at_all_is_said(run: Run) -> None:
    advice, plan = advised(run, {"offers": []})
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


def test_quotas_are_asked_for_up_to_the_next_round_figure(run: Run) -> None:
    _, plan = advised(run)
    (part,) = plan.parts
    egress, requests = part.increases
    assert (egress.quota, egress.now) == ("Data transfer rate per distribution", 150)
    assert egress.wanted == math.ceil(part.peak.high / 1e10) * 10
    assert (requests.quota, requests.now) == ("Requests per second per distribution", 250_000)
    assert requests.wanted - part.requests.high < 10_000
    assert part.distributions == math.ceil(max(part.peak.high / 150e9, part.requests.high / 250e3))


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
    _, known = advised(run, cdn | {"origin": "aws:ap-southeast-1"})
    _, unknown = advised(run, cdn)
    _, none = advised(run)
    exact, between = known.parts[0].bill.shield, unknown.parts[0].bill.shield
    assert exact is not None
    assert between is not None
    assert between.low < exact.mid < between.high
    assert none.parts[0].bill.shield is not None
    assert none.parts[0].bill.shield.high == 0


def test_each_cdn_fetches_for_itself(run: Run) -> None:
    cdn = {"locations": 20, "offers": ["cloudfront", "bunny"]}
    advice, one = advised(run, cdn)
    _, two = advised(run, cdn | {"largest_share": "50%"})
    assert one.origin_requests is not None
    assert two.origin_requests is not None
    loads = [region.cdn.planned for region in advice.regions]
    assert one.origin_requests.mid == pytest.approx(sum(x.requests.mid for x in loads if isinstance(x, OriginLoad)))
    assert two.origin_requests.mid > one.origin_requests.mid
    assert advised(run)[1].origin_requests is None, "edge locations are not known"


def test_another_day_changes_deadlines_and_nothing_else(run: Run) -> None:
    _, plan = advised(run, {"offers": ["tencent"]})
    early, late = on_day(plan, date(2026, 12, 1)), on_day(plan, date(2026, 12, 2))
    assert [one.standing for one in early.parts[0].notices] == ["open"]
    assert [one.standing for one in late.parts[0].notices] == ["late"]
    assert late.model_copy(update={"today": early.today, "parts": early.parts}) == early


def texts_of(advice: Advice, plan: CdnPlan) -> Iterator[tuple[CdnPart, str, str]]:
    for part in plan.parts:
        for lang in LANGS:
            yield part, lang, letter(advice, plan, part, lang)


def test_a_letter_says_who_when_where_and_how_much(run: Run) -> None:
    advice, plan = advised(run, {"offers": ["cloudfront"], "origin": "aws:ap-southeast-1"})
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
    assert "14 days before the event, by 2026-11-21: 770,000 viewers, more than 500,000." in english
    assert "流量突增报备" in chinese
    assert "观众 770,000 人，超过 500,000 人" in chinese


def test_a_letter_without_a_date_says_what_is_missing(run: Run) -> None:
    advice, plan = advised(run, {"offers": ["tencent"]}, starts_at=None)
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
    advice, plan = advised(replace(run, header=header))
    for _, _, text in texts_of(advice, plan):
        html = MarkdownIt("commonmark").enable("table").render(text)
        assert "<script" not in html
        assert "<a " not in html
        assert "<code" not in html
        assert len(re.findall("<h1", html)) == 1
        assert markdown_safe(HOSTILE) in text


def test_letters_and_commands_are_written_beside_the_manifests_and_old_ones_go(run: Run, tmp_path: Path) -> None:
    advice, _ = advised(run, {"offers": ["cloudfront", "tencent"], "largest_share": "60%"})
    written = export_letters(advice, tmp_path)
    names = {file.name for file in written.files}
    notices = {f"surge-notice-{cdn}.{lang}.md" for cdn in ("cloudfront", "tencent") for lang in LANGS}
    assert names == notices | {"quota-requests-cloudfront.sh"}
    (tmp_path / "surge-notice-bunny.en.md").write_text("mine", encoding="utf-8")
    fewer, _ = advised(run, {"offers": ["bunny"], "allowed": {code: [] for code in BIG}})
    files, removed = write_letters(fewer, tmp_path)
    assert files == ()
    assert {file.name for file in removed} == names
    assert [file.name for file in tmp_path.glob("*.*")] == ["surge-notice-bunny.en.md"], "what others wrote stays"


def test_the_commands_are_a_script_that_a_shell_can_read(tmp_path: Path) -> None:
    more = Increase(
        service="cloudfront", region="us-east-1", quota="Data transfer rate per distribution", now=150, wanted=510
    )
    aws, script = tmp_path / "aws", tmp_path / "ask.sh"
    aws.write_text(
        '#!/bin/sh\necho "$@" >>"$LOG"\ncase "$*" in *list-service*) echo "$CODE";; esac\n', encoding="utf-8"
    )
    aws.chmod(0o755)
    script.write_text(commands((more, more)), encoding="utf-8")
    log = tmp_path / "log"
    told = {"PATH": f"{tmp_path}:/usr/bin:/bin", "LOG": str(log), "CODE": "L-1"}
    subprocess.run(["sh", str(script)], env=told, check=True)
    asked = log.read_text(encoding="utf-8").splitlines()
    assert len(asked) == 4
    assert asked[1] == (
        "service-quotas request-service-quota-increase --service-code cloudfront --region us-east-1 "
        "--quota-code L-1 --desired-value 510"
    )
    missing = subprocess.run(
        ["sh", str(script)],
        env=told | {"CODE": "None"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert missing.returncode == 1
    assert "no quota 'Data transfer rate per distribution'" in missing.stderr


@pytest.mark.parametrize("lang", LANGS)
def test_reports_tell_all_of_it(run: Run, lang: str) -> None:
    cdn = {
        "offers": ["cloudfront", "tencent", "bunny", "alibaba", "fastly"],
        "largest_share": "40%",
        "origin": "jakarta",
    }
    advice, plan = advised(run, cdn)
    assert len(plan.parts) >= 3
    for text in (Html().render(advice, lang), markdown_text(Markdown().render(advice, lang))):
        for part in plan.parts:
            assert part.offer.title.en in text or part.offer.title.zh in text
        assert "CMCD" in text
        assert "2026-12-01" in text
        assert "ap-southeast-1" in text
        assert "NaN" not in text
        assert "None" not in text


def test_advice_from_before_has_no_cdns_and_still_renders(run: Run) -> None:
    advice, _ = advised(run)
    old = advice.model_copy(update={"cdns": None})
    for lang in LANGS:
        assert "cdns_title" not in Html().render(old, lang).replace('href="#cdns_title"', "")
        assert Markdown().render(old, lang)
    assert write_letters(old, Path("nowhere")) == ((), ())
