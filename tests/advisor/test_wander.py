"""How far the mean of what wanders may be off: nine in ten, also where seconds remember their neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from advisor.capacities.wander import KVB90, half_width


def wandering(memory: float, length: int, rng: np.random.Generator) -> list[float]:
    """A first-order autoregression around zero."""
    value, found = float(rng.normal()) / (1 - memory**2) ** 0.5, []
    for _ in range(length):
        value = memory * value + float(rng.normal())
        found.append(value)
    return found


@pytest.mark.parametrize("memory", [0.0, 0.5, 0.8])
def test_the_truth_is_within_in_nine_of_ten(memory: float) -> None:
    rng = np.random.default_rng(11)
    series = [wandering(memory, 50, rng) for _ in range(600)]
    held = np.mean([abs(np.mean(one)) <= half_width(one) for one in series])
    assert held >= 0.9


def test_the_quantile_is_that_of_the_paper() -> None:
    rng = np.random.default_rng(1)
    steps = rng.normal(size=(10_000, 400))
    mean = steps.mean(axis=1)
    spread = (np.cumsum(steps - mean[:, None], axis=1) ** 2).sum(axis=1) / 400**2
    assert float(np.quantile(np.abs(mean) * 400**0.5 / np.sqrt(spread), 0.9)) == pytest.approx(KVB90, rel=0.03)


def test_it_grows_with_the_rates_and_is_nothing_for_a_constant_or_few() -> None:
    series = wandering(0.5, 40, np.random.default_rng(2))
    assert half_width([7 * one for one in series]) == pytest.approx(7 * half_width(series))
    assert half_width([5.0] * 40) == half_width(series[:7]) == 0.0
