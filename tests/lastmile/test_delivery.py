"""What a last mile delivers second by second: mean, variation, memory, outages, and the same however it is asked."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.lastmile import LastMile, deliver, log_memory

RATE = 8e6
LONG = 100_000


def seconds(mile: LastMile, count: int = LONG) -> npt.NDArray[np.float64]:
    delivery = deliver(mile)
    return np.array([delivery.rate(second) for second in range(count)])


@pytest.mark.parametrize(("variation", "memory"), [(0.6, 0.81), (0.66, 0.97), (0.78, 0.89), (1.2, 0.84), (0.2, 0.0)])
def test_seconds_have_the_mean_the_variation_and_the_memory_asked_for(variation: float, memory: float) -> None:
    """Averaged over several visits: with a memory of 0.97 a hundred thousand seconds are worth some 1500."""
    mean, spread, lagged = [], [], []
    for seed in range(5):
        found = seconds(LastMile(RATE, 0.05, variation=variation, memory=log_memory(variation, memory), seed=seed))
        mean.append(found.mean() / RATE)
        spread.append(found.std() / found.mean())
        lagged.append(np.corrcoef(found[:-1], found[1:])[0, 1])
    assert np.mean(mean) == pytest.approx(1.0, abs=0.03)
    assert np.mean(spread) == pytest.approx(variation, rel=0.06)
    assert np.mean(lagged) == pytest.approx(memory, abs=0.02)


def test_the_first_second_is_like_any_other() -> None:
    """A visit begins in the middle of its network's life: no warm-up, no common start."""
    first = np.array(
        [deliver(LastMile(RATE, 0.05, variation=0.6, memory=0.8, seed=seed)).rate(0) for seed in range(LONG)]
    )
    assert first.mean() / RATE == pytest.approx(1.0, abs=0.01)
    assert first.std() / first.mean() == pytest.approx(0.6, rel=0.03)


@pytest.mark.parametrize(("share", "length"), [(0.034, 3.0), (0.01, 1.0), (0.2, 10.0)])
def test_outages_have_the_share_and_the_length_asked_for(share: float, length: float) -> None:
    shares: list[float] = []
    lengths: list[int] = []
    for seed in range(5):
        found = seconds(LastMile(RATE, 0.05, variation=0.6, memory=0.8, outages=share, outage=length, seed=seed)) == 0
        shares.append(found.mean())
        lengths += [len(list(run)) for dead, run in groupby(found) if dead]
    visits = (LastMile(RATE, 0.05, outages=share, outage=length, seed=seed) for seed in range(10_000))
    starts = [deliver(mile).rate(0) == 0 for mile in visits]
    assert np.mean(shares) == pytest.approx(share, rel=0.06)
    assert np.mean(lengths) == pytest.approx(length, rel=0.06)
    assert np.mean(starts) == pytest.approx(share, rel=0.15)


def test_an_outage_takes_seconds_away_and_changes_no_other() -> None:
    whole = LastMile(RATE, 0.05, variation=0.6, memory=0.8, seed=5)
    plain, holed = seconds(whole, 3000), seconds(whole._replace(outages=0.1), 3000)
    assert set(holed[holed > 0]) <= set(plain)
    assert (holed == np.where(holed > 0, plain, 0)).all()


def test_without_variation_it_is_a_steady_pipe() -> None:
    assert set(seconds(LastMile(RATE, 0.05, seed=3), 100)) == {RATE}


@given(seed=st.integers(0, 2**64 - 1), asked=st.lists(st.integers(0, 300), min_size=1, max_size=40))
def test_seconds_left_out_change_nothing(seed: int, asked: list[int]) -> None:
    mile = LastMile(RATE, 0.05, 0.01, 0.6, 0.8, 0.2, 2.0, seed)
    every = seconds(mile, 301)
    delivery = deliver(mile)
    assert [delivery.rate(second) for second in sorted(asked)] == [every[second] for second in sorted(asked)]


def test_going_back_is_refused() -> None:
    delivery = deliver(LastMile(RATE, 0.05, seed=3, variation=0.5))
    assert delivery.rate(9) == delivery.rate(9)
    with pytest.raises(ValueError, match="second 8 was asked for after second 9"):
        delivery.rate(8)


def test_round_trips_are_the_least_one_and_a_delay_of_the_jitter_asked_for() -> None:
    delivery = deliver(LastMile(RATE, 0.05, 0.015, seed=11))
    trips = np.array([delivery.round_trip(request) for request in range(50_000)])
    assert trips.min() >= 0.05
    assert trips.std() == pytest.approx(0.015, rel=0.03)
    assert trips.mean() == pytest.approx(0.065, rel=0.01)
    assert delivery.round_trip(77) == trips[77]
    assert {deliver(LastMile(RATE, 0.05)).round_trip(request) for request in range(9)} == {0.05}


def test_two_viewers_share_nothing() -> None:
    ours, theirs = (seconds(LastMile(RATE, 0.05, variation=0.6, memory=0.5, seed=seed), 20_000) for seed in (1, 2))
    assert abs(np.corrcoef(ours, theirs)[0, 1]) < 0.03
