"""Players that choose soften a full link: the quality they lose is saturation, and the limit behind it is found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from advisor.capacities.capacity import capacities
from advisor.measured.measure import Measurement, measure
from advisor.measured.quality import choosing, lost_seconds
from advisor.measured.seconds import Second
from advisor.models import Capacity
from loadtests.run import read_run
from loadtests.scenario import Scenario, read_scenario
from loadtests.simulated import write_simulation
from loadtests.virtual.origin import EVERYWHERE, OriginPlan
from loadtests.virtual.world import World
from tests.advisor.conftest import Maker
from tests.advisor.made import at
from tests.advisor.runs import Town
from tests.virtual.worlds import EPOCH, STREAM

BLIND: dict[str, Any] = {"startup_p95": "60s", "segment_p95": "20s", "stall_ratio": "90%", "error_ratio": "90%"}
"""Budgets under which nothing but lost quality ever breaks."""


def scenario(player: str, peak: int, **budgets: Any) -> Scenario:
    """The bundled one, with players that choose."""
    data = read_scenario("viral-goal").model_dump(mode="json")
    data["surge"] = {"shape": "flash_crowd", "baseline": peak // 6, "peak": peak, "warm_up": "30s", "quiet": "30s"}
    data["surge"] |= {"ramp": "40s", "hold": "60s", "fall": "5s"}
    data["player"] = {"player": player}
    data["budgets"] = budgets
    for region in data["regions"].values():
        for cohort in region["cohorts"].values():
            cohort["renditions"] = {"auto": "100%"}
    return Scenario.model_validate(data)


def simulated(folder: Path, egress: float, player: str = "hls_js", peak: int = 300, **budgets: Any) -> Measurement:
    """Two modelled nodes of a known egress."""
    origin = OriginPlan(nodes={EVERYWHERE: 2}, egress=egress, rps=5000.0)
    world = World(scenario=scenario(player, peak, **budgets), stream=STREAM, origin=origin, epoch=EPOCH)
    return measure([read_run(write_simulation(world, folder).file)])


def bandwidth_of(measurement: Measurement) -> Capacity:
    found = capacities(measurement).of("bandwidth")
    assert found is not None
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("player", "peak", "egress"), [("hls_js", 300, 30e6), ("shaka", 300, 25e6), ("dash_js", 600, 30e6)]
)
def test_the_limit_is_found_by_lost_quality_alone(tmp_path: Path, player: str, peak: int, egress: float) -> None:
    measurement = simulated(tmp_path / "run", egress, player, peak, **BLIND)
    found = capacities(measurement)
    limit = bandwidth_of(measurement)
    assert limit.saturated
    assert found.binding.model == "bandwidth"
    assert limit.evidence.broken_budgets == ("quality_loss",)
    assert limit.per_node.mid == pytest.approx(egress, rel=0.03)
    assert limit.per_node.low <= egress <= limit.per_node.high
    seen = limit.evidence.limiting
    assert seen is not None
    assert (seen.budget, seen.limit) == ("quality_loss", 0.10)
    assert seen.value > 0.10
    assert seen.samples > 100
    assert all(any("quality_loss" in one.broken for one in part) for part in measurement.runs[0].regions.values())


def test_a_link_with_room_loses_no_quality(tmp_path: Path) -> None:
    measurement = simulated(tmp_path / "run", 80e6, **BLIND)
    assert not any("quality_loss" in second.broken for second in measurement.runs[0].whole)
    assert not bandwidth_of(measurement).saturated


def test_the_budget_can_be_turned_off(tmp_path: Path) -> None:
    measurement = simulated(tmp_path / "run", 30e6, **BLIND, quality_loss="100%")
    assert not any(second.broken for second in measurement.runs[0].whole)


def test_only_regions_whose_players_choose_are_judged() -> None:
    assert choosing(read_scenario("viral-goal")) == frozenset()
    assert choosing(scenario("hls_js", 100)) == {"id", "in", "br"}
    assert choosing(scenario("hls_js", 100, quality_loss="100%")) == frozenset()


def played(rates: list[float], viewers: list[float], noise: float = 0.0) -> list[Second]:
    """Seconds with a bit rate and what that takes on the wire."""
    rng = np.random.default_rng(3)
    return [
        at(time, count, bitrate=rate * float(1 + noise * rng.normal()), wire_bits=1.1 * rate * count)
        for time, (rate, count) in enumerate(zip(rates, viewers, strict=True))
    ]


def test_noise_is_no_loss_and_a_lasting_fall_is() -> None:
    growing = [50.0 + 5 * time for time in range(60)]
    assert lost_seconds(played([1e6] * 60, growing, noise=0.08), 0.10, seed=1) == {}
    falling = [1e6] * 35 + [0.7e6] * 25
    lost = lost_seconds(played(falling, growing, noise=0.03), 0.10, seed=1)
    assert set(lost) >= set(range(36, 59))
    assert min(lost) >= 30
    assert np.mean(list(lost.values())) == pytest.approx(0.3, abs=0.05)


def test_a_short_dip_and_a_small_fall_are_no_loss() -> None:
    growing = [50.0 + 5 * time for time in range(60)]
    assert lost_seconds(played([1e6] * 40 + [0.6e6] * 6 + [1e6] * 14, growing), 0.10, seed=1) == {}
    assert lost_seconds(played([1e6] * 35 + [0.93e6] * 25, growing), 0.10, seed=1) == {}


def test_the_limit_of_a_town_whose_players_choose_is_found(make: Maker) -> None:
    town = Town(seed=41, egress=40e6, nodes=2, adaptive=True, hold=60)
    limit = bandwidth_of(measure([make(town)]))
    assert limit.saturated
    assert "quality_loss" in limit.evidence.broken_budgets
    assert limit.per_node.low <= town.egress <= limit.per_node.high
