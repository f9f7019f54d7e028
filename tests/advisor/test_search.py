"""The search for the breaking point: raise, bisect, confirm, stop; on targets whose limit is known."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from advisor.search import Attempt, Bounds, Found, Outcome, next_level

BOUNDS = Bounds(first=100, top=10_000, runs=100)


def searched(limit: float, bounds: Bounds = BOUNDS, noise: float = 0.0, seed: int = 1) -> tuple[list[Attempt], Found]:
    """The whole search on a target that breaks above ``limit``, give or take."""
    dice = Random(seed)
    history: list[Attempt] = []
    while not isinstance(level := next_level(history, bounds), Found):
        assert bounds.least <= level <= bounds.top
        breaks = level > limit * (1 + dice.gauss(0, noise))
        history.append(Attempt(level, "broke" if breaks else "held"))
    return history, level


def test_it_doubles_bisects_and_confirms() -> None:
    history, found = searched(550)
    assert [one.level for one in history] == [100, 200, 400, 800, 600, 500, 550, 550]
    assert [one.outcome for one in history][-2:] == ["held", "held"]
    assert found == Found(state="found", held=550, broke=600, confirmed=2)


@given(st.integers(10, 9_999), st.integers(10, 10_000), st.floats(0.01, 0.5))
def test_any_limit_is_found_within_the_resolution(limit: int, first: int, resolution: float) -> None:
    bounds = Bounds(first=first, top=10_000, resolution=resolution, runs=100)
    history, found = searched(limit, bounds)
    assert found.state == "found"
    assert found.broke is not None
    assert found.held <= limit < found.broke
    assert found.broke <= found.held + max(1, int(found.held * resolution))
    assert len(history) <= 25


def test_what_never_breaks_is_said_so_after_a_second_look() -> None:
    history, found = searched(1e9)
    assert found == Found(state="unbroken", held=10_000, broke=None, confirmed=2)
    assert len(history) == 9


def test_what_never_holds_is_said_so() -> None:
    _, found = searched(5)
    assert (found.state, found.held, found.broke) == ("nothing_holds", 0, 10)


def test_a_level_that_breaks_the_second_time_was_luck() -> None:
    history: list[Attempt] = [Attempt(100, "held"), Attempt(200, "broke"), Attempt(150, "held"), Attempt(175, "broke")]
    history += [Attempt(162, "held")]
    assert next_level(history, BOUNDS) == 162
    history += [Attempt(162, "broke")]
    assert next_level(history, BOUNDS) == 150
    history += [Attempt(150, "held")]
    assert next_level(history, BOUNDS) == Found(state="found", held=150, broke=162, confirmed=2)


@pytest.mark.parametrize("seed", range(20))
def test_a_limit_that_wavers_is_found_near_where_it_is(seed: int) -> None:
    _, found = searched(550, noise=0.05, seed=seed)
    assert found.state == "found"
    assert 420 <= found.held <= 620


def test_what_cannot_be_told_is_tried_again_then_taken_for_broken() -> None:
    once: list[Attempt] = [Attempt(100, "held"), Attempt(200, "unclear")]
    assert next_level(once, BOUNDS) == 200
    assert next_level([*once, Attempt(200, "held")], BOUNDS) == 400
    assert next_level([*once, Attempt(200, "unclear")], BOUNDS) == 150
    held_once: list[Attempt] = [Attempt(100, "held"), Attempt(109, "broke")]
    held_once += [Attempt(100, "unclear"), Attempt(100, "unclear")]
    assert next_level(held_once, BOUNDS) == 50


def test_too_few_viewers_for_a_verdict_make_it_go_up() -> None:
    few: list[Attempt] = [Attempt(100, "few")]
    assert next_level(few, BOUNDS) == 200
    assert next_level([*few, Attempt(200, "held")], BOUNDS) == 400
    assert next_level([*few, Attempt(200, "broke")], BOUNDS) == 150
    between: list[Attempt] = [*few, Attempt(200, "broke"), Attempt(108, "broke")]
    assert next_level(between, BOUNDS) == Found(state="unfinished", held=0, broke=108, confirmed=0)
    top: list[Attempt] = [Attempt(BOUNDS.top, "few")]
    assert next_level(top, BOUNDS) == Found(state="unfinished", held=0, broke=None, confirmed=0)


def test_a_spent_generator_ends_it_at_once() -> None:
    outcome: Outcome = "generator"
    found = next_level([Attempt(100, "held"), Attempt(200, outcome)], BOUNDS)
    assert found == Found(state="generator", held=100, broke=None, confirmed=1)


def test_it_ends_when_the_runs_are_spent() -> None:
    bounds = BOUNDS.model_copy(update={"runs": 4})
    history, found = searched(550, bounds)
    assert len(history) == 4
    assert found == Found(state="unfinished", held=400, broke=800, confirmed=1)


@pytest.mark.parametrize(
    "change", [{"first": 0}, {"factor": 1.0}, {"resolution": 0}, {"runs": 0}, {"confirmations": 0}]
)
def test_bounds_that_would_never_end_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Bounds.model_validate({"first": 1, "top": 2} | change)
