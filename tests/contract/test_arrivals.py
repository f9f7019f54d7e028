"""Who comes and when: decided by the seed alone, and in expectation what the shape asks for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from statistics import fmean, pvariance

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.arrivals import Clockwork, Headcount, arrivals
from loadtests.flow import solve_flow, survival
from loadtests.patience import PatienceRules
from loadtests.scenario import BUNDLED, Scenario, Stay, read_scenario
from loadtests.session import PATIENT, Viewer
from loadtests.shapes.flash_crowd import FlashCrowd

SURGE = FlashCrowd.model_validate(
    {"baseline": 100, "peak": 600, "warm_up": "20s", "quiet": "20s", "ramp": "40s", "hold": "40s", "fall": "20s"}
)
SEEDS = range(20)


@cache
def base() -> Scenario:
    return read_scenario(BUNDLED).model_copy(update={"surge": SURGE})


@cache
def crowd(seed: int) -> tuple[Viewer, ...]:
    """Everybody of one run."""
    return tuple(arrivals(base().model_copy(update={"seed": seed})))


def present(viewers: Sequence[Viewer], at: float) -> int:
    return sum(viewer.join_at <= at < viewer.leave_at for viewer in viewers)


# -- the seed decides -------------------------------------------------------------------------------------------------


def test_the_same_seed_brings_the_same_viewers_and_another_brings_others() -> None:
    assert tuple(arrivals(base().model_copy(update={"seed": 1}))) == crowd(1)
    assert crowd(1) != crowd(2)


def test_viewers_are_numbered_in_order_of_arrival_and_leave_after_they_come_within_the_run() -> None:
    everyone = crowd(1)
    assert [viewer.number for viewer in everyone] == list(range(len(everyone)))
    assert all(a.join_at <= b.join_at for a, b in pairwise(everyone))
    assert all(0 <= viewer.join_at < viewer.leave_at <= SURGE.duration for viewer in everyone)


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_workers_share_the_viewers_without_rest(workers: int) -> None:
    """Each worker takes its own out of the same sequence: nobody twice, nobody left over."""
    shares = [{viewer for viewer in crowd(3) if viewer.number % workers == index} for index in range(workers)]
    assert sum(len(share) for share in shares) == len(set().union(*shares)) == len(crowd(3))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_the_epoch_only_says_what_time_it_is() -> None:
    scenario = base().model_copy(update={"seed": 1})
    assert [viewer._replace(epoch=0.0) for viewer in arrivals(scenario, 1.7e9)] == list(crowd(1))


# -- the shape is followed --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [10, 25, 39, 50, 60, 70, 80, 100, 119, 130, 139])
def test_concurrency_follows_the_shape_within_chance(at: int) -> None:
    """The mean of 20 runs lies within 4.5 standard errors of a Poisson count, and 2 % for the one-second grid."""
    wanted = SURGE.viewers(at)
    found = fmean(present(crowd(seed), at) for seed in SEEDS)
    assert abs(found - wanted) <= 4.5 * (wanted / len(SEEDS)) ** 0.5 + 0.02 * wanted


def test_the_spread_between_runs_is_that_of_chance() -> None:
    """Nearly independent viewers: the variance of a count is about its mean (index of dispersion 1)."""
    ratios = []
    for at in (30, 55, 65, 90, 110):
        seen = [present(crowd(seed), at) for seed in SEEDS]
        ratios.append(pvariance(seen) * len(seen) / (len(seen) - 1) / fmean(seen))
    assert 0.5 < fmean(ratios) < 1.7


def test_arrivals_within_a_second_are_poisson() -> None:
    """Where the rate is steady, counts per second scatter as they should: not evenly, not in bursts."""
    counts = np.array([np.bincount([int(v.join_at) for v in crowd(seed)], minlength=140)[100:119] for seed in SEEDS])
    expected = counts.mean(axis=0)
    dispersion = ((counts - expected) ** 2 / expected).sum() / ((len(SEEDS) - 1) * expected.size)
    assert 0.8 < dispersion < 1.2


def test_phases_within_a_second_are_even() -> None:
    """No burst at the full second, which is how Locust itself starts users."""
    phases = np.array([viewer.join_at % 1 for seed in SEEDS for viewer in crowd(seed)])
    assert np.histogram(phases, 10, (0, 1))[0] == pytest.approx(len(phases) / 10, rel=0.1)


def test_everybody_else_leaves_when_the_shape_falls_faster_than_people_do() -> None:
    """The exit wave: nobody arrives while the crowd has to shrink, and the stay is cut for all alike."""
    flow = solve_flow(SURGE, Stay())
    steepest = slice(126, 134)
    assert (flow.rate[steepest] == 0).all()
    assert (flow.exit_hazard[steepest] > 0).all()
    assert (flow.exit_hazard[:119] == 0).all()
    assert (flow.rate >= 0).all()
    leaving = fmean(sum(126 <= viewer.leave_at < 134 for viewer in crowd(seed)) for seed in SEEDS)
    assert leaving == pytest.approx(SURGE.viewers(126) - SURGE.viewers(134), rel=0.1)


def test_regions_and_cohorts_have_their_shares() -> None:
    everyone = [viewer for seed in SEEDS for viewer in crowd(seed)]
    for code, audience in base().regions.items():
        here = [viewer for viewer in everyone if viewer.region == code]
        assert len(here) / len(everyone) == pytest.approx(audience.share, abs=0.02)
        for name, cohort in audience.cohorts.items():
            share = sum(viewer.cohort == name for viewer in here) / len(here)
            assert share == pytest.approx(cohort.share, abs=0.03)


# -- how long people stay ---------------------------------------------------------------------------------------------


def test_survival_is_that_of_zappers_and_long_views() -> None:
    stay = Stay()
    assert survival(stay, 0) == survival(stay, -1) == 1.0
    assert survival(stay, 480) == pytest.approx(0.8 * 0.5, abs=1e-6)
    assert survival(Stay.model_validate({"zappers": "100%"}), 20) == pytest.approx(np.exp(-1))
    assert survival(Stay.model_validate({"zappers": "0%"}), 480) == pytest.approx(0.5)


@given(st.floats(1e-6, 1e5), st.floats(1e-6, 1e5))
def test_survival_only_falls(a: float, b: float) -> None:
    early, late = sorted((a, b))
    assert 0 <= survival(Stay(), late) <= survival(Stay(), early) <= 1


def test_stays_have_the_quantiles_of_their_distribution() -> None:
    """Looked at in the ramp, where nobody is sent away: shares still there after 5, 20 and 40 seconds."""
    early = [viewer for seed in SEEDS for viewer in crowd(seed) if 40 <= viewer.join_at < 80]
    for after in (5, 20, 40):
        stayed = sum(viewer.leave_at - viewer.join_at > after for viewer in early) / len(early)
        assert stayed == pytest.approx(survival(base().stay, after), abs=0.02)


# -- the tools --------------------------------------------------------------------------------------------------------

steps = st.lists(st.floats(0, 100), min_size=1, max_size=20).map(np.array)


@given(steps, st.floats(0, 1))
def test_the_clockwork_finds_the_time_of_a_level(some: npt.NDArray[np.float64], share: float) -> None:
    clock = Clockwork(some)
    level = share * clock.level(float(len(some)))
    at = clock.when(level)
    if at < float("inf"):
        assert 0 <= at <= len(some)
        assert clock.level(at) == pytest.approx(level, abs=1e-6)


def test_a_level_never_reached() -> None:
    assert Clockwork(np.array([1.0, 0.0])).when(1.0) == float("inf")


def test_the_headcount_is_who_is_there() -> None:
    everyone = crowd(5)
    headcount = Headcount(iter(everyone))
    moments = [0.0, 0.5, 17.3, 17.3, 60.0, 61.0, 119.9, 139.99, 200.0]
    assert [headcount.at(moment) for moment in moments] == [present(everyone, moment) for moment in moments]


def test_nobody_is_there_when_nobody_comes() -> None:
    assert Headcount(iter(())).at(5.0) == 0


# -- patience and the way home ----------------------------------------------------------------------------------------

MANNERS = {"patience": PatienceRules(regions={"id": 1.5}), "stay": Stay(home="40%")}
HOME = "http://stage.surgecast.test:8800/"


@cache
def mannered() -> tuple[Viewer, ...]:
    target = base().target.model_copy(update={"home": HOME})
    return tuple(arrivals(base().model_copy(update={**MANNERS, "target": target})))


def test_patience_and_the_way_home_change_neither_who_comes_nor_when() -> None:
    plain = arrivals(base().model_copy(update={"patience": None}))
    stripped = (viewer._replace(patience=PATIENT, home="", over_at=math.inf) for viewer in mannered())
    assert list(stripped) == list(plain)


def test_the_seed_of_each_viewer_decides_its_patience() -> None:
    rules = PatienceRules(regions={"id": 1.5})
    assert all(viewer.patience == rules.draw(viewer.seed, viewer.region) for viewer in mannered())
    assert len({viewer.patience.stalls for viewer in mannered()}) == len(mannered())


def test_so_many_go_home_as_the_scenario_says() -> None:
    homing = [viewer for viewer in mannered() if viewer.home]
    spread = 4 * (0.4 * 0.6 * len(mannered())) ** 0.5
    assert len(homing) == pytest.approx(0.4 * len(mannered()), abs=spread)
    assert {(viewer.home, viewer.over_at) for viewer in homing} == {(HOME, SURGE.duration)}


def test_without_the_section_nobody_leaves_early_and_nobody_goes_home() -> None:
    plain = tuple(arrivals(base().model_copy(update={"patience": None})))
    assert {(viewer.patience, viewer.home) for viewer in plain} == {(PATIENT, "")}
