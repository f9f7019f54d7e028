"""Simulated crowds against the arithmetic: arrivals against the rate, stays against quantiles, heads against N."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pytest

from loadtests.arrivals import arrivals
from loadtests.flow import courses, expected, joins, planned, solve_flow, survival
from loadtests.limits import peak_of
from loadtests.scenario import BUNDLED, Scenario, Stay, read_scenario
from loadtests.session import Viewer
from loadtests.surge import read_surge
from tests.shapes.examples import shapes

SEEDS = range(12)
LENGTH = 240.0
PEAK = 400.0
EVERY = shapes()
Counts = npt.NDArray[np.float64]


@cache
def plan(name: str) -> Scenario:
    """The shape squeezed into four minutes and a few hundred viewers, with a short stay so that much happens."""
    shape = EVERY[name]
    peak = max(shape.viewers(at) for at in np.linspace(0, shape.duration, 2000))
    settings = {"shape": "scale", "of": shape, "viewers_by": PEAK / peak, "time_by": LENGTH / shape.duration}
    data = read_scenario(BUNDLED).model_dump(mode="json")
    data["stay"] = {"zappers": "20%", "zapper_mean": "10s", "median": "60s", "spread": 1.0}
    return Scenario.model_validate(data | {"surge": read_surge(settings), "gate": []})


@cache
def crowds(name: str) -> tuple[tuple[Viewer, ...], ...]:
    return tuple(tuple(arrivals(plan(name).model_copy(update={"seed": seed}))) for seed in SEEDS)


def counted(crowd: tuple[Viewer, ...], region: str = "") -> Counts:
    """Arrivals per second."""
    times = [int(one.join_at) for one in crowd if region in ("", one.region)]
    return np.bincount(times, minlength=int(LENGTH) + 1)[: int(LENGTH)].astype(float)


def present(crowd: tuple[Viewer, ...], at: float, region: str = "") -> int:
    return sum(one.join_at <= at < one.leave_at for one in crowd if region in ("", one.region))


@pytest.mark.parametrize("name", EVERY)
def test_arrivals_are_as_many_as_the_rate_says_and_as_scattered_as_chance(name: str) -> None:
    """Index of dispersion 1: counts per second and run about their rate, chi-square over its degrees of freedom.

    Of n cells its standard deviation is √(2/n) or a little more; five of them are allowed.
    """
    rate = joins(plan(name))[: int(LENGTH)]
    some = rate > 0.5
    counts = np.array([counted(crowd) for crowd in crowds(name)])[:, some]
    cells = counts.size
    dispersion = ((counts - rate[some]) ** 2 / rate[some]).sum() / cells
    assert abs(dispersion - 1) < 5 * (2.5 / cells) ** 0.5
    total = sum(len(crowd) for crowd in crowds(name))
    assert abs(total - len(SEEDS) * rate.sum()) < 4.5 * (len(SEEDS) * rate.sum()) ** 0.5


def test_joins_of_the_regions_add_up() -> None:
    for name in ("flash_crowd", "evening"):
        each = [joins(plan(name), code) for code in plan(name).regions]
        assert np.sum(each, axis=0) == pytest.approx(joins(plan(name)))
    assert not joins(plan("step"), "nowhere").any()


@pytest.mark.parametrize("name", EVERY)
def test_concurrency_is_the_convolution_in_all_regions_and_in_each(name: str) -> None:
    """Mean of the runs against what was planned: 4.5 standard errors of a Poisson count, 1 for an exit wave's last."""
    everywhere = planned(plan(name))
    for at in (17, 60, 90, 121, 150, 199, 230):
        for region, wanted in (("", everywhere(at)), ("in", planned(plan(name), "in")(at))):
            found = float(np.mean([present(crowd, at, region) for crowd in crowds(name)]))
            assert abs(found - wanted) <= 4.5 * (wanted / len(SEEDS)) ** 0.5 + 0.02 * wanted + 1.0, (at, region)


@pytest.mark.parametrize("name", EVERY)
def test_viewers_come_in_order_and_leave_within_the_run(name: str) -> None:
    for crowd in crowds(name)[:2]:
        assert [one.number for one in crowd] == list(range(len(crowd)))
        assert all(before.join_at <= after.join_at for before, after in pairwise(crowd))
        assert all(0 <= one.join_at < one.leave_at <= plan(name).surge.duration for one in crowd)
    assert crowds(name)[0] == tuple(arrivals(plan(name).model_copy(update={"seed": 0})))


def test_stays_have_their_quantiles_where_nobody_is_sent_away() -> None:
    """Share still there after so many seconds, of everybody whose end the run does not cut (first half of a ramp)."""
    early = [one for crowd in crowds("ramp") for one in crowd if 60 <= one.join_at < 130]
    assert len(early) > 2000
    for after in (3, 10, 30, 60):
        share = sum(one.leave_at - one.join_at > after for one in early) / len(early)
        truth = survival(plan("ramp").stay, after)
        assert abs(share - truth) < 4 * (truth * (1 - truth) / len(early)) ** 0.5


# -- arrivals that are given ------------------------------------------------------------------------------------------


def replayed(points: list[list[float]], **other: object) -> Scenario:
    data = read_scenario(BUNDLED).model_dump(mode="json")
    surge = {"shape": "replay", "column": "arrivals", "points": points, "warm_up": "1s", "quiet": "1s"}
    return Scenario.model_validate(data | {"surge": surge, "gate": []} | other)


def test_arrivals_that_are_given_are_those_that_come() -> None:
    plan = replayed([[0, 10], [50, 10], [51, 40], [100, 40], [101, 0], [200, 0]])
    rate = solve_flow(plan.surge, plan.stay).rate
    assert rate[:50] == pytest.approx(10)
    assert rate[51:100] == pytest.approx(40)
    assert rate[101:] == pytest.approx(0, abs=1e-6)
    assert solve_flow(plan.surge, plan.stay).exit_hazard.max() < 1e-9


def test_their_concurrency_is_the_convolution_with_the_stay() -> None:
    """Steady arrivals: N = λ ∫ S (Little's law on the way to its limit)."""
    plan = replayed([[0, 10], [400, 10]])
    for at in (5, 60, 300):
        inside = sum(survival(plan.stay, after + 0.5) for after in range(at))
        assert planned(plan)(at) == pytest.approx(10 * inside, rel=1e-9)
    assert plan.surge.viewers(100) == 0


def test_a_lull_sends_nobody_away() -> None:
    """Between two pushes the crowd melts by itself; fewer than half a viewer is no reason to bring any back."""
    plan = replayed([[0, 5], [10, 5], [11, 0], [300, 0], [301, 5], [320, 5]], stay={"median": "5s", "spread": 0.5})
    flow = solve_flow(plan.surge, plan.stay)
    assert (flow.exit_hazard >= 0).all()
    assert flow.exit_hazard.max() < 1e-6
    assert flow.rate[12:299] == pytest.approx(0, abs=1e-6)


# -- regions that live it differently ---------------------------------------------------------------------------------


@cache
def evenings() -> Scenario:
    """Ten hours in ten minutes; it is noon UTC, so 19:00 in Jakarta, 17:30 in Kolkata, 9:00 in São Paulo."""
    data = read_scenario(BUNDLED).model_dump(mode="json")
    surge = {"shape": "evening", "peak": 900, "lasts": "10m", "time_lapse": 60}
    other = {"starts_at": "2026-12-05T12:00:00Z", "surge": surge, "stay": {"median": "40s", "spread": 1.0}, "gate": []}
    return Scenario.model_validate(data | other)


def test_each_region_follows_its_own_clock() -> None:
    assert [course.regions for course in courses(evenings())] == [("id",), ("in",), ("br",)]
    peaks = {code: max(range(600), key=planned(evenings(), code)) for code in ("id", "in", "br")}
    assert peaks == {"id": 120, "in": 210, "br": 599}
    crowd = [tuple(arrivals(evenings().model_copy(update={"seed": seed}))) for seed in SEEDS]
    for at in (60, 120, 210, 400, 560):
        for code in ("", "id", "in", "br"):
            wanted = planned(evenings(), code)(at)
            found = float(np.mean([present(one, at, code) for one in crowd]))
            assert abs(found - wanted) <= 4.5 * (wanted / len(SEEDS)) ** 0.5 + 0.02 * wanted + 1.0, (at, code)


def test_all_regions_together_are_the_sum_of_each() -> None:
    for at in (0.0, 33.3, 210.0, 599.0):
        each = sum(planned(evenings(), code)(at) for code in evenings().regions)
        assert planned(evenings())(at) == pytest.approx(each)


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_evenings_are_the_same_for_any_number_of_workers(workers: int) -> None:
    everyone = tuple(arrivals(evenings()))
    shares = [[one for one in arrivals(evenings()) if one.number % workers == index] for index in range(workers)]
    assert sorted(one for share in shares for one in share) == list(everyone)


def test_alike_regions_share_a_flow_and_their_draws_are_what_they_were() -> None:
    """One flow where nothing differs; a shape of several flows that are equal would draw once more per viewer."""
    assert len(courses(read_scenario(BUNDLED))) == 1
    begins = {"shape": "evening", "peak": 300, "lasts": "5m", "begins": "20h"}
    data = evenings().model_dump(mode="json") | {"surge": begins}
    assert len(courses(Scenario.model_validate(data))) == 1


def test_an_evening_without_a_date_is_refused_before_any_load() -> None:
    data = evenings().model_dump(mode="json") | {"starts_at": None}
    with pytest.raises(ValueError, match="surge: evening follows local time: give the scenario 'starts_at'"):
        Scenario.model_validate(data)


# -- long runs --------------------------------------------------------------------------------------------------------


def test_blocks_of_the_solution_join_without_a_seam() -> None:
    """Several blocks long, exit waves included: expected heads worked out again, one second after the other."""
    shape = read_surge({"shape": "repeat", "of": EVERY["raid"], "times": 24})
    stay = Stay()
    flow = solve_flow(shape, stay)
    alive = np.array([survival(stay, k + 0.5) for k in range(len(flow.rate))])
    kept = np.exp(-np.cumsum(flow.exit_hazard))
    wanted = expected(shape, stay)[1:]
    assert len(wanted) > 3 * 1024
    for k in (5, 1023, 1024, 1025, 2047, 2048, 3000, len(wanted) - 1):
        left = np.append(flow.rate[:k] * kept[k] / kept[:k], flow.rate[k])
        assert (left * alive[k::-1]).sum() == pytest.approx(max(wanted[k], 0.5), rel=1e-6, abs=0.51)


def test_the_plan_of_a_run_reaches_the_peak() -> None:
    assert peak_of(plan("flash_crowd")) == pytest.approx(PEAK, rel=0.15)
