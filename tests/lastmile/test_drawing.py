"""Who gets which last mile: quantiles, mixes, evenings, round trips, and that every process draws the same."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest

from loadtests.arrivals import arrivals
from loadtests.cities import atlas
from loadtests.lastmile import LastMile, LastMiles, log_memory
from loadtests.region import load_region
from tests.lastmile.scenes import person, scene

PEOPLE = 20_000


def drawn(code: str = "id", access: str = "mobile", **how: object) -> list[LastMile]:
    miles = LastMiles(scene(code, access, **how))  # type: ignore[arg-type]
    found = [miles.of(person(number, code)) for number in range(PEOPLE)]
    assert None not in found
    return [mile for mile in found if mile is not None]


@pytest.mark.parametrize(("access", "tenth"), [("mobile", 0.211), ("fixed", 0.298)])
def test_users_spread_as_a_lognormal_around_the_median(access: str, tenth: float) -> None:
    """p10 = median · exp(−1.2816 σ): 0.211 of the median on mobile (σ 1.22), 0.298 on fixed (σ 0.94)."""
    median = load_region("id").access[access].throughput_median.value
    rates = np.array([mile.rate for mile in drawn(access=access)]) / median
    assert np.quantile(rates, 0.5) == pytest.approx(1.0, rel=0.03)
    assert np.quantile(rates, 0.1) == pytest.approx(tenth, rel=0.05)
    assert np.quantile(rates, 0.9) == pytest.approx(1 / tenth, rel=0.05)


def test_bad_coverage_is_half_to_five_megabits() -> None:
    rates = np.array([mile.rate for mile in drawn(access="bad_coverage")])
    assert np.mean((rates >= 0.5e6) & (rates <= 5e6)) == pytest.approx(0.95, abs=0.01)


def test_a_mixed_cohort_has_the_regions_mix() -> None:
    region = load_region("id")
    kinds = Counter(round(mile.outages, 4) for mile in drawn(access="mixed"))  # 1 %, 0 %, 3.4 %
    mix = region.mix()
    for kind, share in mix.items():
        outages = region.access[kind].outages
        assert outages is not None
        assert kinds[round(outages.value, 4)] / PEOPLE == pytest.approx(share, abs=0.01)


def test_everything_else_is_the_kinds_own() -> None:
    mile, access = drawn()[0], load_region("id").access["mobile"]
    assert access.variation is not None
    assert access.memory is not None
    assert (mile.variation, mile.outages, mile.outage, mile.jitter) == (0.6, 0.01, 3.0, 0.005)
    assert mile.memory == pytest.approx(log_memory(0.6, 0.81))
    assert mile.seed == person(0).seed
    assert math.log1p(0.36 * 0.81) / math.log1p(0.36) == pytest.approx(log_memory(0.6, 0.81))


@pytest.mark.parametrize("code", ["id", "br", "us"])
def test_the_evening_is_the_regions_own(code: str) -> None:
    """At one moment it is night in one market and evening in another; Brazil has no daylight saving, the USA has."""
    noon = {number: LastMiles(scene(code)).of(person(number, code)) for number in range(5)}
    hours = {"2026-12-05T12:30:00+00:00": {"id": 19.5, "br": 9.5, "us": 7.5}}
    hours |= {"2026-06-05T20:00:00+07:00": {"id": 20, "br": 10, "us": 9}}
    for moment, local in hours.items():
        miles = LastMiles(scene(code, starts_at=moment))
        factor = load_region(code).access["mobile"].factor(local[code])
        for number, plain in noon.items():
            mile = miles.of(person(number, code))
            assert mile is not None
            assert plain is not None
            assert mile.rate / plain.rate == pytest.approx(factor)


def test_who_joins_later_meets_a_later_hour() -> None:
    miles = LastMiles(scene("in", starts_at="2026-12-05T18:30:00+05:30"))
    early, late = miles.of(person(1, "in")), miles.of(person(1, "in", join_at=3.5 * 3600))
    assert early is not None
    assert late is not None
    access = load_region("in").access["mobile"]
    assert late.rate / early.rate == pytest.approx(access.factor(22) / access.factor(18.5))


def test_the_round_trip_is_access_and_path() -> None:
    path = atlas().path_rtt(load_region("id"), "singapore")
    assert drawn()[0].rtt == pytest.approx(0.026 + path)
    assert drawn(pop="jakarta")[0].rtt == pytest.approx(0.026)
    assert drawn(pop="aws:eu-central-1")[0].rtt > 0.2


def test_the_difference_leaves_out_what_generators_walk_for_real() -> None:
    path = atlas().path_rtt(load_region("id"), "singapore")
    beside = drawn(shaping="difference", generators="in_region", pop="")[0]
    measured = drawn(shaping="difference", generators="in_region", generator_rtt="12ms")[0]
    near = drawn(shaping="difference", generator_rtt="40ms")[0]
    far = drawn(shaping="difference", generator_rtt="400ms")[0]
    assert [mile.rtt for mile in (beside, measured, near, far)] == pytest.approx(
        [0.026, 0.026 + path - 0.012, 0.026 + path - 0.04, 0.0]
    )
    assert beside.rate == drawn()[0].rate


def test_a_region_that_is_not_shaped_gets_none() -> None:
    miles = LastMiles(scene(shaping="off"))
    assert miles.of(person(1)) is None
    assert not miles.shaped
    assert LastMiles(scene()).of(person(1, "br")) is None


def test_every_process_draws_the_same_whatever_its_share_of_viewers() -> None:
    plan = scene(access="mixed", starts_at="2026-12-05T19:30:00+07:00")
    viewers = list(arrivals(plan))
    alone = LastMiles(plan)
    whole = [alone.of(viewer) for viewer in viewers]
    for index in range(3):
        worker = LastMiles(type(plan).model_validate_json(plan.model_dump_json()))
        assert [worker.of(viewer) for viewer in viewers[index::3]] == whole[index::3]
    assert len({mile.rate for mile in whole if mile}) == len(viewers)
