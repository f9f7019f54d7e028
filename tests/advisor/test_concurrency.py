"""Load steps as a cross-check: they agree with the plateau, see a fall, and say when they cannot tell."""

from __future__ import annotations

import pytest

from advisor.advising import advise
from advisor.capacities.capacity import capacities
from advisor.capacities.concurrency import Concurrency, LoadStep, concurrency, shape_of
from advisor.interval import Interval
from advisor.measured.measure import measure
from advisor.models import Excuse
from advisor.pages.growth import steps_text
from loadtests.run import Run
from tests.advisor.conftest import Maker
from tests.advisor.runs import Town


def step(viewers: float, rate: float, error: float = 0.02) -> LoadStep:
    ends = Interval(low=rate * (1 - error), mid=rate, high=rate * (1 + error), coverage=0.9, samples=20)
    return LoadStep(viewers=viewers, rate=ends, broken=0.0)


def shape(*steps: tuple[float, float]) -> Concurrency:
    found = shape_of([step(viewers, rate) for viewers, rate in steps])
    assert isinstance(found, Concurrency), found
    return found


def test_the_best_step_agrees_with_the_request_plateau(make: Maker) -> None:
    measured = measure([make(Town(rps=70.0, egress=1e9, seed=5))])
    found = capacities(measured)
    plateau = found.of("request_rate")
    assert plateau is not None
    assert plateau.saturated
    steps = found.concurrency
    assert isinstance(steps, Concurrency)
    assert steps.best.rate.mid == pytest.approx(plateau.per_node.mid * 2, rel=0.1)
    assert steps.shape == "flat"


def test_it_never_binds(saturated: Run) -> None:
    found = capacities(measure([saturated]))
    assert isinstance(found.concurrency, Concurrency)
    assert "concurrency" not in {one.model for one in found.found}
    assert found.binding.model == "bandwidth"


def test_a_target_below_its_limit_still_rises(make: Maker) -> None:
    found = concurrency(measure([make(Town(seed=6, baseline=30, peak=110, ramp=40, hold=30, egress=400e6))]))
    assert isinstance(found, Concurrency)
    assert found.shape == "rising"
    assert found.lost == 0


def test_shapes() -> None:
    assert shape((10, 100), (20, 200), (40, 390)).shape == "rising"
    assert shape((10, 100), (20, 200), (40, 210), (80, 205)).shape == "flat"
    fallen = shape((10, 100), (20, 200), (40, 210), (80, 150))
    assert (fallen.shape, fallen.best.viewers) == ("retrograde", 40)
    assert fallen.lost == pytest.approx(1 - 150 / 210, abs=1e-3)
    assert fallen.coherency > 0
    straight = shape((10, 100), (20, 200), (40, 400))
    assert straight.coherency == pytest.approx(0, abs=1e-6)


def test_too_few_steps_cannot_tell() -> None:
    for steps in ([step(10, 100), step(40, 200)], [step(10, 100), step(12, 110), step(14, 120)]):
        found = shape_of(steps)
        assert isinstance(found, Excuse)
        assert "steps" in found.reason.text
        assert "staircase" in steps_text(found, "en")
        assert steps_text(found, "zh")


def test_a_fall_is_warned_of(make: Maker) -> None:
    found = shape((10, 100), (20, 200), (40, 150))
    assert "fell by 25%" in steps_text(found, "en")
    run = make(Town(seed=8))
    advice = advise([run])
    assert "warn_retrograde" not in {one.key for one in advice.warnings}
