"""What every shape keeps to, presets included; and what each one is about."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
from pydantic import ValidationError

from loadtests import plugins
from loadtests.shapes import LONGEST, PhaseName, Place, Shape
from loadtests.surge import read_surge
from tests.shapes.examples import EXAMPLES, example, shapes

EVERY = shapes()
HERE = Place("id", 19.5 * 3600)


def ticks(shape: Shape, step: float = 1.0) -> list[float]:
    return [float(at) for at in np.arange(0.0, shape.duration, step)]


def refusal(settings: object) -> str:
    with pytest.raises((ValueError, ValidationError)) as caught:
        read_surge(settings)
    return str(caught.value)


# -- laws -------------------------------------------------------------------------------------------------------------


def test_every_shape_has_an_example() -> None:
    assert set(EXAMPLES) == set(plugins.names("loadtests.shapes"))


@pytest.mark.parametrize("name", EVERY)
def test_phases_tile_the_run_and_begin_with_a_warm_up(name: str) -> None:
    phases = EVERY[name].phases()
    assert phases[0].start == 0
    assert phases[0].name == "warm_up"
    assert all(before.end == after.start for before, after in pairwise(phases))
    assert all(phase.end > phase.start for phase in phases)
    assert EVERY[name].duration == phases[-1].end <= LONGEST
    assert {phase.name for phase in phases} <= set(get_args(PhaseName))


@pytest.mark.parametrize("name", EVERY)
def test_nobody_is_wanted_outside_the_run_and_never_fewer_than_nobody(name: str) -> None:
    shape = EVERY[name]
    for outside in (-1.0, -1e-9, shape.duration, shape.duration + 1):
        assert shape.viewers(outside) == shape.arrivals(outside) == 0
    seen = [(shape.viewers(at), shape.arrivals(at)) for at in ticks(shape, max(1.0, shape.duration / 5000))]
    assert all(viewers >= 0 and arrivals >= 0 for viewers, arrivals in seen)
    assert all(math.isfinite(viewers + arrivals) for viewers, arrivals in seen)
    assert any(viewers + arrivals > 0 for viewers, arrivals in seen)


@pytest.mark.parametrize("name", EVERY)
def test_a_shape_is_pure_frozen_and_comes_back_from_its_own_text(name: str) -> None:
    shape = EVERY[name]
    again = read_surge(plugins.describe("shape", shape))
    assert again == shape
    assert hash(again) == hash(shape)
    some = ticks(shape, shape.duration / 97)
    assert [again.viewers(at) for at in reversed(some)][::-1] == [shape.viewers(at) for at in some]
    with pytest.raises(ValidationError):
        shape.anything = 1  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", EVERY)
def test_a_shape_has_the_same_phases_everywhere(name: str) -> None:
    assert EVERY[name].lived(HERE).phases() == EVERY[name].phases()


# -- growth by its law ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["step", "ramp", "staircase", "flash_crowd", "logistic", "bass", "raid"])
def test_growth_goes_from_baseline_to_peak_without_a_gap_and_never_back(name: str) -> None:
    shape = example(name)
    quiet = next(phase for phase in shape.phases() if phase.name == "baseline")
    peak = next(phase for phase in shape.phases() if phase.name == "peak")
    assert shape.viewers(quiet.start) == shape.viewers(math.nextafter(quiet.end, 0)) == 500
    assert shape.viewers(peak.start) == shape.viewers(math.nextafter(peak.end, 0)) == 3000
    climb = [shape.viewers(at) for at in np.linspace(quiet.end, peak.start, 1000)]
    assert all(before <= after for before, after in pairwise(climb))
    assert climb[0] == pytest.approx(500, abs=1) or name == "step"
    assert climb[-2] == pytest.approx(3000, rel=0.005)
    assert shape.viewers(math.nextafter(shape.duration, 0)) == pytest.approx(900, rel=1e-6)


def test_a_logistic_takes_its_rise_from_a_tenth_to_nine_tenths_and_is_steepest_in_the_middle() -> None:
    """10-90 % time = 4.394 / r, peak slope = growth · r / 4; the cuts change both by 1 % at most."""
    shape = read_surge({"shape": "logistic", "baseline": 0, "peak": 1_000_000, "rise": "10m"})
    times = np.arange(40.0, 40.0 + 2.41 * 600, 0.1)
    grown = np.array([shape.viewers(at) for at in times]) / 1e6
    assert np.interp(0.9, grown, times) - np.interp(0.1, grown, times) == pytest.approx(600, rel=0.02)
    assert np.gradient(grown, times).max() == pytest.approx(4.394 / 600 / 4, rel=0.02)
    per_minute = read_surge({"shape": "logistic", "baseline": 0, "peak": 1_000_000, "rate": 0.4394449})
    assert per_minute.viewers(700.0) == pytest.approx(shape.viewers(700.0), rel=1e-5)


def test_bass_is_quickest_at_its_time_and_at_its_rate() -> None:
    """t* = ln(q/p) / (p+q), rate m (p+q)² / 4q (Bass 1969); 1 % for the end that is cut."""
    p, q, m = 0.1, 2.0, 1_000_000
    shape = read_surge({"shape": "bass", "baseline": 0, "peak": m, "p": p, "q": q})
    times = np.arange(40.0, 300.0, 0.05)
    rate = np.gradient(np.array([shape.viewers(at) for at in times]), times)
    assert times[rate.argmax()] - 40.0 == pytest.approx(60 * math.log(q / p) / (p + q), abs=0.5)
    assert rate.max() == pytest.approx(m * (p + q) ** 2 / (4 * q) / 60, rel=0.02)


def test_without_word_of_mouth_bass_is_plain_saturation() -> None:
    shape = read_surge({"shape": "bass", "baseline": 0, "peak": 1000, "p": 1.0, "q": 0.0})
    assert shape.viewers(40.0 + 60.0) == pytest.approx(1000 * (1 - math.exp(-1)) / 0.99, rel=1e-3)


def test_a_staircase_rests_at_each_level() -> None:
    shape = example("staircase")
    assert [shape.viewers(40 + 60 * step + 30) for step in range(5)] == [1000, 1500, 2000, 2500, 3000]
    assert shape.viewers(40 + 5) == 750


def test_a_raid_lands_in_seconds() -> None:
    shape = example("raid")
    assert [shape.viewers(at) for at in (39, 45, 50)] == [500, 1750, 3000]


def test_a_push_brings_those_who_open_it_with_a_mean_delay() -> None:
    """The integral is notified · opens, the mean delay + tau; 95 % have come when the ramp ends."""
    shape = read_surge({"shape": "push", "baseline": 0, "notified": 50_000, "opens": "5%", "hold": "10m"})
    times = np.arange(0.0, shape.duration, 0.01)
    rate = np.array([shape.arrivals(at) for at in times])
    assert rate.sum() * 0.01 == pytest.approx(2500, rel=1e-3)
    assert (rate * times).sum() / rate.sum() == pytest.approx(20 + 20 + 5 + 30, rel=1e-3)
    ramp = next(phase for phase in shape.phases() if phase.name == "ramp")
    assert rate[times < ramp.end].sum() * 0.01 == pytest.approx(2500 * 0.95, rel=1e-3)
    assert {shape.viewers(at) for at in (10, 100, 400)} == {0.0}


def test_a_match_fills_dips_and_empties() -> None:
    shape = example("kick_off")
    kick_off = 120 + 300 + 900
    assert shape.viewers(kick_off - 1) == pytest.approx(3000, rel=0.01)
    assert shape.viewers(kick_off + 1000) == shape.viewers(kick_off + 2820 + 900 + 1000) == 3000
    assert shape.viewers(kick_off + 2820 + 450) == pytest.approx(3000 * 0.75)
    end = kick_off + 2 * 2820 + 900
    assert shape.viewers(end - 1) == 3000
    assert shape.viewers(end + 179.999) == pytest.approx(900, rel=0.01)


# -- local time -------------------------------------------------------------------------------------------------------


def test_an_evening_peaks_at_nine_by_the_clock_of_each_place() -> None:
    shape = read_surge({"shape": "evening", "peak": 1000, "lasts": "24h", "warm_up": "1s", "quiet": "1s"})
    for clock in (0.0, 6.5 * 3600, 23.0 * 3600):
        lived = shape.lived(Place("xx", clock))
        course = [lived.viewers(at) for at in range(0, 86_400, 60)]
        assert ((clock + 60 * int(np.argmax(course))) / 3600) % 24 == pytest.approx(21, abs=0.02)
        assert max(course) == pytest.approx(1000)
        assert min(course[1:]) == pytest.approx(100, rel=0.02)


def test_a_time_lapse_makes_an_evening_of_minutes() -> None:
    slow = read_surge({"shape": "evening", "peak": 1000, "lasts": "10h", "begins": "16h"})
    quick = read_surge({"shape": "evening", "peak": 1000, "lasts": "10m", "begins": "16h", "time_lapse": 60})
    assert quick.viewers(300) == pytest.approx(slow.viewers(300 * 60))
    assert quick.duration == 600


def test_who_has_no_clock_cannot_live_an_evening() -> None:
    nowhere = Place("id", None)
    for settings in (
        {"shape": "evening", "peak": 10},
        {"shape": "sum", "parts": [{"shape": "evening", "peak": 10}]},
        {"shape": "scale", "of": {"shape": "evening", "peak": 10}},
    ):
        with pytest.raises(ValueError, match="'starts_at', or the shape 'begins: 18h'"):
            read_surge(settings).lived(nowhere)
    assert read_surge({"shape": "evening", "peak": 10, "begins": "18h"}).lived(nowhere).duration == 6 * 3600


# -- shapes of shapes -------------------------------------------------------------------------------------------------


def test_a_sum_is_the_sum_and_lasts_as_long_as_its_longest() -> None:
    raid, ramp = example("raid"), example("ramp")
    both = read_surge({"shape": "sum", "parts": [raid, ramp]})
    for at in (10.0, 45.0, 100.0, 170.0, 250.0, 269.0):
        assert both.viewers(at) == pytest.approx(raid.viewers(at) + ramp.viewers(at))
    assert both.duration == ramp.duration
    names = [phase.name for phase in both.phases()]
    assert names == ["warm_up", "baseline", "ramp", "peak", "recovery", "ramp", "peak", "recovery"]
    mixed = read_surge({"shape": "sum", "parts": [raid, example("push")]})
    assert mixed.arrivals(60.0) == example("push").arrivals(60.0) > 0


def test_a_scale_changes_viewers_and_time_and_keeps_arrivals_whole() -> None:
    push = example("push")
    half = read_surge({"shape": "scale", "of": push, "viewers_by": 0.5, "time_by": 0.25})
    assert half.viewers(20.0) == 0.5 * push.viewers(80.0)
    assert half.duration == push.duration / 4
    whole = sum(push.arrivals(at) for at in ticks(push, 0.05)) * 0.05
    assert sum(half.arrivals(at) for at in ticks(half, 0.05)) * 0.05 == pytest.approx(0.5 * whole, rel=0.01)


def test_a_shift_is_later_and_tells_its_clock() -> None:
    raid = example("raid")
    later = read_surge({"shape": "shift", "of": raid, "by": "90s"})
    assert [later.viewers(at) for at in (0, 89, 90 + 45)] == [0, 0, raid.viewers(45)]
    evening = read_surge({"shape": "evening", "peak": 1000, "lasts": "2h"})
    shifted = read_surge({"shape": "shift", "of": evening, "by": "1h"}).lived(Place("id", 20 * 3600.0))
    assert shifted.viewers(3600 + 60) == pytest.approx(evening.lived(Place("id", 21 * 3600.0)).viewers(60))


def test_a_repeat_is_the_same_again() -> None:
    raid = example("raid")
    thrice = read_surge({"shape": "repeat", "of": raid, "times": 3})
    assert thrice.duration == pytest.approx(3 * raid.duration)
    for at in (5.0, 45.0, 100.0):
        assert thrice.viewers(at) == thrice.viewers(at + raid.duration) == thrice.viewers(at + 2 * raid.duration)
    assert len(thrice.phases()) == 3 * len(raid.phases())


# -- what is no shape -------------------------------------------------------------------------------------------------

RAMP = {"shape": "ramp", "baseline": 10, "peak": 20}
BAD: list[tuple[str, object, str]] = [
    ("negative viewers", RAMP | {"baseline": -1}, "greater than or equal to 0"),
    ("no viewers", RAMP | {"peak": 0}, "greater than 0"),
    ("upside down", RAMP | {"peak": 5}, "peak (5) must be above baseline (10)"),
    ("no time", RAMP | {"hold": "0s"}, "greater than or equal to 1"),
    ("a number for a time", RAMP | {"hold": 60}, "expected a number with a unit"),
    ("unknown setting", RAMP | {"speed": 5}, "speed"),
    ("too long", RAMP | {"hold": "49h"}, "expected at most 48 h"),
    ("steepness twice", {"shape": "logistic", "baseline": 1, "peak": 2, "rise": "1m", "rate": 1}, "either 'rise: 10m'"),
    ("no steepness", {"shape": "logistic", "baseline": 1, "peak": 2}, "either 'rise: 10m'"),
    ("no push", {"shape": "bass", "baseline": 1, "peak": 2, "p": 0, "q": 1}, "greater than 0"),
    ("a slow raid", {"shape": "raid", "baseline": 1, "peak": 2, "land": "5m"}, "less than or equal to 60"),
    ("no interval", {"shape": "kick_off", "baseline": 1, "peak": 2, "interval": "0s"}, "greater than or equal to 4"),
    ("no such hour", {"shape": "evening", "peak": 2, "evening": "25h"}, "less than 86400"),
    ("nothing but its beginning", {"shape": "evening", "peak": 2, "lasts": "30s"}, "longer than warm_up and quiet"),
    ("endless", {"shape": "repeat", "of": RAMP, "times": math.inf}, "finite"),
    ("endless in words", {"shape": "repeat", "of": RAMP, "times": "forever"}, "valid integer"),
    ("for weeks", {"shape": "repeat", "of": RAMP, "times": 1000}, "expected at most 48 h"),
    ("never", {"shape": "repeat", "of": RAMP, "times": 0}, "greater than or equal to 1"),
    ("nothing to add", {"shape": "sum", "parts": []}, "at least 1"),
    ("a part that is none", {"shape": "sum", "parts": [RAMP, 5]}, "expected 'shape: NAME'"),
    ("a part that is wrong", {"shape": "sum", "parts": [RAMP | {"peak": 5}]}, "must be above baseline"),
    ("to nothing", {"shape": "scale", "of": RAMP, "viewers_by": 0}, "greater than 0"),
    ("to everything", {"shape": "scale", "of": RAMP, "time_by": math.inf}, "finite"),
    ("no curve", {"shape": "replay"}, "expected 'file: curve.csv'"),
    ("a curve not read", {"shape": "replay", "file": "x.csv"}, "the points of x.csv were not read"),
    ("one point", {"shape": "replay", "points": [[0, 5]]}, "expected from 2 to 20,000 points, found 1"),
    ("unsorted", {"shape": "replay", "points": [[0, 5], [100, 5], [90, 5]]}, "times must rise, found 90 after 100"),
    ("below zero", {"shape": "replay", "points": [[0, 5], [100, -5]]}, "viewers cannot be negative, found -5"),
    ("nobody", {"shape": "replay", "points": [[0, 0], [100, 0]]}, "nobody comes"),
    ("too short", {"shape": "replay", "points": [[0, 1], [30, 1]]}, "expected more than warm_up and quiet"),
    ("not finite", {"shape": "replay", "points": [[0, 1], [100, math.nan]]}, "finite"),
    ("no such preset", {"preset": "hotstar", "peak": 5}, "no preset called 'hotstar' (known: aws_mediatailor"),
    ("a preset without peak", {"preset": "goal"}, "peak"),
    ("a preset of nobody", {"preset": "goal", "peak": 0}, "greater than 0"),
    ("a preset with more", {"preset": "goal", "peak": 5, "hold": "1m"}, "hold"),
    ("a shape nobody wrote", {"shape": "rampp"}, "did you mean 'ramp'"),
]


@pytest.mark.parametrize(("settings", "message"), [case[1:] for case in BAD], ids=[case[0] for case in BAD])
def test_a_bad_shape_is_refused_with_the_reason(settings: object, message: str) -> None:
    assert message in refusal(settings)
