"""What would change the answer: round figures, honest bounds, the user's own question, and the inverse one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from click.testing import CliRunner

from advisor.advice import Advice
from advisor.advising import advise
from advisor.changes.carried import Carried, parse_nodes
from advisor.changes.supposing import Supposition, suppositions
from advisor.changes.whatif import Outcome, Question, RegionWhatIf, WhatIf, what_if
from advisor.counterfactuals.ladder import Ladder
from advisor.demands.usage import usages
from advisor.models import Excuse
from advisor.pages.outcomes import carried_text, whatif_lines
from advisor.plans.plan import Plan
from loadtests.errors import InputError
from loadtests.launch import Launch
from loadtests.run import Run
from surgecast.cli import surgecast
from tests.advisor.cases import capacity, case_of, ramp
from tests.advisor.conftest import Maker
from tests.advisor.runs import Town, write

ONE_ZONE = Launch.model_validate({"zones": 1, "spare_nodes": 0, "target_utilisation": "100%"})


def asked(found: WhatIf) -> Outcome:
    (region,) = found.regions
    assert isinstance(region.supposed, Outcome), region.supposed
    return region.supposed


def only(found: RegionWhatIf, name: str) -> Outcome:
    return next(one for one in found.outcomes if one.counterfactual == name)


def test_what_binds_decides_what_helps() -> None:
    bits = what_if([case_of(capacity("bandwidth", 40e6))], Question()).regions[0]
    requests = what_if([case_of(capacity("request_rate", 100.0))], Question()).regions[0]
    assert only(bits, "ladder").helps
    ladder = only(requests, "ladder")
    assert ladder.after.nodes == ladder.before.nodes
    assert ladder.helps  # it saves egress all the same
    boot = only(requests, "lead_time")
    assert not boot.helps or boot.after.ready != boot.before.ready
    longer = next(one for one in requests.outcomes if one.counterfactual == "segments")
    assert longer.helps
    assert longer.saved > 0.3 * (longer.before.nodes or 0)


def test_a_faster_boot_needs_fewer_nodes_before_the_surge_when_the_surge_is_slow() -> None:
    slow = case_of(capacity("bandwidth", 40e6), usage=None, viewers=100_000)
    slow_usage = slow.usage.__class__(region="id", segments=0.5, media=0.98, playlists=0.01, curves=(ramp(1e5, 3000),))
    case = case_of(capacity("bandwidth", 40e6), viewers=100_000, usage=slow_usage)
    found = asked(what_if([case], Question(suppositions(["boot=10s"], ["id"]))))
    before, after = found.before, found.after
    assert before.ready is not None
    assert after.ready is not None
    assert before.nodes == after.nodes
    lead = case.lead.total
    assert 0.1 + 0.9 * lead.mid / 3000 < before.ready / (before.nodes or 1) < 0.1 + 0.9 * lead.high / 3000
    boot = case.lead.parts[-1].seconds
    least, most = (boot.mid - 10, boot.high - 10)
    assert least < (before.ready - after.ready) / (before.nodes or 1) / 0.9 * 3000 < most


def test_a_resource_that_was_not_driven_to_its_limit_bounds_what_a_change_can_save() -> None:
    both = (capacity("request_rate", 100.0), capacity("bandwidth", 100.0 * 700e3, saturated=False))
    case = case_of(*both, launch=ONE_ZONE)
    found = asked(what_if([case], Question(suppositions(["segments=6s"], ["id"]), nodes=10)))
    assert (found.after.untested, found.after.binding) == ("bandwidth", "request_rate")
    assert found.after.fewest is not None
    assert found.after.nodes is not None
    assert found.after.fewest < found.after.nodes
    assert found.viewers is not None
    alone = asked(what_if([case_of(both[0], launch=ONE_ZONE)], Question(suppositions(["segments=6s"], ["id"]), 10)))
    assert alone.viewers is not None
    assert found.viewers.mid < alone.viewers.mid


def test_a_change_that_may_take_more_nodes_than_today_is_no_help() -> None:
    """Shorter segments save bits, but double the requests, whose limit was not reached."""
    both = (capacity("bandwidth", 40e6), capacity("request_rate", 40.0, saturated=False))
    usage = replace(case_of(*both).usage, curves=(ramp(10_000, 5),))  # most of the bits are those of joins
    found = what_if([case_of(*both, launch=ONE_ZONE, usage=usage)], Question(suppositions(["segments=1s"], ["id"])))
    shorter = asked(found)
    assert (shorter.after.untested, shorter.after.binding) == ("request_rate", "bandwidth")
    assert shorter.after.fewest is not None
    assert shorter.before.nodes is not None
    assert shorter.after.fewest < shorter.before.nodes
    assert shorter.saved < 0
    assert not shorter.helps
    assert shorter.why_not is not None
    assert shorter.why_not.key == "whatif_why_perhaps_worse"
    assert all(one.saved >= 0 for one in found.regions[0].outcomes if one.helps)


@pytest.mark.parametrize("zones", [1, 2, 4, 6])
def test_nodes_left_when_a_zone_is_lost_carry_in_more_zones_what_they_carry_today(zones: int) -> None:
    """As many are left as are today, but for whole nodes: none carries more than today's plan asks of it."""
    both = (capacity("bandwidth", 40e6), capacity("request_rate", 1e-3, saturated=False))
    launch = ONE_ZONE.model_copy(update={"zones": 3})
    found = asked(what_if([case_of(*both, launch=launch)], Question(suppositions([f"zones={zones}"], ["id"]))))
    assert found.after.untested is None
    assert found.after.nodes == found.after.fewest
    left = (found.after.nodes or 0) * ((zones - 1) / zones if zones > 1 else 1)
    assert left == pytest.approx((found.before.nodes or 0) * 2 / 3, abs=zones + 2)
    assert found.helps == (zones != 2)


@pytest.mark.parametrize("shown", [100.0, 1e-3])
def test_nodes_for_a_resource_that_was_not_tested_are_as_early_as_todays(shown: float) -> None:
    """The viewers come as they do today: whichever resource counts, the same share of its nodes must stand."""
    both = (capacity("request_rate", 100.0), capacity("bandwidth", shown * 700e3, saturated=False))
    found = asked(what_if([case_of(*both, launch=ONE_ZONE)], Question(suppositions(["segments=6s"], ["id"]))))
    before, after = found.before, found.after
    assert after.untested == "bandwidth"
    assert None not in (before.nodes, before.ready, after.nodes, after.ready)
    assert (after.ready or 0) / (after.nodes or 1) == pytest.approx((before.ready or 0) / (before.nodes or 1), abs=0.02)


def test_a_region_that_cannot_be_planned_for_has_one_excuse_and_no_number() -> None:
    case = case_of(capacity("bandwidth", 40e6, saturated=False), factor=20)
    (region,) = what_if([case], Question()).regions
    assert [one.counterfactual for one in region.outcomes if one.after.nodes is not None] == []
    assert [one.reason.key for one in region.excuses].count("excuse_untested") == 1


def test_a_reason_stands_once_and_no_remedy_leads_to_it_again() -> None:
    """A cache that is only supposed has no playlists among its misses."""
    case = case_of(capacity("bandwidth", 40e6))
    bare = replace(case, usage=replace(case.usage, hits={}, misses={}))
    (region,) = what_if([bare], Question()).regions
    assert [one.reason.key for one in region.excuses].count("whatif_no_cache") == 1
    both = Question(suppositions(["cache_hit=95%", "playlist_ttl=2s"], ["id"]))
    refused = what_if([bare], both).regions[0].supposed
    assert isinstance(refused, Excuse)
    assert refused.reason.key == "whatif_no_cache"
    assert "--suppose" not in refused.remedy.text


def test_larger_nodes_are_judged_in_nodes_of_today() -> None:
    case = case_of(capacity("bandwidth", 40e6), launch=ONE_ZONE)
    found = asked(what_if([case], Question(suppositions(["size=2"], ["id"]))))
    assert found.after.nodes is not None
    assert found.before.nodes is not None
    assert abs(found.after.nodes * 2 - found.before.nodes) <= 1
    assert abs(found.saved) <= 1
    assert found.viewers is None


def test_suppositions_are_composed_in_order_and_told_by_region() -> None:
    case = case_of(capacity("bandwidth", 40e6))
    question = Question(suppositions(["segments=4s", "ladder.id=-highest", "segments=2s"], ["id", "in"]))
    found = asked(what_if([case], question))
    assert [one.key for one in found.changes] == ["whatif_segments", "whatif_ladder", "whatif_segments"]
    alone = asked(what_if([case], Question((Supposition("id", Ladder()),))))
    assert found.after.requests.mid == pytest.approx(alone.after.requests.mid)
    elsewhere = what_if([case], Question((Supposition("in", Ladder()),)))
    assert elsewhere.regions[0].supposed is None


def test_what_is_so_already_is_said() -> None:
    found = what_if([case_of(capacity("bandwidth", 40e6))], Question(suppositions(["segments=2s"], ["id"])))
    supposed = found.regions[0].supposed
    assert isinstance(supposed, Excuse)
    assert supposed.reason.key == "whatif_already"


def test_the_audience_that_nodes_carry_is_capacity_over_demand() -> None:
    case = case_of(capacity("bandwidth", 40e6, spread=0.1), launch=ONE_ZONE, viewers=10_000)
    per_viewer = case.edge.wire.mid / 10_000
    found = what_if([case], Question(nodes=10)).carried
    assert isinstance(found, Carried)
    assert found.viewers.mid == pytest.approx(10 * 40e6 / per_viewer)
    assert found.viewers.low == pytest.approx(10 * 36e6 / per_viewer)
    assert found.headroom == pytest.approx(10 * 36e6 / per_viewer, rel=0.002)
    assert found.bound == "limit"


def test_nodes_that_held_the_rehearsed_peak_carry_at_least_its_viewers(make: Maker) -> None:
    """Joins and connections were merely seen; the launch's mix is that of the rehearsal but for rounding."""
    found = advise([make(Town(egress=4e9))], {"id": 1000, "in": 700, "br": 300})
    assert found.verdict.state == "held"
    carried = found.whatif.carried
    assert isinstance(carried, Carried)
    assert carried.bound == "at_least"
    assert carried.binding in ("bandwidth", "request_rate")
    assert carried.viewers.low >= found.tested_viewers * 0.99
    twice = what_if([replace(case_of(capacity("bandwidth", 1.0, saturated=False)), shown=50.0)], Question(nodes=4))
    assert isinstance(twice.carried, Carried)
    assert twice.carried.viewers.low == 200


def test_regions_share_the_nodes_or_have_their_own() -> None:
    one = case_of(capacity("bandwidth", 40e6), launch=ONE_ZONE)
    shared = what_if([one, one], Question(nodes=10)).carried
    own = what_if([one, one], Question(nodes={"id": 10})).carried
    assert isinstance(shared, Carried)
    assert isinstance(own, Carried)
    assert own.viewers.mid == pytest.approx(2 * shared.viewers.mid)


@pytest.mark.parametrize(
    ("text", "says"),
    [("0", "at least one node"), ("id=3", "no nodes given for in"), ("id=3,id=4", "twice"), ("xx=3", "not planned for"),
     ("many", "expected NODES"), ("id=3,in=0", "at least one node"),
     ("9" * 5000, "expected NODES"), ("id=" + "9" * 5000, "expected NODES")],
)  # fmt: skip
def test_nodes_that_cannot_be_are_refused(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        parse_nodes(text, ["id", "in"])


def test_nodes_are_read() -> None:
    assert parse_nodes(" 12 ", ["id"]) == 12
    assert parse_nodes("id=3, in=4", ["id", "in"]) == {"id": 3, "in": 4}


def test_a_run_shows_its_segments_ladder_and_shares(advice: Advice, saturated: Run) -> None:
    from advisor.demands.demand import demands
    from advisor.measured.measure import measure

    measurement = measure([saturated])
    wanted = demands(measurement, {"id": 40_000})
    usage = usages(measurement, wanted)["id"]
    assert usage.segment_seconds == 2
    assert usage.rungs == pytest.approx({300_000: 0.5, 700_000: 0.4, 1_500_000: 0.1})
    assert usage.media == pytest.approx(0.99, abs=0.01)
    assert usage.hit_ratio is None
    assert max(usage.curves[0].viewers) == pytest.approx(40_000, rel=0.03)
    assert advice.whatif.regions[0].best is not None


LOW = Town(egress=4e9, rps=1e5, quiet=60, baseline=200, peak=600, seed=51)
"""Never short of capacity."""


@pytest.mark.parametrize(
    ("suppose", "then"),
    [
        ("segments=4s", replace(LOW, segment_seconds=4.0, seed=52)),
        ("ladder=-highest", replace(LOW, bitrates=LOW.bitrates | {"highest": 700e3}, seed=52)),
    ],
)
def test_the_rehearsal_of_a_change_asks_for_what_was_predicted(make: Maker, suppose: str, then: Town) -> None:
    """Rehearse A and ask "what if B"; rehearse B and look: within 10 % over all regions (docs/what-if.md)."""
    audience = {"id": 300, "in": 210, "br": 90}
    said = advise([make(LOW)], audience, suppose=[suppose])
    true = advise([make(then)], audience)
    changed = [one.supposed.after for one in said.whatif.regions if isinstance(one.supposed, Outcome)]
    for unit in ("requests", "wire"):
        predicted = sum(getattr(one, unit).mid for one in changed)
        assert predicted == pytest.approx(sum(getattr(one.demand, unit).mid for one in true.regions), rel=0.10)


def test_the_terminal_answers_the_question_and_names_what_helps_most(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("asked") / "run"
    write(Town(seed=3), folder)
    options = ["--suppose", "ladder.id=-highest", "--suppose", "cache_hit.in=90%", "--have", "1200"]
    result = CliRunner().invoke(surgecast, ["advise", str(folder), *options])
    assert result.exit_code == 0, result.output
    advice = Advice.model_validate_json((folder / "advice.json").read_text(encoding="utf-8"))
    plan = advice.regions[0].nodes
    assert isinstance(plan, Plan)
    asked = f"Supposed in Indonesia (ladder without its 1.5 Mbit/s rung in Indonesia): {plan.nodes:,} → "
    assert asked in result.output
    assert "Supposed in India (a cache in front that hits 90%" in result.output
    assert "most would change with" in result.output
    report = (folder / "report.md").read_text(encoding="utf-8")
    assert "**Your question** a cache in front that hits 90%" in report
    wrong = CliRunner().invoke(surgecast, ["advise", str(folder), "--suppose", "segment=2s"])
    assert isinstance(wrong.exception, InputError)
    assert "did you mean 'segments'" in str(wrong.exception)


FOUR = case_of(capacity("bandwidth", case_of(capacity("bandwidth", 1.0)).edge.wire.mid / 3.99), launch=ONE_ZONE)
"""Exactly four nodes."""


@pytest.mark.parametrize(
    ("size", "lang", "text"),
    [
        ("0.5", "en", "Indonesia: most would change with nodes of 50% of today's size: {} nodes → {} of that size."),
        ("2", "en", "Indonesia: most would change with nodes 2 times as large: {} nodes → {} of that size."),
        ("2", "zh", "印度尼西亚：影响最大的是节点规格为现在的 2 倍，由 {} 个节点变为 {} 个该规格节点。"),
    ],
)
def test_nodes_of_another_size_read_well(advice: Advice, size: str, lang: str, text: str) -> None:
    found = what_if([FOUR], Question(suppositions([f"size={size}"], ["id"])))
    one = asked(found)
    one = one.model_copy(update={"helps": True, "after": one.after.model_copy(update={"nodes": 1})})
    region = found.regions[0].model_copy(update={"outcomes": (one,), "supposed": None})
    told = advice.model_copy(update={"whatif": found.model_copy(update={"regions": (region,)})})
    assert whatif_lines(told, lang) == [text.format(4, 1)]


@pytest.mark.parametrize("size", ["2", "0.5"])
def test_nodes_of_another_size_that_are_as_much_in_all_come_to_the_same(size: str) -> None:
    found = asked(what_if([FOUR], Question(suppositions([f"size={size}"], ["id"]))))
    assert found.saved == 0
    assert found.why_not is not None
    assert found.why_not.key == "whatif_why_size"


def test_what_nodes_hold_at_least_is_one_sentence(advice: Advice) -> None:
    carried = what_if([case_of(capacity("bandwidth", 40e6, saturated=False))], Question(nodes=10)).carried
    for lang, text in (("en", "; their limit was not reached; with the headroom"), ("zh", "，尚未测到上限；按计划")):
        assert text in carried_text(advice, lang, "id", carried)


def test_nothing_that_helps_is_said_too(advice: Advice) -> None:
    bare = WhatIf(
        regions=tuple(one.model_copy(update={"outcomes": ()}) for one in advice.whatif.regions),
        carried=advice.whatif.carried,
    )
    (line,) = whatif_lines(advice.model_copy(update={"whatif": bare}), "en")
    assert line == "Nothing that was tried changes the number of nodes."
