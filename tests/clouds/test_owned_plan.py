"""Reserved Instances are taken off what an event costs, Savings Plans are not; the report and advice.json say both."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.advice import Advice
from advisor.advising import advise
from advisor.clouds.committed import Priced, priced
from advisor.clouds.needed import alone
from advisor.clouds.owned import Cover, cover
from advisor.clouds.snapshot import Account, Commitment, Owned, Place
from advisor.clouds.today import AccountToday, account_today
from advisor.offers.offer import Offer
from advisor.own import Own
from advisor.pages.accounted import rows
from advisor.pages.offerpage import buying_lines, way_rows, ways_paid
from advisor.plans.bought import Mix
from advisor.plans.mixing import Candidate, paid
from advisor.reports.html import Html
from advisor.reports.json import Json
from advisor.reports.markdown import Markdown
from advisor.texts import LANGS, fill
from loadtests.scenario import Scenario
from tests.advisor.questions import demand, planned
from tests.advisor.runs import Town, run_of
from tests.clouds.test_account import NOW
from tests.clouds.test_allowed import C7G, ENDS, asked, chosen, costing, place, reserved
from tests.clouds.test_owned import LATER, ZONES, holding, ri
from tests.clouds.test_pairs import FIRST, SECOND, SIZES, shapes
from tests.clouds.town import PLACE

# What it changes


def test_nodes_that_are_covered_cost_nothing_on_top_and_take_their_quota() -> None:
    without, held = chosen(place()).best, chosen(holding(ri("c7g.4xlarge", 6)))
    assert without is not None
    assert held.best is not None
    assert held.best.price is not None
    assert held.best.usd_per_hour == pytest.approx(9 * held.best.price.value)
    assert held.best.quota == without.quota, "a discount is no quota"
    assert held.mix is not None
    assert [(part.purchase, part.nodes) for part in held.mix.parts] == [("owned", 6), ("on_demand", 9)]
    assert held.mix.usd_per_hour == held.best.usd_per_hour
    assert held.mix.reasons[0].key == "mix_owned"


def test_reserved_and_owned_are_told_apart() -> None:
    mix = chosen(holding(ri("c7g.4xlarge", 8), reservations=reserved(2, 2, 0))).mix
    assert mix is not None
    assert [(part.purchase, part.nodes) for part in mix.parts] == [("reservation", 4), ("owned", 4), ("on_demand", 7)]
    assert [one.key for one in mix.reasons[:2]] == ["mix_reserved", "mix_owned"]


def test_a_type_that_is_owned_may_be_cheaper_than_a_cheaper_one() -> None:
    held = chosen(holding(ri("c7g.large", 15 * 8)), "c6g.4xlarge")
    assert held.best is not None
    assert (held.best.offer.name, held.best.usd_per_hour, held.best.paid) == ("c7g.4xlarge", 0, 15)


def ways(choice: Any) -> dict[str, tuple[Any, ...]]:
    price = choice.best.price.value
    return {
        way.name: (way.most, round(way.usd_per_hour / price, 6), way.usd_waiting and round(way.usd_waiting / price, 6))
        for way in choice.ways
    }


@pytest.mark.parametrize(
    "account", [holding(ri("c7g.4xlarge", 6)), place(reservations=reserved(2, 2, 2))], ids=["owned", "reserved"]
)
def test_every_way_to_pay_leaves_out_what_is_paid_for(account: Place) -> None:
    """9 of 15 nodes are left to pay for; the table and the mix say the same."""
    choice = chosen(account, spare_nodes=9, buying={"spot": "30%", "spot_lost": "50%"})
    plain = chosen(place(), spare_nodes=9, buying={"spot": "30%", "spot_lost": "50%"})
    assert choice.best is not None
    nodes = choice.best.nodes
    rest = nodes - 6
    found, before = ways(choice), ways(plain)
    assert found["on_demand"] == (rest, rest, None)
    assert found["savings"] == (rest, pytest.approx(rest * 0.7), None)
    assert found["reservation"] == (rest, rest, rest)
    spot = found["spot"][0]
    assert found["spot"][1] == pytest.approx(rest - spot + spot * 0.4)
    assert before["on_demand"] == (nodes, nodes, None)
    assert choice.mix is not None
    assert choice.best.price is not None
    assert choice.mix.usd_per_hour <= found["on_demand"][1] * choice.best.price.value
    assert {way.paid for way in choice.ways} == {6}


@pytest.mark.parametrize(
    ("lang", "some", "every"),
    [
        ("en", "6 of the 15 nodes are reserved or covered", "All 15 nodes of the best offer"),
        ("zh", "15 个节点中有 6 个已预留或已由预留实例抵扣", "全部 15 个节点都已预留"),
    ],
)
def test_the_table_says_what_is_paid_for_in_every_way(lang: str, some: str, every: str) -> None:
    found = planned(asked(holding(ri("c7g.4xlarge", 6))))
    assert some in ways_paid(lang, found)
    assert fill(lang, "way_owned") in " ".join(buying_lines(lang, found))
    whole = planned(asked(holding(ri("c7g.4xlarge", 60))))
    assert every in ways_paid(lang, whole)
    assert way_rows(lang, whole) == []
    assert ways_paid(lang, planned(asked(place()))) == ""


# Two shapes


def of_mix(mix: Mix | None, purchase: str) -> dict[str, int]:
    found = Counter[str]()
    for part in mix.parts if mix else ():
        found[part.offer] += part.nodes if part.purchase == purchase else 0
    return {name: count for name, count in found.items() if count}


def test_a_pair_has_what_is_owned_of_either_family() -> None:
    bought = holding(ri(FIRST, 9), ri("c6gn.xlarge", 1), vcpus=SIZES)
    mix = planned(replace(asked(bought, FIRST, SECOND), demand=demand(0.9))).offers.mix
    assert mix is not None
    assert shapes(mix) == {FIRST: 12, SECOND: 3}
    assert of_mix(mix, "owned") == {FIRST: 9, SECOND: 2}


def candidate(at: int, each: float, price: float, units: float, own: float, reach: str = "c7g") -> Candidate:
    held = Cover(rooms=(0,), reach=reach, units=units, each=each, own=own)
    nothing = np.zeros(1)
    return Candidate(at, price, 1.0, 1e9, "", "", nothing, nothing, 9, (0,), 0, 0.0, held)


def test_two_sizes_of_a_family_share_what_is_owned_of_it() -> None:
    large, twice = candidate(0, 4, 1.0, 40, 0), candidate(1, 8, 2.0, 40, 0)
    ones, others = paid(large, twice, np.array([6.0]), np.array([6.0]))
    assert (ones[0], others[0]) == (6, 2), "24 of 40 units, and 16 that are left"
    apart = paid(large, replace(twice, cover=replace(twice.cover, reach="c6g")), np.array([6.0]), np.array([6.0]))
    assert (apart[0][0], apart[1][0]) == (6, 5)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 400),
    st.integers(0, 200),
    st.integers(0, 40),
    st.integers(0, 40),
    st.integers(0, 60),
    st.integers(0, 60),
)
def test_no_unit_is_taken_twice(bought: int, others: int, first: int, second: int, mine: int, yours: int) -> None:
    """Of ``bought`` units others take theirs; each shape alone takes the other's nodes of today for others too."""
    one = candidate(0, 4, 1.0, bought - others - 8 * yours, 4 * mine)
    other = candidate(1, 8, 2.0, bought - others - 4 * mine, 8 * yours)
    ones, twos = (float(count) for count in paid(one, other, np.array(float(first)), np.array(float(second))))
    assert 0 <= ones <= first
    assert 0 <= twos <= second
    assert ones * 4 + twos * 8 <= max(0, bought - others)
    if first * 4 + second * 8 <= bought - others:
        assert (ones, twos) == (first, second), "there is enough for all"


@pytest.mark.parametrize("nodes", range(16))
def test_a_count_is_covered_alike_wherever_it_is_worked_out(nodes: int) -> None:
    found = holding(ri("c7g.large", 20), ri("c7g.4xlarge", 2, ZONES[1]), reservations=reserved(1, 0, 3))
    held = cover(found, "c7g.4xlarge", 3, ENDS)
    shape = replace(candidate(0, 1, 1.0, 0, 0), cover=held)
    assert held.paid(nodes) == int(shape.paid(np.array(float(nodes))))


# What is said


def told(
    *plans: Commitment,
    ends: datetime | None = ENDS,
    nodes: int = 15,
    bought: tuple[Owned, ...] | None = (),
    regions: int = 1,
) -> AccountToday:
    account = Account(
        account="123456789012", read_at=NOW, hosts=(), places=(place(owned=bought),), commitments=plans or ()
    )
    wanted = {f"r{at}": alone(PLACE, C7G, nodes, 3, ends) for at in range(regions)}
    bought_now = (Priced("c7g.4xlarge", nodes, 0.35, 0.7),)
    found = account_today(account, "r0", wanted, bought_now)
    assert found is not None
    return found


def plan(usd: float = 2.1, **fields: Any) -> Commitment:
    return Commitment.model_validate({"reach": "compute", "per_hour": usd, "ends": LATER} | fields)


@pytest.mark.parametrize(
    ("plans", "covers"),
    [
        ([plan()], 6),  # 2.10 ÷ 0.35
        ([plan(), plan()], 12),
        ([plan(9e9)], 15),
        ([plan(0.1)], 0),
        ([plan(reach="family", family="c7g", region=PLACE)], 6),
        ([plan(reach="family", family="c7gn", region=PLACE)], None),
        ([plan(reach="family", family="c7g", region="sa-east-1")], None),
        ([plan(ends=ENDS - timedelta(days=1))], None),
        ([plan(currency="CNY")], None),
        ([], None),
    ],
)
def test_a_savings_plan_could_cover_so_many_at_most(plans: list[Commitment], covers: int | None) -> None:
    found = told(*plans).committed
    assert found.covers == ({"c7g.4xlarge": covers} if covers else {})
    assert ("commitments_cover" in [one.key for one in found.notes]) is bool(covers)
    assert told(*plans, ends=None).committed.covers == {}


def test_what_is_bought_on_demand_or_under_a_plan_is_what_it_could_cover() -> None:
    """Of 15 nodes 6 are owned: 9 at 70 % of their price, whichever way the launch would pay for them."""
    account = holding(ri("c7g.4xlarge", 6))
    for savings in (False, True):
        found = planned(asked(account, buying={"savings": savings}))
        assert found.offers.best is not None
        assert found.offers.best.price is not None
        (one,) = priced(found)
        assert (one.kind, one.nodes, one.share) == ("c7g.4xlarge", 9, 0.7)
        assert one.usd == pytest.approx(found.offers.best.price.value * 0.7)
    assert priced(planned(asked(holding(ri("c7g.4xlarge", 60))))) == ()
    assert priced(None) == ()


def test_hardware_of_ones_own_is_covered_by_no_savings_plan() -> None:
    account = Account(account="1", read_at=NOW, hosts=(), places=(place(),), commitments=(plan(),))
    mine = (Priced("as-rehearsed", 15, 0.35, 0.7),)
    found = account_today(account, "id", {"id": alone(PLACE, costing(0.5, "as-rehearsed"), 15, 3, ENDS)}, mine)
    assert found is not None
    assert found.committed.covers == {}


def test_a_savings_plan_takes_nothing_off_any_price() -> None:
    """It is not even known to the planner: what is left of it nobody knows."""
    assert "commitments" not in Place.model_fields


@pytest.mark.parametrize(
    ("found", "keys"),
    [
        (told(plan()), ["commitments_cover", "commitments_look"]),
        (told(plan(), ends=None), ["commitments_undated"]),
        (told(plan(ends=NOW)), ["commitments_end_before"]),
        (told(bought=(ri("c7g.large", 8),)), ["owned_told"]),
        (told(bought=(ri("c7g.large", 8),), regions=2), ["owned_told", "owned_shared"]),
        (told(bought=(ri("c7g.large", 8), ri("c7g.large", 2, ends=NOW))), ["owned_ends_before", "owned_told"]),
        (told(bought=(ri("c7g.large", 8),), ends=None), ["owned_undated"]),
        (told(bought=(ri("m7g.large", 8),)), []),
        (told(bought=None), []),
    ],
)
def test_what_is_to_be_known_is_told(found: AccountToday, keys: list[str]) -> None:
    assert [one.key for one in found.committed.notes] == keys


def test_rows_say_what_is_there_and_what_is_not_known() -> None:
    full = told(
        plan(), plan(reach="family", family="c7g", region=PLACE), bought=(ri("c7g.large", 8), ri("m7g.large", 3))
    )
    lines = {title: now for title, now, _ in rows("en", full)}
    assert lines["Reserved Instances"] == "8 × c7g.large (any zone, until 2027-03-05), 3 for other types"
    assert lines["Savings Plans that may apply"] == (
        "Compute, USD 2.10 per hour until 2027-03-05, EC2 Instance (c7g), USD 2.10 per hour until 2027-03-05"
    )
    unread = told(bought=None)
    unread = unread.model_copy(update={"committed": unread.committed.model_copy(update={"commitments": None})})
    for lang in LANGS:
        titles = fill(lang, "account_row_owned"), fill(lang, "account_row_commitments")
        lines = {title: now for title, now, _ in rows(lang, unread)}
        assert [lines[title] for title in titles] == [fill(lang, "account_unknown")] * 2
        lines = {title: now for title, now, _ in rows(lang, told())}
        assert [lines[title] for title in titles] == ["0", "0"]


def test_zonal_ones_hold_room_and_regional_ones_do_not() -> None:
    zonal, regional = told(bought=(ri("c7g.4xlarge", 15, ZONES[0]),)), told(bought=(ri("c7g.4xlarge", 15),))
    assert (zonal.reserved, regional.reserved) == (None, None), "capacity reservations were not read"
    read = place(owned=(ri("c7g.4xlarge", 4, ZONES[0]),), reservations=reserved(1))
    account = Account(account="1", read_at=NOW, hosts=(), places=(read,))
    found = account_today(account, "id", {"id": alone(PLACE, C7G, 15, 3, ENDS)})
    assert found is not None
    assert found.reserved == 5
    (short,) = [one for one in found.findings if one.key == "account_reserved"]
    assert short.values["free"] == "5"


def test_a_machine_that_aws_does_not_sell_is_covered_by_nothing() -> None:
    mine = Offer(name="c7g.4xlarge", vcpus=C7G.vcpus)
    assert asked(holding(ri("c7g.4xlarge", 9)), node=mine).paid(mine, 15) == 0
    assert asked(holding(ri("c7g.4xlarge", 9)), node=costing(1.0, "as-rehearsed")).cover(Offer(name="x")) == Cover()


@pytest.fixture(scope="module")
def advice(tmp_path_factory: pytest.TempPathFactory) -> Advice:
    run = run_of(Town(seed=3), tmp_path_factory.mktemp("town"))
    data = run.header.scenario.model_dump(mode="json")
    data["launch"] |= {"node": "c7g.4xlarge", "offers": ["ec2"], "audience": {"id": 4000, "in": 2500}}
    data["starts_at"] = "2026-12-05T12:30:00Z"
    header = run.header.model_copy(update={"scenario": Scenario.model_validate(data)})
    bought = holding(ri("c7g.4xlarge", 2), ri("m5.xlarge", 3), quotas={})
    account = Account(account="123456789012", read_at=NOW, hosts=(), places=(bought,), commitments=(plan(),))
    return advise([replace(run, header=header)], own=Own(account=account))


@pytest.mark.parametrize(
    ("lang", "sentences"),
    [
        (
            "en",
            ("Savings Plans that may apply", "Compute, USD 2.10 per hour until 2027-03-05", "only AWS's Cost Explorer"),
        ),
        ("zh", ("可能适用的节省计划", "Compute 型，每小时 USD 2.10，至 2027-03-05", "只有 AWS 的 Cost Explorer 知道")),
    ],
)
def test_the_report_has_it_in_both_languages(advice: Advice, lang: str, sentences: tuple[str, ...]) -> None:
    for page in (unescape(Html().render(advice, lang)), Markdown().render(advice, lang).replace("\\", "")):
        for sentence in sentences:
            assert sentence in page


def test_the_advice_has_all_that_is_shown(advice: Advice) -> None:
    data = json.loads(Json().render(advice, "en"))
    region = next(one for one in data["regions"] if one["code"] == "id")
    committed = region["account"]["committed"]
    assert committed["commitments"][0]["per_hour"] == 2.1
    assert sum(one["count"] for one in committed["owned"]) + committed["others"] == 5
    best = region["nodes"]["offers"]["best"]
    assert [way["paid"] for way in region["nodes"]["offers"]["ways"]] == [best["paid"]] * 5
