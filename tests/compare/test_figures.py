"""Figures over some seconds are those of the run itself, and their intervals are as wide as they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.compare.curves import overlays
from advisor.compare.measures import MEASURES, Measure
from advisor.compare.ours import NEEDED, outcomes_of
from advisor.compare.reading import read_outcomes
from advisor.compare.resample import LEAST_BLOCKS, SHORTEST, Draws, Figure, Sampler, normal, student
from advisor.foreign import Outcomes, Samples, Series, Timings
from advisor.gate import Tally
from advisor.measured.measure import measure as measured
from loadtests.results import text_of
from loadtests.run import Run, lines_of
from loadtests.sketch import Sketch, merged
from tests.advisor.runs import Town, run_of, write

BY_NAME = {measure.name: measure for measure in MEASURES}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_of(Town(seed=7, peak=140), tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def outcomes(run: Run) -> Outcomes:
    tally = Tally(NEEDED)
    for line in lines_of(run):
        tally.add(text_of(line) + "\n")
    return outcomes_of(tally)


def figure(series: Series, seconds: range | list[int], name: str) -> Figure | None:
    drawn = Draws(np.array(seconds, dtype=np.int64), "seed")
    return Sampler(series, drawn).figure(BY_NAME[name])


def test_sums_are_those_that_the_advice_reads_from_the_run(run: Run, outcomes: Outcomes) -> None:
    seconds = measured([run]).runs[0].whole
    for second in seconds:
        counts = {name: values[second.at] for name, values in outcomes.whole.counts.items()}
        assert counts["requests"] - counts["failed"] == second.served
        assert counts["wire_bits"] == pytest.approx(second.wire_bits)
        assert (counts["viewers"], counts["joins"]) == (second.viewers, second.joins)
        assert counts["cpu"] == pytest.approx(0.4)


@pytest.mark.parametrize("region", ["", "id"])
def test_quantiles_are_those_of_all_samples_together(run: Run, outcomes: Outcomes, region: str) -> None:
    chosen = [window for window in run.windows if 28 <= window.at < 98 and region in ("", window.region)]
    sketch = merged(window.requests["segment"].total for window in chosen if "segment" in window.requests)
    for percent in (50, 95, 99):
        found = figure(outcomes.series[region], range(28, 98), f"segment_p{percent}")
        assert found
        assert found.mid == pytest.approx(sketch.quantile(percent / 100), rel=0.011)


def count_of(timings: Timings) -> int:
    return int(timings.unfolded().table.sum())


def test_the_whole_is_its_regions(outcomes: Outcomes) -> None:
    regions = [series for code, series in outcomes.series.items() if code]
    for name in ("requests", "stall_seconds", "viewers"):
        assert np.allclose(outcomes.whole.counts[name], sum(series.counts[name] for series in regions))
    for timing, timings in regions[0].timings.items():
        samples = sum(count_of(series.timings[timing]) for series in regions)
        assert count_of(outcomes.whole.timings[timing]) == samples
        assert len(timings.entries)


@given(
    st.lists(st.tuples(st.integers(0, 9), st.floats(0.001, 9)), max_size=60), st.sets(st.integers(0, 12), min_size=1)
)
def test_a_histogram_holds_each_sample_of_the_seconds_asked_for_once(
    samples: list[tuple[int, float]], wanted: set[int]
) -> None:
    stored, sketches = Samples(), [Sketch() for _ in range(13)]
    for at, value in samples:
        one = Sketch()
        one.add(value)
        stored.add(at, 0, one.as_dict())
        sketches[at].add(value)
    seconds = np.array(sorted(wanted))
    bins, table = Timings.of(stored).unfolded().histogram(seconds)
    assert table.shape == (len(seconds), len(bins))
    for row, at in enumerate(seconds.tolist()):
        assert {index: count for index, count in zip(bins.tolist(), table[row].tolist(), strict=True) if count} == (
            sketches[at].bins
        )


def test_what_was_not_recorded_or_did_not_happen_has_no_figure() -> None:
    empty = Series({"requests": np.zeros(40), "failed": np.zeros(40)}, {})
    assert figure(empty, range(40), "segment_p95") is None
    assert figure(empty, range(40), "stalls") is None
    assert figure(empty, range(40), "errors") is None, "no request ended"
    assert figure(empty, range(40), "viewers") is None
    rate = figure(empty, range(40), "requests")
    assert rate
    assert rate.mid == 0


@pytest.mark.parametrize(
    ("seconds", "has", "why"),
    [
        (range(LEAST_BLOCKS * SHORTEST), True, "three blocks"),
        (range(LEAST_BLOCKS * SHORTEST - 1), False, "less than three blocks"),
        ([at for at in range(100) if at % 10], False, "no ten seconds together"),
        ([], False, "nothing"),
    ],
)
def test_few_seconds_have_a_figure_but_no_interval(seconds: list[int], has: bool, why: str) -> None:
    found = figure(Series({"requests": np.arange(100.0)}), seconds, "requests")
    assert (found is not None and found.interval is not None) == has, why


def test_an_extreme_has_no_interval(outcomes: Outcomes) -> None:
    found = figure(outcomes.whole, range(28, 98), "viewers")
    assert found
    assert (found.mid, found.interval) == (140, None)


def test_a_ratio_that_some_resample_cannot_form_has_no_interval() -> None:
    joins = np.zeros(60)
    joins[3] = 5
    found = figure(Series({"joins": joins, "exits_before_start": joins / 5}), range(60), "joins_failed")
    assert found
    assert found.interval is None
    assert found.mid == pytest.approx(0.2)


def lasting(rng: np.random.Generator, seconds: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """A series whose seconds resemble those around them: correlation 0.7 from one to the next."""
    values, value = np.empty(seconds), 0.0
    for at in range(seconds):
        value = 0.7 * value + float(rng.normal())
        values[at] = 100 + 5 * value
    return values


@pytest.mark.parametrize("seconds", [70, 400])
def test_intervals_hold_the_truth_of_a_lasting_series_about_as_often_as_they_say(seconds: int) -> None:
    rng = np.random.default_rng(20261205)
    held = 0
    for _ in range(200):
        found = figure(Series({"requests": lasting(rng, seconds)}), range(seconds), "requests")
        assert found
        assert found.interval
        held += found.interval.low <= 100 <= found.interval.high
    assert 0.80 <= held / 200 <= 0.97


@pytest.mark.parametrize(("free", "table"), [(3, 2.353), (6, 1.943), (11, 1.796), (30, 1.697), (1000, 1.646)], ids=str)
def test_students_t_is_that_of_the_tables(free: float, table: float) -> None:
    assert student(1.645, free) == pytest.approx(table, rel=0.015)


@given(st.floats(0.01, 8), st.floats(1, 500))
def test_normal_turns_student_round(deviate: float, free: float) -> None:
    assert normal(student(deviate, free), free) == pytest.approx(deviate, rel=1e-6)


def test_every_measure_that_the_brief_of_a_comparison_names_is_there() -> None:
    assert {measure.unit for measure in MEASURES} == {"requests/s", "bit/s", "share", "s", "viewers", "1/s"}
    assert len({measure.name for measure in MEASURES}) == len(MEASURES)


def test_curves_look_back_over_five_seconds(outcomes: Outcomes) -> None:
    drawn = {overlay.measure: overlay.curves[0] for overlay in overlays([outcomes])}
    assert set(drawn) == {"viewers", "wire", "requests", "segment_p95", "request_p95", "stalls", "errors"}
    for name in ("wire", "segment_p95", "stalls"):
        expected = figure(outcomes.whole, range(56, 61), name)
        assert expected
        assert drawn[name][60] == pytest.approx(expected.mid)
    assert drawn["viewers"][60] == outcomes.whole.counts["viewers"][60]


def test_a_measure_is_one_frozen_value() -> None:
    with pytest.raises(AttributeError):
        BY_NAME["wire"].name = "other"  # type: ignore[misc]
    assert isinstance(BY_NAME["wire"], Measure)


def test_an_unfinished_run_says_how_it_ended(tmp_path: Path) -> None:
    place = write(Town(ending="interrupted", hold=10), tmp_path)
    assert read_outcomes(str(place)).unfinished == "interrupted"
