"""From made seconds to the verdict: what binds, how it is known, and what exits with which code."""

from __future__ import annotations

from dataclasses import replace

import pytest

from loadtests.errors import CannotMeasure
from loadtests.rating.machine import Equipment
from loadtests.rating.verdict import CPU_SAFE, LAG_SAFE, Rating
from loadtests.results import CPU_LIMIT, LAG_LIMIT
from loadtests.sketch import Sketch
from tests.rating.made import COSTS, MACHINE, bundled_demand, climb, disturbed, rated

HIGH = (5000, 10_000, 14_000)
"""At the top: 0.10 + 28,000 × 20 µs + up to 2.8 GB × 50 µs/MB: over the safe limit."""


def with_machine(**changes: object) -> Equipment:
    return MACHINE.model_copy(update=changes)


def late(levels: tuple[int, ...], by: float) -> tuple[object, ...]:
    lag = Sketch()
    lag.add(by, 1000)
    top = len(levels) - 1
    return tuple(replace(one, lag=lag) if one.step == top else one for one in climb(*levels))


def test_the_safe_limits_are_a_fifth_off_those_of_a_run() -> None:
    assert pytest.approx(0.8 * CPU_LIMIT) == CPU_SAFE
    assert pytest.approx(0.2 * LAG_LIMIT) == LAG_SAFE


def test_a_climb_to_the_limit_is_measured_and_the_arithmetic_holds() -> None:
    rating = rated(climb(*HIGH))
    demand = bundled_demand()
    assert rating.evidence == "measured"
    assert rating.cpu_viewers.value == pytest.approx(1700 * (CPU_SAFE - 0.10) / demand.variable(COSTS), rel=1e-6)
    assert rating.microseconds_per_request.value == pytest.approx(20)
    assert rating.microseconds_per_megabyte.value == pytest.approx(50)
    assert rating.microseconds_per_join.value == pytest.approx(40)
    assert rating.fixed_cpu.value == pytest.approx(0.10)
    assert rating.viewer_bytes == pytest.approx(10_000, rel=0.01)
    assert rating.worker_bytes == pytest.approx(50 * 2**20, rel=0.01)
    assert (rating.verdict, rating.exit_code, rating.workers, rating.machines) == ("fits", 0, 1, 1)


def test_what_one_worker_cannot_carry_takes_more_of_them() -> None:
    plenty = with_machine(cores=16, ports=10**6)
    rating = rated(climb(*HIGH), viewers=60_000, machine=plenty)
    assert rating.verdict == "fits"
    assert 60_000 / rating.workers <= rating.viewers_per_worker < 60_000 / (rating.workers - 1)
    assert rating.workers_here == 15


def test_one_core_is_left_to_the_director_unless_one_process_is_enough() -> None:
    assert rated(climb(*HIGH), machine=with_machine(cores=2)).workers_here == 1
    assert rated(climb(*HIGH), machine=with_machine(cores=1)).workers_here == 1


@pytest.mark.parametrize(
    ("changes", "binds"),
    [
        ({"ports": 10**6}, "cpu"),
        ({"descriptors_hard": 1024}, "descriptors"),
        ({"ports": 2000}, "ports"),
        ({"memory": 150 * 2**20, "ports": 10**6}, "memory"),
    ],
)
def test_what_runs_out_first_is_named_and_exits_with_99(changes: dict[str, object], binds: str) -> None:
    rating = rated(climb(*HIGH), viewers=200_000, machine=with_machine(cores=2, **changes))
    assert rating.binds == binds
    assert (rating.verdict, rating.exit_code) == ("does_not_fit", 99)
    room = min(room.machine for room in rating.rooms)
    assert rating.machines == -(-200_000 // max(room, 1))


def test_few_descriptors_make_few_viewers_per_worker() -> None:
    rating = rated(climb(*HIGH), machine=with_machine(descriptors_hard=1024))
    assert rating.viewers_per_worker == (1024 - 100) // 2
    assert rating.workers == 4


def test_a_climb_that_ended_early_is_derived_to_twice_its_load_at_most() -> None:
    rating = rated(climb(1000, 2000, 3000))
    assert rating.evidence == "derived"
    top = max(step.cpu for step in rating.steps)
    assert rating.cpu_limit == pytest.approx(min(CPU_SAFE, 0.10 + 2 * (top - 0.10)))


def test_what_lies_beyond_the_climb_is_not_known_rather_than_refused() -> None:
    rating = rated(climb(1000, 2000, 3000), viewers=40_000, machine=with_machine(cores=2, ports=10**6))
    assert (rating.verdict, rating.exit_code) == ("unknown", 3)


def test_a_full_sink_makes_a_lower_bound() -> None:
    full = [replace(one, sink=0.97) if one.step == 2 else one for one in climb(1000, 2000, 3000)]
    rating = rated(full, viewers=40_000, machine=with_machine(cores=2, ports=10**6))
    assert rating.evidence == "lower_bound"
    assert rating.cpu_limit == pytest.approx(rating.steps[-1].cpu)
    assert rating.exit_code == 3


def test_lateness_ends_the_climb_before_the_core_is_full() -> None:
    rating = rated(late((2000, 4000, 6000), by=0.2))  # type: ignore[arg-type]
    assert [step.held for step in rating.steps] == [True, True, False]
    below, above = rating.steps[1].cpu, rating.steps[2].cpu
    assert rating.cpu_limit == pytest.approx((below + above) / 2, rel=0.01)  # 2, 20 and 200 ms
    assert rating.evidence == "measured"


def test_a_full_core_that_is_in_time_ends_at_the_safe_limit() -> None:
    rating = rated(climb(5000, 10_000, 30_000))
    assert [step.held for step in rating.steps] == [True, True, False]
    assert rating.cpu_limit == pytest.approx(CPU_SAFE)


def test_seconds_past_the_limit_of_a_run_are_not_fitted() -> None:
    seconds = [replace(one, cpu=1.0) if one.step == 2 else one for one in climb(5000, 10_000, 20_000)]
    assert rated(seconds).microseconds_per_request.value == pytest.approx(20)


def test_a_machine_that_is_late_at_once_is_not_rated() -> None:
    with pytest.raises(CannotMeasure, match="does not keep time"):
        rated(late((2000,), by=0.03) + climb(2000, 4000)[-4:])  # type: ignore[arg-type]


def test_disturbed_seconds_are_cut_and_counted() -> None:
    rating = rated(disturbed(climb(*HIGH), (5, 10)))
    assert rating.disturbed == {"waiting": 2}
    assert rating.microseconds_per_request.value == pytest.approx(20)


def test_too_many_disturbed_seconds_are_no_measurement() -> None:
    with pytest.raises(CannotMeasure, match="waited for a core") as caught:
        rated(disturbed(climb(*HIGH), range(2, 17)))
    assert caught.value.exit_code == 3


def test_joins_that_were_all_past_the_limit_are_fitted_all_the_same() -> None:
    dear = climb(5000, 10_000, 14_000, costs=COSTS._replace(join=400e-6))
    assert rated(dear).microseconds_per_join.value == pytest.approx(400)


def test_the_rating_survives_json() -> None:
    rating = rated(climb(*HIGH))
    assert Rating.model_validate_json(rating.model_dump_json()) == rating
