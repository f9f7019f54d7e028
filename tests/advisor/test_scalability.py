"""Throughput beyond the tested load: the laws that compete, intervals that widen, and what is refused."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.capacities.laws import LAWS, USL, Floats
from advisor.capacities.scalability import REACH, Scalability, scalability
from advisor.interval import Interval
from advisor.models import Excuse

LOADS = np.array([1.0, 2.0, 4.0, 8.0, 12.0, 16.0])


def curve(rates: Floats, loads: Floats = LOADS) -> Scalability:
    return Scalability(tuple(loads.tolist()), tuple(np.asarray(rates).tolist()))


def interval(found: Interval | Excuse) -> Interval:
    assert isinstance(found, Interval), found
    return found


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.name)
def test_each_law_finds_itself(law: object) -> None:
    """Coefficients of 1, half and a quarter of what would matter at the top."""
    chosen = next(one for one in LAWS if one is law)
    terms = chosen.fit(LOADS, LOADS**0.9, np.ones((1, len(LOADS)))).shape[1]
    order = float(getattr(chosen, "order", 1.0))
    given = np.array([[1.0, 0.5 / 16**order, 0.25 / 16 ** (2 * order)][:terms]])
    if chosen.name == "power":
        given = np.array([[2.0, -0.3]])
    rates = np.exp(chosen.log_rate(given, LOADS))[0]
    found = chosen.fit(LOADS, rates, np.ones((1, len(LOADS))))
    ahead = np.array([32.0])
    assert chosen.log_rate(found, ahead) == pytest.approx(chosen.log_rate(given, ahead), abs=2e-3)


def test_coefficients_are_never_below_zero() -> None:
    faster = LOADS**1.2
    for law in LAWS:
        if law.name != "power":
            assert (law.fit(LOADS, faster, np.ones((1, len(LOADS)))) >= 0).all(), law.name


def test_a_straight_line_goes_on_straight() -> None:
    found = interval(curve(100.0 * LOADS).at(32))
    assert found.mid == pytest.approx(3200, rel=0.01)
    assert found.low < 3200 < found.high


def test_a_ceiling_stays_a_ceiling() -> None:
    loads = np.arange(1.0, 33.0)
    found = interval(curve(np.minimum(100.0 * loads, 800.0), loads).at(64))
    assert found.low <= 800 <= found.high
    assert found.mid == pytest.approx(800, rel=0.1)


def test_what_was_measured_is_inside_and_known_best() -> None:
    grown = curve(np.exp(USL.log_rate(np.array([[1.0, 0.03, 0.001]]), LOADS))[0])
    widths = [math.log(one.high / one.low) for one in (interval(grown.at(load)) for load in (16, 20, 24, 32))]
    assert all(near < far for near, far in pairwise(widths))
    for load, rate in zip(grown.loads, grown.rates, strict=True):
        found = interval(grown.at(load))
        assert found.low <= rate <= found.high


def test_past_twice_the_load_is_refused_and_says_what_is_enough() -> None:
    grown = curve(100.0 * LOADS)
    assert isinstance(grown.at(REACH * 16), Interval)
    refused = grown.at(100)
    assert isinstance(refused, Excuse)
    assert "100" in refused.reason.text
    assert "50" in refused.remedy.text
    assert isinstance(grown.at(math.inf), Excuse)


def test_one_step_is_no_growth() -> None:
    assert isinstance(Scalability((5.0,), (100.0,)).at(6), Excuse)


def test_two_steps_are_enough_for_a_wide_answer() -> None:
    found = interval(Scalability((1.0, 2.0), (100.0, 190.0)).at(4))
    assert 250 < found.low < found.mid < 380 < found.high < 480
    assert found.spread > 0.15


def test_with_three_steps_a_law_that_misses_them_is_hardly_heard() -> None:
    shares = {one.law: one.share for one in Scalability((1.0, 2.0, 4.0), (100.0, 182.0, 308.0)).shares}
    assert shares["linear"] < 0.05 < shares["Amdahl"]
    assert shares["roof 8"] == 0


def test_doubt_about_the_rates_widens() -> None:
    sure = Scalability((1.0, 2.0, 3.0), (100.0, 195.0, 285.0))
    unsure = Scalability((1.0, 2.0, 3.0), (100.0, 195.0, 285.0), (0.1, 0.1, 0.1))
    assert interval(unsure.at(6)).spread > 1.2 * interval(sure.at(6)).spread
    known = Interval(low=90, mid=100, high=110, coverage=0.9, samples=40)
    assert scalability([(2, known.scale(2)), (1, known)]).errors == pytest.approx((0.1 / 1.645,) * 2)


@pytest.mark.parametrize(
    ("loads", "rates", "errors"),
    [
        ((1.0, 2.0), (1.0,), ()),
        ((2.0, 1.0), (1.0, 2.0), ()),
        ((1.0, 1.0), (1.0, 2.0), ()),
        ((0.0, 1.0), (1.0, 2.0), ()),
        ((1.0, 2.0), (1.0, math.nan), ()),
        ((1.0, 2.0), (1.0, -1.0), ()),
        ((1.0, 2.0), (1.0, 2.0), (0.1,)),
    ],
)
def test_what_is_no_curve_is_refused(
    loads: tuple[float, ...], rates: tuple[float, ...], errors: tuple[float, ...]
) -> None:
    with pytest.raises(ValueError, match="expected"):
        Scalability(loads, rates, errors)


def test_shares_add_up_and_the_true_law_is_heavy() -> None:
    shares = curve(100.0 * LOADS**0.7).shares
    assert sum(one.share for one in shares) == pytest.approx(1.0, abs=0.02)
    assert shares[0].law == "power"


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(1.05, 2.0), min_size=1, max_size=8),
    st.lists(st.floats(0.5, 1.9), min_size=8, max_size=8),
    st.floats(1e-3, 1e6),
    st.floats(0.1, 2.0),
)
def test_any_curve_gets_ordered_finite_ends_in_its_own_unit(
    steps: list[float], growth: list[float], unit: float, asked: float
) -> None:
    loads = np.cumprod(np.array([1.0, *steps]))
    rates = unit * np.cumprod(np.array([1.0, *growth[: len(steps)]]))
    found = interval(curve(rates, loads).at(asked * float(loads[-1])))
    assert 0 < found.low <= found.mid <= found.high < math.inf
    other = interval(curve(rates / unit, loads).at(asked * float(loads[-1])))
    assert found.mid / unit == pytest.approx(other.mid, rel=1e-6)
