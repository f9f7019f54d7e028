"""Blocks never bridge a gap, and the bootstrap holds the truth about as often as it says."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.blocks import BLOCK, block_means, level, seed_of, stretches


@given(st.sets(st.integers(0, 60), min_size=1))
def test_stretches_tile_the_seconds_and_are_whole(seconds: set[int]) -> None:
    times = sorted(seconds)
    parts = [[times[index] for index in part] for part in stretches(times)]
    assert [second for part in parts for second in part] == times
    assert all(part == list(range(part[0], part[-1] + 1)) for part in parts)
    assert all(before[-1] + 1 < after[0] for before, after in pairwise(parts))


def test_a_block_does_not_bridge_a_gap() -> None:
    times = [0, 1, 2, 3, 4, 10, 11, 12, 13, 14]
    assert list(block_means(times, [1.0] * 5 + [3.0] * 5)) == pytest.approx([1, 3])


def test_nothing_is_known_without_a_whole_block() -> None:
    assert level([0, 1, 2, 3], [1.0] * 4, 1) is None


def test_a_constant_rate_is_known_exactly_or_as_well_as_is_allowed() -> None:
    found = level(range(20), [8.0] * 20, 1)
    assert found
    assert (found.low, found.mid, found.high, found.samples) == pytest.approx((8, 8, 8, 20))
    wider = level(range(20), [8.0] * 20, 1, least=0.02)
    assert wider
    assert (wider.low, wider.high) == pytest.approx((7.84, 8.16))


def test_single_odd_seconds_do_not_move_the_level() -> None:
    rates = [100.0] * 40
    rates[17] = 1000.0
    found = level(range(40), rates, 1)
    assert found
    assert found.mid == 100


def _autocorrelated(rng: np.random.Generator, seconds: int) -> list[float]:
    value, values = 0.0, []
    for _ in range(seconds):
        value = 0.5 * value + float(rng.normal())
        values.append(100 + 5 * value)
    return values


def test_covers_the_truth_of_an_autocorrelated_series_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(20261205)
    found = [level(range(60), _autocorrelated(rng, 60), number) for number in range(200)]
    covered = sum(bool(one and one.low <= 100 <= one.high) for one in found)
    assert 0.78 <= covered / 200 <= 0.99


def test_a_seed_is_of_the_text_alone() -> None:
    assert seed_of("run") == seed_of("run") != seed_of("nur")
    assert BLOCK == 5
