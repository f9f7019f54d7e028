"""Comparing with baselines: it neither cries wolf nor sleeps (``python -m benchmarks.gate`` draws more)."""

from __future__ import annotations

import math

import pytest

from advisor.gate.against import change
from advisor.gate.estimate import Estimate
from benchmarks.gate import NOISES, REGRESSION, counted
from loadtests.budgets import Baseline

USUAL = next(noise for noise in NOISES if noise.name == "usual")


def about(value: float, error: float) -> Estimate:
    return Estimate(value, value - 2 * error, value + 2 * error, 1000, error, 12.0)


@pytest.mark.slow
@pytest.mark.parametrize(("slower", "state", "least"), [(1.0, "PASS", 0.95), (REGRESSION, "FAIL", 0.90)])
def test_equal_runs_pass_and_a_fifth_slower_fails(slower: float, state: str, least: float) -> None:
    shares = counted(USUAL, pairs=40, baselines=1, slower=slower, seed=3)
    assert shares[state] >= least, shares
    assert slower > 1 or shares["FAIL"] == 0.0


def test_more_baselines_that_agree_are_surer() -> None:
    limit = Baseline(share=0.1)
    noise = [change(about(1.0, 0.01), [about(1.0, 0.01)] * k, limit, "<").noise for k in (1, 3, 10, 30)]
    assert noise == sorted(noise, reverse=True)


def test_baselines_that_disagree_are_less_sure_than_one() -> None:
    limit = Baseline(share=0.1)
    one = change(about(1.0, 0.01), [about(1.0, 0.01)], limit, "<").noise
    assert change(about(1.0, 0.01), [about(v, 0.01) for v in (0.7, 1.0, 1.3)], limit, "<").noise > one


def test_worse_is_more_for_below_and_less_for_above() -> None:
    limit = Baseline(share=0.1)
    assert change(about(1.2, 0.01), [about(1.0, 0.01)], limit, "<").worse == pytest.approx(0.2)
    assert change(about(0.8, 0.01), [about(1.0, 0.01)], limit, ">").worse == pytest.approx(0.2)


def test_the_larger_allowance_counts_and_nought_is_a_baseline_too() -> None:
    assert Baseline(share=0.1, amount=0.05).allowance(0.2) == 0.05
    assert Baseline(share=0.1, amount=0.05).allowance(2.0) == pytest.approx(0.2)
    found = change(about(0.0, 0.0), [about(0.0, 0.0)], Baseline(amount=0.005), "<")
    assert not found.is_much
    assert not found.is_blind
    assert not math.isnan(found.noise)
