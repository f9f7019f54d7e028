"""The gate's arithmetic beside known answers, and beside processes whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from advisor.gate.estimate import (
    Estimate,
    Spread,
    block_length,
    least_samples,
    mean_of,
    percentile_of,
    share_of,
    student,
    variance_of_sum,
    wilson,
)
from loadtests.sketch import bin_of


@pytest.mark.parametrize(
    ("sure", "freedom", "table"),
    [(0.95, 4, 2.132), (0.95, 10, 1.812), (0.99, 5, 3.365), (0.99, 10, 2.764), (0.99, 30, 2.457), (0.95, 1e9, 1.645)],
)
def test_students_quantiles_are_those_of_the_tables(sure: float, freedom: float, table: float) -> None:
    assert student(sure, freedom) == pytest.approx(table, rel=0.003)


@pytest.mark.parametrize(("percentile", "samples"), [(0.5, 5), (0.95, 59), (0.99, 299), (0.05, 59)])
def test_the_least_samples_are_those_of_wilks(percentile: float, samples: int) -> None:
    assert least_samples(percentile) == samples
    assert max(percentile, 1 - percentile) ** samples <= 0.05


def test_wilsons_interval_is_that_of_the_textbook() -> None:
    low, high = wilson(0.1, 100, 1.96)
    assert [low, high] == pytest.approx([0.0552, 0.1744], abs=1e-4)
    assert list(wilson(0.0, 100, 1.645)) == pytest.approx([0.0, 0.0263], abs=1e-4)
    assert wilson(1.0, 100, 1.645)[1] == 1.0


@pytest.mark.parametrize(("seconds", "length"), [(1, 1), (8, 2), (20, 5), (60, 7), (1800, 42)])
def test_blocks_grow_with_the_root(seconds: int, length: int) -> None:
    assert block_length(seconds) == length


def wander(dice: np.random.Generator, seconds: int, correlation: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    values = dice.normal(0, 1, seconds)
    for at in range(1, seconds):
        values[at] = correlation * values[at - 1] + (1 - correlation**2) ** 0.5 * values[at]
    return values


@pytest.mark.parametrize(("correlation", "seconds"), [(0.0, 60), (0.5, 60), (0.7, 120), (0.8, 600), (-0.3, 60)])
def test_the_variance_of_a_sum_knows_of_neighbours(correlation: float, seconds: int) -> None:
    """Its root is within 15 % of the truth on average; a plain one is 60 % short at 0.7."""
    dice = np.random.default_rng(5)
    found, sums = [], []
    for _ in range(400):
        values = wander(dice, seconds, correlation)
        found.append(variance_of_sum(values - values.mean())[0])
        sums.append(values.sum())
    ratio = math.sqrt(float(np.mean(found)) / float(np.var(sums)))
    assert 0.85 < ratio < (1.15 if correlation >= 0 else 1.5)


def holds(estimate: Estimate, truth: float) -> bool:
    return estimate.low <= truth <= estimate.high


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    """Nine in ten, over means, shares and percentiles whose level wanders; at least 85 % here."""
    dice = np.random.default_rng(6)
    rounds = 150
    held = {"mean": 0, "share": 0, "p95": 0}
    pool = np.exp(0.1 * dice.normal(0, 1, 400_000) + 0.5 * dice.normal(0, 1, 400_000))
    truth = float(np.quantile(pool, 0.95))
    for _ in range(rounds):
        level = np.exp(0.1 * wander(dice, 90, 0.6))
        samples = [level[at] * np.exp(0.5 * dice.normal(0, 1, 80)) for at in range(90)]
        ones = np.ones(90)
        held["mean"] += holds(mean_of(np.log(level) * 10, ones), 0.0)
        chance = np.clip(0.05 * level, 0, 1)
        failed = dice.binomial(80, chance).astype(np.float64)
        held["share"] += holds(share_of(failed, 80 * ones), 0.05 * math.exp(0.005))
        held["p95"] += holds(percentile_of(spread_of(samples), 0.95), truth)
    assert {name: count / rounds >= 0.85 for name, count in held.items()} == dict.fromkeys(held, True), held


def spread_of(samples: list[np.ndarray[tuple[int], np.dtype[np.float64]]]) -> Spread:
    bins = [[bin_of(float(value)) for value in second] for second in samples]
    first = min(map(min, bins))
    table = np.zeros((len(bins), max(map(max, bins)) - first + 1), dtype=np.int32)
    for row, second in enumerate(bins):
        np.add.at(table[row], np.array(second) - first, 1)
    return Spread(table, first)


def test_nothing_is_known_of_nothing() -> None:
    none = np.zeros(3)
    assert math.isnan(mean_of(none, none).value)
    assert math.isnan(share_of(none, none).value)
    assert math.isnan(percentile_of(Spread(np.zeros((3, 0), dtype=np.int32), 0), 0.95).value)
    assert math.isnan(percentile_of(Spread(np.zeros((3, 4), dtype=np.int32), 0), 0.95).value)
