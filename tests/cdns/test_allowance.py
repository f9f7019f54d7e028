"""What an account has left of a CDN: its own quotas in place of the published ones, and a plan that keeps to them."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.cdns.allowance import applied, with_account
from advisor.cdns.increase import distributions
from advisor.cdns.offer import CdnOffer, load_offer
from advisor.cdns.page import lines, part_rows
from advisor.cdns.split import split, unplaced
from advisor.clouds.snapshot import Account, Distribution, EdgeQuotas
from advisor.own import Own
from advisor.texts import LANGS
from loadtests.caching import Caching
from loadtests.run import Run
from tests.advisor.runs import Town, run_of
from tests.cdns.test_plan import plan_of
from tests.cdns.test_split import SLACK, asking

NOW = datetime(2026, 12, 1, 13, 0, tzinfo=UTC)
CLOUDFRONT = load_offer("cloudfront")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_of(Town(seed=3), tmp_path_factory.mktemp("town"))


def account(serving: int = 1, **fields: Any) -> Account:
    one = Distribution(
        id="E1", domain="d1.cloudfront.net", aliases=(), enabled=True, price_class="PriceClass_All", shields=()
    )
    known = {"all_distributions": 208, "edge": EdgeQuotas(egress=400e9, requests_per_second=6e5, distributions=210)}
    head = {"account": "123456789012", "read_at": NOW, "hosts": ("live.example.com",)}
    return Account.model_validate(head | {"distributions": (one,) * serving} | known | fields)


def own(found: Account) -> Own:
    return Own(account=found)


def test_the_accounts_quotas_take_the_place_of_the_published_ones_and_say_whose_they_are() -> None:
    (cloudfront, tencent), left = with_account((CLOUDFRONT, load_offer("tencent")), account())
    assert cloudfront.limits is not None
    assert (cloudfront.limits.egress, cloudfront.limits.requests_per_second) == (400e9, 6e5)
    assert cloudfront.facts.limits is not None
    assert "account 123456789012" in cloudfront.facts.limits.source
    assert (cloudfront.facts.limits.as_of, cloudfront.facts.limits.confidence) == ("2026-12-01", "measured")
    assert tencent == load_offer("tencent"), "its account was not read"
    assert set(left) == {"cloudfront"}
    assert (left["cloudfront"].quota, left["cloudfront"].used, left["cloudfront"].left) == (210, 208, 3)


@pytest.mark.parametrize(
    ("fields", "left"),
    [
        ({"all_distributions": 500}, 0),
        ({"all_distributions": None}, None),
        ({"distributions": None}, None),
        ({"edge": None}, 500 - 208 + 1),
        ({"edge": EdgeQuotas(egress=1e9)}, 500 - 208 + 1),
    ],
)
def test_what_could_not_be_read_is_unknown_and_quotas_are_then_the_published_ones(
    fields: dict[str, Any], left: int | None
) -> None:
    _, found = with_account((CLOUDFRONT,), account(**fields))
    assert found["cloudfront"].left == left


def test_an_account_that_aws_does_not_know_changes_nothing(run: Run) -> None:
    nobody = account(account="", all_distributions=None, edge=None)
    assert with_account((CLOUDFRONT,), nobody) == ((CLOUDFRONT,), {})
    assert plan_of(run, own=own(nobody)) == plan_of(run)


def test_quotas_that_are_not_all_known_are_none_where_nothing_was_published() -> None:
    bare = CLOUDFRONT.model_copy(update={"limits": None})
    assert applied(bare, EdgeQuotas(egress=1e9), "1", date(2026, 12, 1)) == bare
    whole = applied(bare, EdgeQuotas(egress=1e9, requests_per_second=5.0, distributions=2), "1", date(2026, 12, 1))
    assert whole.limits is not None
    assert whole.limits.egress == 1e9


def test_a_plan_counts_distributions_by_the_accounts_quotas(run: Run) -> None:
    plain, mine = plan_of(run), plan_of(run, own=own(account(edge=EdgeQuotas(egress=2e12), all_distributions=3)))
    assert plain.parts[0].distributions != mine.parts[0].distributions
    each = [math.ceil(max(one.peak.high / 2e12, one.requests.high / 25e4)) for one in mine.shares]
    assert mine.parts[0].distributions == sum(each), "each region has its own"
    assert [one.now for one in mine.parts[0].increases if "rate" in one.quota] == []
    assert mine.usd == plain.usd


def test_where_distributions_run_out_the_rest_goes_elsewhere_and_what_to_ask_for_is_for_everything(run: Run) -> None:
    tight = own(account(edge=EdgeQuotas(distributions=209), all_distributions=209))
    alone = plan_of(run, own=tight)
    (part,) = alone.parts
    assert part.distributions == 1
    assert part.peak.high <= 150e9 * SLACK
    assert alone.unplaced
    assert alone.unplaced[0].remedy.key == "cdn_unplaced_account_fix"
    assert alone.usd is None, "not everything is carried"
    *others, counted = part.increases
    assert tuple(others) == plan_of(run).parts[0].increases
    counts = [distributions(part.offer, one.peak.high, one.requests.high) for one in plan_of(run).shares]
    needed = sum(count or 0 for count in counts)
    assert (counted.quota, counted.now, counted.wanted) == ("Web distributions per AWS account", 209, 208 + needed)
    both = plan_of(run, {"offers": ["cloudfront", "bunny"], "allowed": {"id": ["cloudfront"]}}, own=tight)
    assert {one.cdn for one in both.shares} == {"cloudfront", "bunny"}


def test_no_distribution_left_is_no_room_with_its_reason(run: Run) -> None:
    full = own(account(serving=0, all_distributions=210))
    plan = plan_of(run, {"offers": ["cloudfront", "bunny"]}, own=full)
    assert {one.cdn for one in plan.shares} == {"bunny"}
    none = plan_of(run, own=full)
    (part,) = none.parts
    assert (part.serves, part.distributions, none.shares) == (False, None, ())
    counted = part.increases[-1]
    (carried,) = plan_of(run, own=own(account(serving=0, all_distributions=0))).parts
    assert (counted.now, counted.wanted) == (210, 210 + (carried.distributions or 0))
    names = {code: load_offer("bunny").title for code in run.header.scenario.regions}
    for lang in LANGS:
        text = "\n".join(lines(lang, names, none))
        assert "Web distributions per AWS account" in text
        assert "CMCD" not in text, "nothing is set up on a CDN that carries nothing"
        assert not list(part_rows(lang, none))
    assert {one.reason.key for one in none.refused} == {"cdn_account_full"}
    assert "Ask AWS for more" in none.refused[0].remedy.text


@pytest.mark.parametrize("lang", LANGS)
def test_the_report_says_which_quotas_were_used_and_what_is_left(run: Run, lang: str) -> None:
    plan = plan_of(run, own=own(account(all_distributions=100)))
    names = {code: load_offer("bunny").title for code in run.header.scenario.regions}
    text = " ".join(lines(lang, names, plan))
    assert "123456789012" in text
    assert "111" in text, "210 - 100 + 1"
    unread = " ".join(lines(lang, names, plan_of(run, own=own(account(all_distributions=None)))))
    assert {"en": "could not be read", "zh": "读不到"}[lang] in unread


def test_a_cdn_of_ones_own_takes_the_place_of_its_namesake_or_stands_beside_it(run: Run, tmp_path: Path) -> None:
    dearer = CLOUDFRONT.model_copy(
        update={
            "zones": {name: zone.model_copy(update={"per_gb": (1.0,) * 7}) for name, zone in CLOUDFRONT.zones.items()}
        }
    )
    acme = load_offer("bunny").model_copy(update={"name": "acme"})
    mine, beside = plan_of(run, own=Own(cdns=(dearer,))), plan_of(run, own=Own(cdns=(acme,)))
    plain = plan_of(run)
    assert mine.usd is not None
    assert plain.usd is not None
    assert mine.usd.mid > 5 * plain.usd.mid
    assert {one.cdn for one in beside.shares} == {"acme"}
    limited = plan_of(run, {"most_egress": {"acme": "40Gbps"}}, own=Own(cdns=(acme,)))
    assert {one.cdn for one in limited.shares} == {"acme", "cloudfront"}


@given(st.integers(0, 5), st.floats(0, 2_000), st.floats(0, 5e6))
def test_a_plan_never_needs_more_distributions_than_are_left(left: int, gbits: float, requests: float) -> None:
    offers: tuple[CdnOffer, ...] = (CLOUDFRONT,)
    loads = [asking("de", gbits, requests), asking("id", gbits / 3, requests / 3)]
    carries = {"cloudfront": left}
    shares = split(offers, loads, Caching(), carries)
    parts = [load.part(shares[load.region]["cloudfront"]) for load in loads if shares[load.region]]
    assert sum(distributions(CLOUDFRONT, part.peak.high, part.requests.high) or 0 for part in parts) <= left
    placed = {load.region for load in loads if sum(shares[load.region].values()) > 1 - 1e-9}
    assert placed | {one.about for one in unplaced(loads, shares, carries)} >= {"de", "id"}
