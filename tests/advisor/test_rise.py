"""How viewers and joins grow: the share of a peak that must stand before the surge, on every shape."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.blocks import BLOCK
from advisor.demands.rise import Rise, recent, rise, rise_of_joins
from advisor.figures import percent
from loadtests.flow import Series, solve_flow
from loadtests.scenario import Stay
from loadtests.shapes import Phase, Shape
from loadtests.surge import read_surge
from tests.house.tree import rows
from tests.shapes.examples import shapes

EVERY = shapes()
WAITS = np.concatenate([[0.0], np.geomspace(0.1, 100_000, 400)])


def come(shape: Shape) -> Series:
    return solve_flow(shape, Stay()).rate


def joining(shape: Shape) -> Rise:
    found = rise_of_joins(come(shape), shape.phases())
    assert found is not None
    return found


def share(found: Rise, seconds: float) -> float:
    return float(found.ready(np.array([seconds]))[0])


def until_peak(shape: Shape) -> float:
    """Seconds from the ramp's begin until most join."""
    phases = shape.phases()
    start, ramp = phases[0].end, next(phase.start for phase in phases if phase.name in ("ramp", "peak"))
    return float(recent(come(shape)[int(start) :]).argmax()) + int(start) - ramp


@pytest.mark.parametrize("name", EVERY)
def test_a_longer_wait_never_leaves_less_to_stand_before_and_none_leaves_what_is_there(name: str) -> None:
    found = joining(EVERY[name])
    ready = found.ready(WAITS)
    assert np.all(np.diff(ready) >= 0)
    assert ready[0] == found.before
    assert 0 <= found.before <= ready[-1] <= 1


@pytest.mark.parametrize("name", EVERY)
def test_who_waits_until_joins_are_at_their_peak_has_all_stand_before(name: str) -> None:
    shape = EVERY[name]
    assert share(joining(shape), max(0.0, until_peak(shape)) + 2) == pytest.approx(1)


@pytest.mark.parametrize("name", ["step", "raid", "push"])
def test_what_comes_at_once_must_stand_before_all_of_it(name: str) -> None:
    """Any new node comes later: the shortest published time to capacity is above 20 s."""
    found = joining(EVERY[name])
    assert share(found, 20) == pytest.approx(1)
    assert found.before < 0.1


def test_joins_of_a_logistic_ramp_are_at_their_peak_half_way() -> None:
    """The derivative of the logistic curve: by a quarter of the ramp viewers are few and joins are on their way."""
    crowd = read_surge({"shape": "flash_crowd", "baseline": 1000, "peak": 20_000, "ramp": "4m", "hold": "10m"})
    assert until_peak(crowd) == pytest.approx(120, abs=10)
    of_joins, of_viewers = joining(crowd), rise(crowd.viewers, crowd.phases())
    assert of_viewers is not None
    for seconds in (20, 60, 120):
        assert share(of_viewers, seconds) < share(of_joins, seconds)
    assert 0.5 < share(of_joins, 60) < 0.8
    assert share(of_joins, 130) == pytest.approx(1)
    assert share(of_viewers, 130) < 0.9


def test_the_table_of_the_page() -> None:
    crowd = read_surge({"shape": "flash_crowd", "baseline": 1000, "peak": 20_000, "ramp": "120s"})
    page = {row[0]: row[1:] for row in rows(Path("docs/planning.md")) if len(row) == 5}
    for name, found in (("viewers", rise(crowd.viewers, crowd.phases())), ("joins/s", joining(crowd))):
        assert found is not None
        assert page[name] == [percent(share(found, seconds)) for seconds in (10, 30, 60, 120)]


def test_a_jump_within_a_day_is_seen() -> None:
    """Waits are not so far apart that a jump of a second is spread over minutes."""
    day = read_surge({"shape": "step", "baseline": 100, "peak": 5000, "hold": "24h"})
    assert share(joining(day), 30) == pytest.approx(1)
    of_viewers = rise(day.viewers, day.phases())
    assert of_viewers is not None
    assert share(of_viewers, 30) == pytest.approx(1)


def test_nobody_who_joins_has_no_course() -> None:
    shape = EVERY["step"]
    assert rise_of_joins(np.zeros(1000), shape.phases()) is None
    assert rise_of_joins(np.zeros(0), shape.phases()) is None


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=50))
def test_recent_is_the_mean_of_the_last_block(counts: list[float]) -> None:
    wanted = [np.mean(counts[max(0, at + 1 - BLOCK) : at + 1]) for at in range(len(counts))]
    assert recent(np.array(counts)) == pytest.approx(np.array(wanted), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("name", EVERY)
@given(seconds=st.integers(1, 3600), wait=st.floats(0, 1e4))
def test_spreading_never_makes_a_rise_steeper(name: str, seconds: int, wait: float) -> None:
    """As shares of the peak as it was; between the waits that are worked out a thousandth may be chance."""
    for found in (joining(EVERY[name]), rise(EVERY[name].viewers, EVERY[name].phases())):
        assert found is not None
        assert found.course is not None
        spread = found.spread(seconds)
        assert spread.course is not None
        lower = spread.course.values.max() / found.course.values.max()
        assert lower <= 1 + 1e-9
        assert share(spread, wait) * lower <= share(found, wait) + 1e-3


def test_spread_for_ever_only_what_was_there_stands_before() -> None:
    """Nine tenths come within an hour: in a minute a sixtieth of them."""
    phases = (Phase(name="baseline", start=0, end=60), Phase(name="ramp", start=60, end=600))
    up = rise(lambda at: 0.1 if at < 60 else 1.0, phases)
    assert up is not None
    assert share(up, 60) == pytest.approx(1)
    assert share(up.spread(600), 60) == pytest.approx(0.1 + 0.9 * 60 / 600)
    assert share(up.spread(3600), 60) == pytest.approx(0.1 + 0.9 * 60 / 3600)


def test_a_rise_of_which_no_course_is_known_stays() -> None:
    found = Rise(0.02, (0.0, 20.0, 150.0), (0.0, 0.2, 0.98))
    assert found.spread(60) == found
