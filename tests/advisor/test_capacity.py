"""The found capacity is the declared one, in whichever resource binds; without saturation it is only a bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from advisor.capacities.capacity import MODELS, Capacities, capacities, models, transfer_share
from advisor.capacities.plateau import first_lasting
from advisor.measured.measure import Measurement, RunFacts, RunSeries, measure
from advisor.measured.seconds import Percentiles, Second
from advisor.models import Capacity, Model
from loadtests import plugins
from loadtests.run import Run
from loadtests.shapes import PhaseName
from tests.advisor.conftest import Maker
from tests.advisor.runs import Town

TOLERANCE = 0.15
"""What the product promises (the README says so)."""

EGRESS_BOUND = [
    Town(seed=11, egress=20e6, nodes=1, baseline=12, peak=60),
    Town(seed=12, egress=40e6, nodes=2, shares={"id": 1.0}, hold=20),  # one region
    Town(seed=13, egress=80e6, nodes=3, baseline=90, peak=1500, ramp=15),  # four times too much, in a quarter minute
    Town(seed=14, egress=40e6, nodes=2, baseline=40, peak=150),  # barely too much
]
REQUEST_BOUND = [
    Town(seed=21, egress=1e12, rps=60, nodes=1, baseline=15, peak=120),
    Town(seed=22, egress=1e12, rps=100, nodes=3, shares={"in": 0.6, "br": 0.4}, baseline=60, peak=500),
    Town(seed=23, egress=1e12, rps=300, nodes=1, baseline=60, peak=900, hold=20),
]


def found_in(run: Run) -> Capacities:
    return capacities(measure([run]))


def of(found: Capacities, model: str) -> Capacity:
    capacity = found.of(model)
    assert capacity
    return capacity


@pytest.mark.parametrize("town", EGRESS_BOUND, ids=lambda town: f"{town.egress:g}x{town.nodes}")
def test_finds_the_declared_egress(make: Maker, town: Town) -> None:
    found = found_in(make(town))
    assert found.binding.model == "bandwidth"
    assert [capacity.model for capacity in found.saturated] == ["bandwidth"]
    assert of(found, "bandwidth").per_node.mid == pytest.approx(town.egress, rel=TOLERANCE)


@pytest.mark.parametrize("town", REQUEST_BOUND, ids=lambda town: f"{town.rps:g}x{town.nodes}")
def test_finds_the_declared_request_rate(make: Maker, town: Town) -> None:
    found = found_in(make(town))
    assert found.binding.model == "request_rate"
    assert of(found, "request_rate").per_node.mid == pytest.approx(town.rps, rel=TOLERANCE)
    assert not of(found, "bandwidth").saturated


@pytest.mark.slow
def test_intervals_hold_the_declared_capacity_over_many_towns(make: Maker) -> None:
    towns = [Town(seed=seed, egress=30e6, nodes=1 + seed % 3, peak=150 * (1 + seed % 3)) for seed in range(100, 115)]
    intervals = [of(found_in(make(town)), "bandwidth").per_node for town in towns]
    errors = [abs(interval.mid / 30e6 - 1) for interval in intervals]
    assert max(errors) < 0.05
    assert sum(interval.low <= 30e6 <= interval.high for interval in intervals) >= 12


def test_without_saturation_a_node_carries_at_least_what_was_held(make: Maker, quiet: Run) -> None:
    found = found_in(quiet)
    assert found.saturated == ()
    assert found.binding.model is None
    assert {capacity.evidence.basis for capacity in found.found} == {"held"}
    for model in ("bandwidth", "request_rate", "connections"):
        assert of(found, model).evidence.viewers[1] == 60
    assert of(found, "bandwidth").per_node.mid < 40e6


def test_a_plateau_of_a_few_seconds_is_no_plateau(make: Maker) -> None:
    found = found_in(make(Town(seed=31, baseline=60, peak=260, ramp=30, hold=1, quiet=20)))
    overload = found.found[0].evidence
    assert found.saturated == () or overload.seconds >= 8


def test_a_target_that_was_never_healthy_has_an_excuse(make: Maker) -> None:
    found = found_in(make(Town(seed=32, egress=20e6, nodes=1, baseline=120, peak=300, quiet=10)))
    assert {capacity.evidence.basis for capacity in found.found} <= {"plateau", "held"}
    broken = _measured([_second(at, 100, 5e6, broken=True, phase="baseline") for at in range(20)])
    excuses = capacities(broken).excuses
    missed = [(excuse.about, excuse.reason.key) for excuse in excuses if not excuse.is_aside]
    assert missed == [
        ("bandwidth", "excuse_never_held"),
        ("joins", "excuse_no_joins"),
        ("request_rate", "excuse_never_held"),
    ]
    assert all(excuse.remedy.text for excuse in excuses)


def test_rates_that_grow_with_the_viewers_are_no_plateau() -> None:
    """Budgets break, but bandwidth and requests still follow the viewers: something else is the limit."""
    ramp = [_second(at, 100 + 20 * at, (100 + 20 * at) * 1e5, broken=at > 10) for at in range(40)]
    found = capacities(_measured(ramp))
    assert found.saturated == ()
    assert found.binding.model is None


def test_two_resources_that_stand_equally_still_are_both_planned_on() -> None:
    rng = np.random.default_rng(1)
    seconds = [_second(at, 100 + 9 * at, 1e6 * (100 + 3 * at) * 1.0, broken=False) for at in range(10)]
    for at in range(10, 60):
        noise = float(rng.normal(1, 0.01))
        seconds.append(_second(at, 190 + 9 * at, 1.3e8 * noise, broken=True, served=round(2000 * noise)))
    found = capacities(_measured(seconds))
    assert found.binding.agreement < 0.9 or len(found.saturated) == 1
    assert found.saturated


def test_bytes_that_come_slowly_point_at_the_link() -> None:
    calm = [_second(at, 100, 1e7, broken=False, times=(0.01, 0.02)) for at in range(10)]
    late = [_second(at, 200, 1e7, broken=True, times=(1.0, 2.5)) for at in range(10, 50)]
    waiting = [_second(at, 200, 1e7, broken=True, times=(2.4, 2.5)) for at in range(10, 50)]
    assert transfer_share(calm, late) == pytest.approx(0.6, abs=0.01)
    assert transfer_share(calm, waiting) < 0.05
    assert transfer_share(calm, []) == transfer_share(late, calm) == 0


def test_the_link_decides_where_variation_cannot() -> None:
    rng = np.random.default_rng(2)
    seconds = [_second(at, 100, 1e7, broken=False, times=(0.01, 0.02)) for at in range(10)]
    for at in range(10, 60):
        wire, served = 3e7 * float(rng.normal(1, 0.03)), round(3000 * float(rng.normal(1, 0.03)))
        seconds.append(_second(at, 300, wire, broken=True, served=served, times=(1.0, 2.5)))
    found = capacities(_measured(seconds))
    assert (found.binding.model, found.binding.by, found.binding.sure) == ("bandwidth", "transfer", True)
    assert [one.model for one in found.saturated] == ["bandwidth"]


def test_a_blink_is_not_a_lasting_breach() -> None:
    blinks = [_second(at, 10, 1.0, broken=at % 4 == 0) for at in range(20)]
    assert first_lasting(blinks) is None
    lasting = [_second(at, 10, 1.0, broken=at in (7, 9, 11)) for at in range(20)]
    assert first_lasting(lasting) == 7


def test_every_file_in_the_folder_is_a_model_with_a_docstring() -> None:
    names = plugins.names(MODELS)
    assert {"bandwidth", "chat_fanout", "connections", "cpu", "joins", "memory", "request_rate"} <= set(names)
    for model in models():
        assert isinstance(model, Model)
        assert type(model).__doc__


def _second(
    at: int,
    viewers: int,
    wire: float,
    *,
    broken: bool,
    phase: PhaseName = "ramp",
    served: int | None = None,
    times: tuple[float, float] | None = None,
) -> Second:
    ttfb, total = (Percentiles(p50=one, p95=one, p99=one) for one in times) if times else (None, None)
    return Second(
        at=at,
        phase=phase,
        viewers=viewers,
        joins=1,
        served=served if served is not None else round(wire / 1e5),
        failed=0,
        body_bits=wire,
        wire_bits=wire,
        ttfb=ttfb,
        total=total,
        broken=("segment_p95",) if broken else (),
    )


def _measured(seconds: Sequence[Second]) -> Measurement:
    town = Town()
    facts = RunFacts.model_validate(
        {
            "run_id": "made-up",
            "started_at": "2026-12-01T00:00:00Z",
            "software": {},
            "seconds": len(seconds),
            "workers": 1,
            "nodes": town.nodes,
            "ending": "finished",
            "complete": True,
            "phases": town.shape.phases(),
            "invalid": (),
            "notes": (),
            "worst_cpu": 0.1,
        }
    )
    series = RunSeries(facts=facts, whole=tuple(seconds), regions={"id": tuple(seconds)})
    return Measurement(scenario=town.scenario, places={}, runs=(series,), warnings=())


def test_towns_are_frozen_facts() -> None:
    assert replace(Town(), nodes=5).nodes == 5
