"""Real differences are found, chance is called chance, and what cannot be compared is said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.compare.comparison import Comparison, Row
from advisor.compare.difference import ALARM, chance, holm, interval, size
from advisor.compare.resample import Figure
from advisor.compare.table import MOST_RUNS, compare
from advisor.foreign import Outcomes
from loadtests.errors import CannotMeasure, InputError
from tests.advisor.runs import Town
from tests.compare.conftest import Maker, town

Light = Callable[[int], Outcomes]


def rows(comparison: Comparison, part: str = "", span: str = "judged") -> dict[str, Row]:
    (table,) = (table for table in comparison.tables if table.span == span)
    return {row.measure: row for row in table.part(part)}


def keys(comparison: Comparison) -> list[str]:
    return [message.key for message in comparison.warnings]


def test_a_run_does_not_differ_from_itself(light: Light) -> None:
    found = compare([light(1), light(1)])
    changes = [change for table in found.tables for row in table.rows for change in row.changes]
    assert {change.verdict for change in changes} == {"unclear", "untested"}
    assert {change.difference for change in changes if change.difference is not None} == {0.0}


def test_runs_of_one_town_differ_by_chance_alone(light: Light) -> None:
    """At this load none of 30 pairs raised an alarm (docs/compare.md); here six pairs stand for them."""
    pairs = [(light(seed), light(seed + 1)) for seed in range(1, 7)]
    real = [row.measure for pair in pairs for row in compare(pair).tables[0].rows if row.changes[0].real]
    assert real == []


def test_a_loss_of_egress_is_found_and_is_worse(worse: Comparison) -> None:
    found = rows(worse)
    for name in ("segment_p50", "segment_p95", "ttfb_p95", "stalls", "errors", "latency_p50", "startup_p95"):
        (change,) = found[name].changes
        assert change.verdict == "worse", name
        assert change.interval
        assert change.difference
        assert 0 < change.interval.low < change.difference < change.interval.high
    assert found["wire"].changes[0].verdict == "lower"
    assert found["requests"].changes[0].verdict == "higher", "retries are neither good nor bad"
    assert found["viewers"].changes[0].verdict == "untested"
    assert rows(worse, "id")["segment_p95"].changes[0].verdict == "worse"


def test_the_other_way_round_it_is_better(light: Light, make: Maker) -> None:
    found = rows(compare([make(town(2, egress=16e6)), light(1)]))
    assert found["segment_p95"].changes[0].verdict == "better"
    assert (found["segment_p95"].changes[0].difference or 0) < 0


def test_phases_are_compared_one_by_one(worse: Comparison) -> None:
    assert [table.span for table in worse.tables] == ["judged", "baseline", "ramp", "peak", "recovery"]
    assert worse.tables[0].seconds == (65, 65), "seconds that a generator spoiled in one run are cut from both"
    assert worse.paired
    assert rows(worse, span="peak")["segment_p95"].changes[0].verdict == "worse"
    short = rows(worse, span="baseline")["segment_p95"]
    assert (short.shown[0].basis, short.changes[0].verdict) == ("exact", "untested"), "20 seconds are too few"


def test_the_same_runs_give_the_same_comparison(light: Light) -> None:
    assert compare([light(1), light(2)]) == compare([light(1), light(2)])


def test_a_generator_that_was_the_limit_is_said(worse: Comparison, light: Light, make: Maker) -> None:
    assert keys(worse) == ["generator_cut", "limit_cpu"]
    assert worse.runs[1].cut == 5
    bound = compare([light(1), make(town(2, busy=range(40, 60)))])
    assert keys(bound) == ["generator_bound", "limit_cpu"]


def test_a_run_without_any_second_left_cannot_be_compared(light: Light, make: Maker) -> None:
    with pytest.raises(CannotMeasure, match="no second is left to compare"):
        compare([light(1), make(town(2, busy=range(200)))])


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        (town(2, nodes=3), ["other_target"]),
        (town(2, peak=80), ["other_surge"]),
        (town(2, hold=60), ["other_surge", "other_schedule"]),
        (town(2, shares={"id": 0.6, "in": 0.4}), ["other_regions"]),
        (town(2, ending="interrupted"), ["compare_unfinished"]),
    ],
    ids=["target", "load", "schedule", "regions", "unfinished"],
)
def test_runs_that_are_not_alike_are_said_to_be(changed: Town, expected: list[str], light: Light, make: Maker) -> None:
    assert keys(compare([light(1), make(changed)])) == expected


def test_other_workers_are_said_with_their_numbers(light: Light) -> None:
    other = replace(light(2), traits={**light(2).traits, "workers": "4"}, unfinished="cut")
    found = compare([light(1), other])
    assert [message.text for message in found.warnings][1] == "B had 4 generators, A had 1."
    assert keys(found)[0] == "compare_cut_short"


def test_runs_on_different_schedules_are_resampled_apart(light: Light, make: Maker) -> None:
    longer = make(town(2, egress=16e6, hold=60))
    found = compare([light(1), longer])
    assert not found.paired
    assert found.tables[0].seconds == (70, 90)
    assert rows(found)["segment_p95"].changes[0].verdict == "worse"


def test_a_region_of_one_run_alone_is_shown_and_not_compared(light: Light, make: Maker) -> None:
    found = compare([light(1), make(town(2, shares={"id": 0.6, "in": 0.4}))])
    (change,) = rows(found, "br")["segment_p95"].changes
    assert (change.verdict, change.difference) == ("untested", None)


def test_three_runs_share_one_correction(light: Light) -> None:
    two, three = compare([light(1), light(2)]), compare([light(1), light(2), light(3)])
    assert three.tables[0].tested == 2 * two.tables[0].tested
    assert [run.letter for run in three.runs] == ["A", "B", "C"]


@pytest.mark.parametrize("count", [0, 1, MOST_RUNS + 1])
def test_one_run_is_too_few_and_seven_are_too_many(count: int, light: Light) -> None:
    with pytest.raises(InputError, match=f"found {count} runs, expected 2 to {MOST_RUNS}"):
        compare([light(1)] * count)


def figure(mid: float, spread: float, seed: int, blur: float = 0.0) -> Figure:
    rng = np.random.default_rng(seed)
    return Figure(mid, 120, mid + spread * rng.normal(size=999), 11.0, blur)


@given(st.floats(-50, 50), st.floats(0.1, 20), st.floats(0, 5))
def test_the_interval_excludes_zero_exactly_when_chance_is_below_a_tenth(
    gap: float, spread: float, blur: float
) -> None:
    base, other = figure(100, spread, 1, blur), figure(100 + gap, spread, 2, blur)
    found, p = interval(base, other), chance(base, other)
    assert found
    assert p is not None
    assert (found.low > 0 or found.high < 0) == (p < 0.1) or abs(p - 0.1) < 1e-3


def test_a_difference_within_the_error_of_its_sketches_is_chance() -> None:
    base, other = figure(1.00, 0.0, 1, 0.01), figure(1.02, 0.0, 2, 0.0102)
    assert chance(base, other) == 1.0
    assert chance(base, figure(1.03, 0.0, 2, 0.0103)) == 0.0


def test_rounding_is_no_difference() -> None:
    assert size(600e3, 600e3 * (1 + 1e-12)) == 0
    assert chance(figure(600e3, 0.0, 1), figure(600e3 * (1 + 1e-12), 0.0, 2)) == 1.0


def test_holm_is_the_textbook_example() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_holm_keeps_the_order_and_never_makes_surer(chances: list[float]) -> None:
    adjusted = holm(chances)
    assert all(before <= after <= 1 for before, after in zip(chances, adjusted, strict=True))
    ordered = [adjusted[index] for index in sorted(range(len(chances)), key=lambda index: chances[index])]
    assert ordered == sorted(ordered)
    assert min(adjusted) == pytest.approx(min(1.0, len(chances) * min(chances)))


def test_holm_raises_an_alarm_as_seldom_as_it_says() -> None:
    rng = np.random.default_rng(20261205)
    alarms = sum(min(holm(rng.uniform(size=50).tolist())) < ALARM for _ in range(2000))
    assert alarms / 2000 == pytest.approx(ALARM, abs=0.015)
