"""What a target delivers at its limit says nothing of what viewers ask for, even while every budget still holds."""

from __future__ import annotations

import pytest

from advisor.demands.demand import demands
from advisor.demands.unhindered import hindered, unhindered
from advisor.measured.measure import LOADED, measure
from advisor.measured.seconds import Second
from loadtests.run import Run
from tests.advisor.conftest import Maker
from tests.advisor.runs import Town


def second(at: int, viewers: int, rate: float, *, broken: bool = False) -> Second:
    return Second(
        at=at,
        phase="ramp",
        viewers=viewers,
        joins=0,
        served=round(rate),
        failed=0,
        body_bits=1e5 * rate,
        wire_bits=1e5 * rate,
        broken=("segment_p95",) if broken else (),
    )


def test_seconds_at_the_limit_are_left_out_back_to_where_it_was_reached() -> None:
    calm = [second(at, 30, 30) for at in range(10)]
    filling = [second(at, 30 + 10 * (at - 9), 100) for at in range(10, 20)]
    over = [second(at, 200, 100, broken=at != 25) for at in range(20, 31)]
    after = [second(at, 60, 60) for at in range(31, 40)]
    assert hindered([*calm, *filling, *over, *after], over) == set(range(10, 31))


def test_a_rate_that_comes_near_only_for_a_second_is_not_a_limit() -> None:
    calm = [second(at, 30, 100 if at % 4 == 0 else 20) for at in range(20)]
    over = [second(at, 200, 100, broken=True) for at in range(20, 31)]
    assert hindered([*calm, *over], over) == set(range(20, 31))


def test_the_higher_of_two_limits_is_not_asked_for_where_the_other_binds() -> None:
    """Bits fall in the overload for viewers go for smaller segments, and requests stand still: one is enough."""
    filling = [second(at, 100, 100) for at in range(10)]
    over = [one.model_copy(update={"at": at}) for at, one in enumerate([second(0, 200, 100, broken=True)] * 9, 10)]
    over = [one.model_copy(update={"wire_bits": 3e7}) for one in over]
    assert hindered([*filling, *over], over) == set(range(19))


def test_nothing_is_left_out_where_no_limit_was_reached(quiet: Run) -> None:
    measurement = measure([quiet])
    assert unhindered(measurement) == [one for one in measurement.whole(LOADED) if not one.broken]


def test_what_viewers_cost_is_learned_below_the_limit(make: Maker) -> None:
    """Segments of four seconds may take longer, so a queue fills for long while budgets hold."""
    town = Town(seed=5, baseline=80, peak=200, quiet=40, ramp=60)
    measurement = measure([make(town)])
    healthy = [one for one in measurement.whole(LOADED) if not one.broken]
    assert len(unhindered(measurement)) < len(healthy)
    for demand in demands(measurement, town.audience):
        assert demand.wire_per_viewer.mid == pytest.approx(town.bits_per_viewer(demand.region), rel=0.2)
