"""Explanations compete on load steps that they never saw, and the one that made the data wins."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from advisor.capacities.explanations import Blocks, compete, explain, held_out
from advisor.measured.levels import Level, levels
from advisor.measured.seconds import Second
from advisor.models.bandwidth import Bandwidth
from tests.advisor.made import at, measured

LIMIT = 100e6
MODEL = Bandwidth()


def made(delivered: Callable[[float], float], noise: float = 0.01, most: int = 500) -> tuple[Level, ...]:
    """A staircase of 25-second steps: each viewer asks for 0.4 Mbit/s."""
    rng = np.random.default_rng(8)
    seconds: list[Second] = []
    for viewers in range(50, most + 1, 50):
        for _ in range(25):
            asked = 0.4e6 * viewers
            rate = delivered(asked) * float(1 + noise * rng.normal())
            broken = ("segment_p95",) if asked > LIMIT else ()
            seconds.append(at(len(seconds), viewers, wire_bits=rate, broken=broken, joins=0))
    return levels(measured(seconds))


def cliff(asked: float) -> float:
    return min(asked, LIMIT)


def bend(asked: float) -> float:
    return float(asked / (1 + (asked / LIMIT) ** 4) ** 0.25)


def collapse(asked: float) -> float:
    return float(min(asked, LIMIT * (LIMIT / asked) ** 0.5))


@pytest.mark.parametrize(("name", "truth"), [("cliff", cliff), ("bend", bend), ("collapse", collapse)])
def test_the_explanation_that_made_the_data_wins(name: str, truth: Callable[[float], float]) -> None:
    contest, close = compete(made(truth), MODEL.rate, MODEL.is_broken)
    assert contest is not None
    assert contest.winner == name, contest
    assert contest.error < 0.05
    assert contest.wrong == 0
    assert contest.blocks >= 10
    assert name in {one.name for one in close}
    assert min(contest.rivals.values()) == contest.rivals[name]


def test_where_nothing_runs_out_nothing_is_said_to() -> None:
    contest, close = compete(made(lambda asked: asked, most=200), MODEL.rate, MODEL.is_broken)
    assert contest is not None
    assert contest.winner == "proportional"
    assert [one.name for one in close] == ["proportional"]


def test_the_limit_is_found_and_breaking_foretold() -> None:
    _, close = compete(made(cliff), MODEL.rate, MODEL.is_broken)
    found = next(one for one in close if one.name == "cliff")
    assert found.limit == pytest.approx(LIMIT, rel=0.02)
    assert found.viewer == pytest.approx(0.4e6, rel=0.02)


def test_only_whole_steps_from_the_top_are_held_out_and_enough_is_left() -> None:
    steps = made(cliff)
    count = held_out(steps)
    assert 1 <= count < len(steps)
    assert sum(step.blocks for step in steps[-count:]) <= sum(step.blocks for step in steps) / 3
    assert held_out(steps[:1]) == 0


def test_with_too_little_to_fit_to_nothing_competes() -> None:
    nothing = Blocks(*(np.array([1.0, 2.0]),) * 3, broken=np.array([True, True]))
    assert explain(nothing) == ()
    one = levels(measured([at(time, 50, wire_bits=1e6) for time in range(10)]))
    assert compete(one, MODEL.rate, MODEL.is_broken)[0] is None
