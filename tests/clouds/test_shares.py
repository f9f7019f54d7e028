"""Markets in one region of AWS share its quotas: all plans together keep to them, whoever is served for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.advice import Advice
from advisor.advising import Own, advise
from advisor.clouds.asking import increases_of
from advisor.clouds.snapshot import Account, Place
from advisor.clouds.today import AccountToday, accounts_of
from advisor.models import Excuse
from advisor.offers.offer import Offer
from advisor.pages.offerpage import quota_text, refusals, share_lines
from advisor.plans.asked import Asked
from advisor.plans.plan import Plan, plan
from advisor.plans.shares import plans_of
from advisor.reports.html import Html
from advisor.reports.json import Json
from advisor.reports.markdown import Markdown
from advisor.texts import LANGS
from loadtests.scenario import Scenario
from tests.advisor.questions import all_finite, capacities, demand
from tests.advisor.runs import Town, run_of
from tests.clouds.test_allowed import (
    C7G,
    ENDS,
    GPU,
    OFFERS,
    STANDARD,
    STANDARD_SPOT,
    VCPUS,
    asked,
    costing,
    place,
    reserved,
    serving,
)
from tests.clouds.test_owned import holding, ri
from tests.clouds.town import PLACE

CODES: Final = ("id", "my", "sg", "th")
LEAN: Final = ("c7gn.4xlarge", "c7g.8xlarge", "c6gn.2xlarge", "m7g.large")
law = settings(max_examples=60, deadline=None)


def market(code: str, account: Place | None, *names: str, size: float = 1.0, **how: Any) -> Asked:
    """One that would take 15 c7g.4xlarge, 240 vCPUs, for each ``size``."""
    return replace(asked(account, *names, **how), demand=demand(size, region=code))


def plans(questions: Sequence[Asked]) -> dict[str, Plan]:
    found = plans_of(questions)
    return {one.region: one for one in found if isinstance(one, Plan)}


def nodes(found: Plan) -> int | None:
    return None if found.offers.best is None else found.offers.best.nodes


def today(account: Place, questions: Sequence[Asked]) -> dict[str, AccountToday]:
    """What the account's part makes of the same plans, by its own arithmetic."""
    whole = Account(account="1", read_at=ENDS, hosts=(), places=(account,))
    told = zip(questions, plans_of(questions), strict=True)
    each = [(one.demand.region, found, one.places) for one, found in told]
    return accounts_of(whole, each, questions[0].node, ENDS)


# Whether anything is divided


def test_a_market_alone_and_markets_with_enough_are_planned_as_they_were() -> None:
    alone = market("id", place(quotas={STANDARD: 240}), *LEAN)
    assert plans_of([alone]) == (plan(alone),)
    both = [market(code, place(quotas={STANDARD: 480})) for code in ("id", "sg")]
    assert plans_of(both) == tuple(plan(one) for one in both)
    apart = [market("id", place(quotas={STANDARD: 240})), replace(market("sg", None), places={"aws": "eu-west-1"})]
    assert plans_of(apart) == tuple(plan(one) for one in apart)


def test_where_one_fits_and_not_both_one_is_served_and_the_other_is_told_what_to_ask_for() -> None:
    account = place(quotas={STANDARD: 479}, running={"m7g.large": 10})
    questions = [market("sg", account), market("id", account, size=1.01)]
    found = plans(questions)
    assert (nodes(found["id"]), nodes(found["sg"])) == (18, None), "the larger audience"
    served, short = found["id"].offers.best, found["sg"].offers.beyond
    assert served is not None
    assert served.quota is not None
    assert (served.quota.markets, served.quota.is_enough, served.quota.command) == (("sg",), True, "")
    assert short is not None
    assert short.quota is not None
    assert short.but is not None
    assert short.but.key == "offer_over_share"
    (share,) = found["sg"].shares
    assert (share.left, share.wanted, share.taken, share.markets) == (459, 288 + 240, 0, ("id",))
    assert share.share == short.quota.share == 459 - 288
    total = 20 + 288 + 240
    assert f"--desired-value {total}" in short.quota.command
    assert {row.ask for row in today(account, questions).values()} == {total}, "the account's part asks for the same"


def test_a_dearer_offer_with_fewer_vcpus_lets_both_be_served() -> None:
    lean = Offer.model_validate(
        costing(9.0, "c9x.4xlarge").model_dump() | {"vcpus": C7G.vcpus and C7G.vcpus.model_copy(update={"value": 8})}
    )
    how: dict[str, Any] = {"offers": (lean,), "vcpu_exponent": 1}

    def chosen(left: int) -> list[str]:
        account = place(quotas={STANDARD: left})
        found = plans([market(code, account, **how) for code in ("id", "sg")])
        return [one.offers.best.offer.name if one.offers.best else "" for one in found.values()]

    assert chosen(480) == ["c7g.4xlarge", "c7g.4xlarge"]
    assert chosen(360) == ["c7g.4xlarge", "c9x.4xlarge"]
    assert chosen(240) == ["c9x.4xlarge", "c9x.4xlarge"]
    assert sorted(chosen(239)) == ["", "c9x.4xlarge"]


def test_another_family_takes_what_the_shared_quota_has_not() -> None:
    other = costing(9.0, "g5g.4xlarge")
    account = place(quotas={STANDARD: 300, GPU: 300})
    found = plans([market(code, account, offers=(other,)) for code in ("id", "sg")])
    assert {one.offers.best.offer.name for one in found.values() if one.offers.best} == {"c7g.4xlarge", "g5g.4xlarge"}


def test_what_the_scenario_says_of_a_market_stays_its_own() -> None:
    account = place(quotas={STANDARD: 300})
    questions = [market(code, account, quota_vcpus={"id": 240}) for code in ("id", "my", "sg")]
    found = plans(questions)
    assert found["id"].shares == ()
    assert nodes(found["id"]) == 15
    assert {nodes(found["my"]), nodes(found["sg"])} == {15, None}
    assert found["my"].shares[0].markets == ("sg",)


def test_the_catalogues_quota_is_shared_without_an_account() -> None:
    fact = {"value": 300, "source": "made up for a test", "as_of": "2026-11", "confidence": "assumed"}
    listed = Offer.model_validate(C7G.model_dump() | {"quota_vcpus": {PLACE: fact}})
    found = plans([market(code, None, node=listed) for code in ("id", "sg")])
    assert [nodes(one) for one in found.values()] == [15, None]
    (refused,) = found["sg"].offers.refused
    assert refused.reason.values["share"] == "60"
    assert refused.remedy.values["lack"] == "180"


def test_a_market_without_a_plan_takes_nothing() -> None:
    account = place(quotas={STANDARD: 240})
    bare = replace(market("my", account), capacities=capacities())
    found = plans_of([bare, market("id", account)])
    assert isinstance(found[0], Excuse)
    assert isinstance(found[1], Plan)
    assert found[1] == plan(market("id", account))


def test_a_market_that_the_whole_quota_does_not_serve_asks_for_all_of_them() -> None:
    account = place(quotas={STANDARD: 300}, running={"m7g.large": 5})
    questions = [market("id", account), market("sg", account, size=2)]
    found = plans(questions)
    assert (nodes(found["id"]), nodes(found["sg"])) == (15, None)
    short = found["sg"].offers.beyond
    assert short is not None
    assert short.quota is not None
    assert short.quota.total == 10 + 240 + 480
    assert {row.ask for row in today(account, questions).values()} == {730}
    alone = plans([market("id", place(quotas={GPU: 9})), market("sg", place(quotas={GPU: 9}), size=2)])
    assert not any(one.shares for one in alone.values()), "nobody knows what there is to divide"


# What counts already


def test_nodes_that_serve_count_once() -> None:
    """10 nodes serve, and both plans have 15: 20 more are needed, not 10."""
    questions = {}
    for left, both in ((320, True), (319, False)):
        running = {"c7g.4xlarge": 10}
        account = place(quotas={STANDARD: 160 + left}, running=running, **serving(10))
        questions[left] = [market(code, account) for code in ("id", "sg")]
        found = plans(questions[left])
        assert (None not in [nodes(one) for one in found.values()]) is both
        bests = [one.offers.best for one in found.values() if one.offers.best]
        assert sum(one.serving for one in bests) <= 10


def test_reservations_are_paid_for_once_even_where_no_quota_is_known() -> None:
    account = place(quotas={}, reservations=reserved(4, 4, 4))
    found = plans([market(code, account) for code in ("id", "sg")])
    bests = [one.offers.best for one in found.values() if one.offers.best]
    assert [one.paid for one in bests] == [6, 6]
    one = place(quotas={}, reservations=reserved(9, 9, 9))
    found = plans([market(code, one) for code in ("id", "sg")])
    assert sum(best.paid for best in (one.offers.best for one in found.values()) if best) == 27


@pytest.mark.parametrize(("kind", "count"), [("c7g.4xlarge", 10), ("c7g.large", 80)])
def test_reserved_instances_cover_once_whatever_their_size(kind: str, count: int) -> None:
    """Each market alone would have all 10 covered; together they have 5 each."""
    account = holding(ri(kind, count), quotas={})
    alone = plans([market("id", account)])["id"].offers.best
    bests = [one.offers.best for one in plans([market(code, account) for code in ("id", "sg")]).values()]
    assert alone is not None
    assert alone.paid == 10
    assert [one.paid for one in bests if one] == [5, 5]


def test_what_others_use_of_reserved_instances_is_taken_off_once() -> None:
    """6 of 20 are used by instances that run beside: 14 are left, for one market or for two."""
    account = holding(ri("c7g.4xlarge", 20), runs={"c7g.4xlarge": {f"{PLACE}a": 6}}, quotas={})
    for codes in (("id",), ("id", "sg")):
        bests = [one.offers.best for one in plans([market(code, account) for code in codes]).values()]
        assert sum(one.paid for one in bests if one) == 14


def test_reserved_instances_go_to_those_who_buy_what_they_apply_to() -> None:
    account = holding(ri("c7g.large", 80), quotas={})
    other = costing(0.5, "g5g.4xlarge")
    questions = [market("id", account), market("my", account), replace(market("sg", account, size=20), node=other)]
    found = plans(questions)
    paid = {code: one.offers.best.paid for code, one in found.items() if one.offers.best}
    assert paid == {"id": 5, "my": 5, "sg": 0}


def test_the_price_of_either_shape_of_a_pair_may_be_assumed() -> None:
    def fact(offer: Offer, confidence: str) -> Offer:
        price = {"value": 0.5, "source": f"as {confidence}", "as_of": "2026-11", "confidence": confidence}
        return Offer.model_validate(offer.model_dump() | {"usd_per_hour": {PLACE: price}})

    for quotas in ({STANDARD: 160, GPU: 96}, {STANDARD: 96, GPU: 160}):
        account = place(quotas=quotas)
        other = fact(costing(1, "g5g.4xlarge"), "assumed")
        found = plans([replace(market("id", account), node=fact(C7G, "measured"), offers=(other,))])["id"].offers
        assert (found.best, len(found.shapes)) == (None, 2)
        assert found.assumed == "as assumed"


def test_spot_instances_of_all_markets_keep_to_their_quota() -> None:
    account = place(quotas={STANDARD: 5000, STANDARD_SPOT: 144})
    how: dict[str, Any] = {"spare_nodes": 9, "buying": {"spot": "30%", "spot_lost": "50%"}}
    found = plans([market(code, account, **how) for code in ("id", "sg")])
    counts = [
        sum(part.nodes for part in one.offers.mix.parts if part.purchase == "spot")
        for one in found.values()
        if one.offers.mix
    ]
    assert counts == [6, 3]
    mix = found["sg"].offers.mix
    assert mix is not None
    assert mix.reasons[-1].key == "mix_spot_share"
    (spot,) = [share for share in found["sg"].shares if share.spot]
    assert (spot.left, spot.share, spot.taken, spot.wanted) == (144, 48, 48, 192)


# What is said


@pytest.mark.parametrize("lang", LANGS)
def test_the_report_says_that_it_is_shared_with_whom_and_how_much(lang: str) -> None:
    account = place(quotas={STANDARD: 300})
    found = plans([market(code, account) for code in ("id", "my", "sg")])["sg"]
    (line,) = share_lines(lang, found)
    for told in ("L-1216C47A", PLACE, "id", "my", "300", "720", "30"):
        assert told in line
    assert found.offers.beyond is not None
    assert found.offers.beyond.quota is not None
    assert "720" in quota_text(lang, found.offers.beyond.quota), "all three together"
    assert "30" in refusals(lang, found)[0]


# Laws


@st.composite
def towns(draw: st.DrawFn, *, is_new: bool = False) -> tuple[Place, list[Asked]]:
    """Some markets in one place of an account that may have anything; nothing that is theirs in one that is new."""
    dear = [costing(draw(st.floats(0.1, 3)), name) for name in ("g5g.4xlarge", "c8x.4xlarge")]
    names = draw(st.lists(st.sampled_from(LEAN), unique=True))
    serves, running = 0 if is_new else draw(st.integers(0, 20)), draw(st.integers(0, 60))
    fields: dict[str, Any] = {
        "vcpus": VCPUS | {name: int(OFFERS[name].vcpus.value) for name in LEAN if OFFERS[name].vcpus},  # type: ignore[union-attr]
        "running": {"c7g.4xlarge": serves, "m7g.large": running},
        "spot": {"m7g.large": draw(st.integers(0, 20))},
        "quotas": {
            code: draw(st.integers(0, most))
            for code, most in ((STANDARD, 1500), (STANDARD_SPOT, 400), (GPU, 400))
            if draw(st.integers(0, 9))
        },
        "reservations": () if is_new else reserved(*draw(st.lists(st.integers(0, 9), max_size=3))),
        **serving(serves),
    }
    account = place(**fields)
    how = {
        "offers": tuple(dear),
        "zones": draw(st.integers(1, 3)),
        "spare_nodes": draw(st.integers(0, 6)),
        "vcpu_exponent": draw(st.sampled_from([0.5, 1.0])),
        "buying": {"spot": f"{draw(st.integers(0, 60))}%", "spot_lost": "50%"},
    }
    codes = draw(st.lists(st.sampled_from(CODES), min_size=2, unique=True))
    return account, [market(code, account, *names, size=draw(st.floats(0.2, 4)), **how) for code in codes]


def short_of(choice_of: Mapping[str, Plan]) -> set[str]:
    return {code for code, one in choice_of.items() if one.offers.best is None and one.offers.mix is None}


@law
@given(towns())
def test_what_all_take_is_within_what_is_left(town: tuple[Place, list[Asked]]) -> None:
    """By the arithmetic of the account's part, which knows nothing of shares."""
    account, questions = town
    found = plans(questions)
    assert all_finite([one.model_dump() for one in found.values()])
    for code in short_of(found):
        assert found[code].offers.refusals, "it says why"
    served = [one for one in questions if one.demand.region not in short_of(found)]
    each = [(one.demand.region, found[one.demand.region], one.places) for one in served]
    whole = Account(account="1", read_at=ENDS, hosts=(), places=(account,))
    for row in accounts_of(whole, each, questions[0].node, ENDS).values():
        for quota in row.quotas:
            assert quota.ask is None, quota
    for one in found.values():
        assert all(share.taken <= share.share for share in one.shares)
        pools = {(share.code, share.spot) for share in one.shares}
        assert len(pools) == len(one.shares)
    for pool in {(share.code, share.spot) for one in found.values() for share in one.shares}:
        shares = [share for one in found.values() for share in one.shares if (share.code, share.spot) == pool]
        assert sum(share.share for share in shares) <= shares[0].left
        assert len({share.left for share in shares}) == 1


@law
@given(towns(), st.randoms(use_true_random=False))
def test_the_order_in_which_markets_are_written_makes_no_difference(
    town: tuple[Place, list[Asked]], chance: Any
) -> None:
    _, questions = town
    other = list(questions)
    chance.shuffle(other)
    assert plans(questions) == plans(other) == plans(questions)


def cost(questions: Sequence[Asked]) -> tuple[float, float]:
    """Viewers without nodes, then USD per hour of the best offers."""
    found = plans(questions)
    viewers = {one.demand.region: one.demand.viewers.mid for one in questions}
    bests = [one.offers.best for one in found.values()]
    usd = [one.usd_per_hour for one in bests if one is not None and one.usd_per_hour is not None]
    return sum(viewers[code] for code, one in found.items() if one.offers.best is None), sum(usd)


@law
@given(towns(is_new=True), st.sampled_from([STANDARD, GPU]), st.integers(0, 2000))
def test_more_quota_never_leaves_more_viewers_without_nodes_nor_costs_more(
    town: tuple[Place, list[Asked]], code: str, more: int
) -> None:
    account, questions = town
    grown = account.model_copy(update={"quotas": account.quotas | {code: account.quotas.get(code, 0) + more}})
    account = account.model_copy(update={"quotas": {code: 0} | account.quotas})
    questions = [replace(one, account=account) for one in questions]
    before, after = cost(questions), cost([replace(one, account=grown) for one in questions])
    assert after[0] <= before[0]
    assert after[0] < before[0] or after[1] <= before[1] * (1 + 1e-9)


@law
@given(towns(is_new=True))
def test_no_market_would_be_better_served_by_what_the_others_leave(town: tuple[Place, list[Asked]]) -> None:
    """One market alone, with the quotas less what the others take, finds nothing that is cheaper."""
    account, questions = town
    found = plans(questions)
    for one in questions:
        own = found[one.demand.region]
        free = dict(account.quotas)
        for other in found.values():
            if other is not own and other.offers.best is not None and other.offers.best.quota is not None:
                need = other.offers.best.quota
                if need.code in free:
                    free[need.code] -= need.vcpus
        rest = replace(one, account=account.model_copy(update={"quotas": {k: max(0, v) for k, v in free.items()}}))
        alone = plan(rest)
        assert isinstance(alone, Plan)
        if own.offers.best is None:
            assert alone.offers.best is None
        elif alone.offers.best is not None and own.offers.best.usd_per_hour is not None:
            assert alone.offers.best.usd_per_hour is not None
            assert own.offers.best.usd_per_hour <= alone.offers.best.usd_per_hour * (1 + 1e-9)


# From a run to a report


@pytest.fixture(scope="module")
def advices(tmp_path_factory: pytest.TempPathFactory) -> tuple[Advice, Advice]:
    """Three markets that a rule puts into one place: with enough for all, and with as much as they take less one."""
    run = run_of(Town(seed=3), tmp_path_factory.mktemp("town"))
    data = run.header.scenario.model_dump(mode="json")
    data["launch"] |= {"node": "c7g.4xlarge", "residency": {"default": [PLACE]}}
    run = replace(run, header=run.header.model_copy(update={"scenario": Scenario.model_validate(data)}))

    def with_quota(vcpus: int) -> Advice:
        whole = Account(account="1", read_at=ENDS, hosts=(), places=(place(quotas={STANDARD: vcpus}),))
        return advise([run], own=Own(account=whole))

    enough = with_quota(10**6)
    rows = [one.account for one in enough.regions if one.account is not None]
    assert rows[0].together_vcpus is not None
    return enough, with_quota(rows[0].together_vcpus - 1)


def test_the_advice_as_a_whole_is_within_the_quota(advices: tuple[Advice, Advice]) -> None:
    enough, short = advices
    assert not any(one.nodes.shares for one in enough.regions if isinstance(one.nodes, Plan))
    plans = {one.code: one.nodes for one in short.regions if isinstance(one.nodes, Plan)}
    served = [one for one in plans.values() if one.offers.best is not None]
    assert (len(plans), len(served)) == (3, 2)
    (more,) = increases_of(short)
    (row,) = [one.account.quotas[0] for one in enough.regions if one.code == served[0].region and one.account]
    assert more.wanted == row.together_vcpus, "what all take, as before anything was divided"
    assert Advice.model_validate_json(Json().render(short, "en")).regions == short.regions


@pytest.mark.parametrize(("lang", "sentence"), [("en", "is shared with"), ("zh", "共用：合计还剩")])
def test_the_page_says_it_where_something_was_divided(advices: tuple[Advice, Advice], lang: str, sentence: str) -> None:
    enough, short = advices
    for report in (Html(), Markdown()):
        assert sentence in report.render(short, lang)
        assert sentence not in report.render(enough, lang)
