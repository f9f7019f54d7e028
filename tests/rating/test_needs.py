"""What a scenario needs: rates, joins, connections."""

from __future__ import annotations

import numpy as np
import pytest

from loadtests.errors import CannotMeasure
from loadtests.preflight import Look
from loadtests.protocols.hls import Hls
from loadtests.rating.fit import Costs
from loadtests.rating.needs import ASSUMED, addresses_of, demand_of, mean_bitrate, pace_of, stage_pace, taken
from loadtests.rating.staircase import Climb, Staircase, plan_stairs
from tests.rating.made import bundled, bundled_demand


def test_the_bundled_scenario_needs_what_its_file_says() -> None:
    need = bundled_demand().need
    assert need.viewers == 1700
    assert need.requests_per_viewer == 1.0
    assert need.source == "stage"
    assert need.addresses == 2
    assert not need.secure
    assert 50 < need.joins < 500


def test_more_viewers_make_the_same_surge_higher() -> None:
    one, two = bundled_demand(), bundled_demand(3400)
    assert two.need.viewers == 3400
    assert two.need.joins == pytest.approx(2 * one.need.joins)
    costs = Costs(0.1, 20e-6, 50e-12, 200e-6)
    assert two.variable(costs) == pytest.approx(2 * one.variable(costs))


def test_the_worst_second_counts_joins_too() -> None:
    demand = bundled_demand()
    assert demand.variable(Costs(0.1, 20e-6, 0.0, 0.0)) >= 1700 * 20e-6
    assert demand.variable(Costs(0.1, 0.0, 0.0, 1.0)) == pytest.approx(demand.need.joins)


def test_the_mean_bit_rate_weighs_every_share() -> None:
    shown = {"lowest": 1.0, "middle": 1.0, "highest": 1.0}
    assert mean_bitrate(bundled(), shown) == pytest.approx(1.0)  # type: ignore[arg-type]
    one = {"lowest": 1.0, "middle": 0.0, "highest": 0.0}
    of_regions = 0.5 * 0.5 + 0.35 * 0.2 + 0.15 * (0.6 * 0.3 + 0.4 * 0.1)
    assert mean_bitrate(bundled(), one) == pytest.approx(of_regions)  # type: ignore[arg-type]


def test_the_pace_is_that_of_the_target_then_of_the_stage_then_assumed() -> None:
    seen = Look({"lowest": 1e6, "middle": 2e6, "highest": 3e6}, 4.0, 3)
    assert pace_of(bundled(), seen).source == "target"
    assert pace_of(bundled(), seen).segment == 4.0
    assert pace_of(bundled(), None) == stage_pace()
    unstaged = bundled().model_copy(update={"staging": None})
    assert pace_of(unstaged, None).source == "assumed"
    assert pace_of(unstaged, None).bitrates is ASSUMED


def test_ports_stay_taken_for_a_minute() -> None:
    present = np.array([10.0] * 100)
    joins = np.array([10.0] + [1.0] * 99)  # from the second second on, one comes and one leaves
    counted = taken(present, joins)
    assert counted[0] == 10
    assert counted[30] == 10 + 30
    assert counted[99] == pytest.approx(10 + 60)


def test_a_target_without_overrides_has_one_address() -> None:
    target = bundled().target.model_copy(update={"resolve": ()})
    assert addresses_of(bundled().model_copy(update={"target": target})) == 1


def test_a_stream_whose_pace_is_unknown_is_not_guessed() -> None:
    class Strange(Hls):
        @classmethod
        def plugin_name(cls) -> str:
            return "strange"

    with pytest.raises(CannotMeasure, match="strange"):
        demand_of(bundled().model_copy(update={"stream": Strange()}), stage_pace())


def test_http_2_is_not_rated_by_what_http_1_costs() -> None:
    target = bundled().target.model_copy(update={"url": "https://x/live.m3u8", "http": "2"})
    with pytest.raises(CannotMeasure, match="HTTP/2"):
        demand_of(bundled().model_copy(update={"target": target}), stage_pace())


# The climb


@pytest.mark.parametrize("descriptors", [0, 256, 1024, 4096, 20_000, 65_536, 1_000_000])
@pytest.mark.parametrize("secure", [False, True])
def test_a_climb_stays_within_its_descriptors_and_rises(descriptors: int, secure: bool) -> None:
    stairs, pace = plan_stairs(descriptors, secure=secure)
    assert list(stairs.levels) == sorted(set(stairs.levels))
    assert stairs.levels[-1] <= max(descriptors // 2, 20)
    assert stairs.levels[-1] * 2 / pace <= 30_000
    assert stairs.duration < 25


def test_stairs_have_steps_in_which_nobody_joins() -> None:
    stairs = Staircase(levels=(100, 200))
    assert stairs.viewers(0.0) == 1
    assert [stairs.step_of(at) for at in range(11)] == [-1, -1, -1, -1, -1, 0, 0, -1, -1, 1, 1]
    assert all(stairs.viewers(at) == 200 for at in (8.0, 9.5, 10.9, 11.9))
    assert stairs.viewers(12.0) == 0
    assert stairs.phases()[-1].end == stairs.duration == stairs.read_until + 1 == 12


def test_a_climb_survives_its_way_through_a_file() -> None:
    stairs = Staircase(levels=(10, 20))
    plan = Climb(scenario=bundled(), url="http://x/m", resolve=(), ca_file="", stairs=stairs, out="o")
    again = Climb.model_validate_json(plan.model_dump_json())
    assert again == plan
    rehearsal = again.rehearsal()
    assert rehearsal.surge == stairs
    assert rehearsal.target.url == "http://x/m"
    assert rehearsal.regions == bundled().regions
