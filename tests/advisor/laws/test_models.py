"""Laws of all capacity models: deterministic, in proportion, monotone, and an answer for whatever a run may hold."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from advisor.capacities.capacity import Capacities, capacities, models
from advisor.measured.measure import Measurement
from advisor.measured.seconds import Budget, Second
from advisor.models import Capacity, Excuse
from loadtests.shapes import PhaseName
from tests.advisor.made import at, measured

SLACK = 1.03
"""Capacities are compared up to the 2 % below which none is known, and the noise of the made-up seconds."""

limits = st.floats(0.4, 2.0)
"""What the target carries, as a share of what the peak asks for."""
seeds = st.integers(0, 10_000)


def crowd(time: int) -> float:
    """Quiet, a ramp, a hold."""
    return 50.0 + 450.0 * min(1.0, max(0.0, (time - 20) / 30))


def fluid(limit: float, seed: int, *, budget: float = 1.0, scale: float = 1.0) -> Measurement:
    """Processor sharing with 2 % noise: in time up to the limit, then late by what is asked too much."""
    rng = np.random.default_rng(seed)
    seconds = []
    for time in range(100):
        viewers = crowd(time)
        asked = viewers * 1e5 * float(1 + 0.02 * rng.normal())
        carried = limit * 500 * 1e5
        late = 0.2 + 4 * max(0.0, asked / carried - 1.0)
        rate = scale * min(asked, carried)
        phase: PhaseName = "baseline" if time < 20 else "ramp" if time < 50 else "peak"
        broken = ("segment_p95",) if late > budget else ()
        values: dict[str, Any] = {"wire_bits": rate, "body_bits": rate, "broken": broken, "times": (late / 4, late)}
        seconds.append(at(time, viewers, phase=phase, served=round(rate / 1e3), **values))
    return measured(seconds, f"fluid-{seed}", segment_p95=budget)


def bandwidth(measurement: Measurement) -> Capacity:
    found = capacities(measurement).of("bandwidth")
    assert found is not None
    return found


@given(limits, seeds)
@settings(max_examples=20, deadline=None)
def test_the_same_run_gives_the_same_capacities(limit: float, seed: int) -> None:
    assert capacities(fluid(limit, seed)) == capacities(fluid(limit, seed))


@given(limits, seeds, st.floats(0.01, 1000))
@settings(max_examples=20, deadline=None)
def test_capacity_is_in_proportion_to_the_rates(limit: float, seed: int, scale: float) -> None:
    one, other = bandwidth(fluid(limit, seed)), bandwidth(fluid(limit, seed, scale=scale))
    assert one.saturated == other.saturated
    for end in ("low", "mid", "high"):
        assert getattr(other.per_node, end) == pytest.approx(scale * getattr(one.per_node, end), rel=1e-6)


@given(limits, limits, seeds)
@settings(max_examples=40, deadline=None)
def test_a_better_node_never_carries_less(one: float, other: float, seed: int) -> None:
    worse, better = bandwidth(fluid(min(one, other), seed)), bandwidth(fluid(max(one, other), seed))
    assert worse.per_node.mid <= SLACK * better.per_node.mid


@given(limits, seeds, st.floats(0.25, 3.0), st.floats(0.25, 3.0))
@settings(max_examples=40, deadline=None)
def test_a_tighter_budget_never_gives_more_capacity(limit: float, seed: int, one: float, other: float) -> None:
    tight, loose = (bandwidth(fluid(limit, seed, budget=budget)) for budget in sorted([one, other]))
    assert tight.per_node.mid <= SLACK * loose.per_node.mid


@given(limits, seeds)
@settings(max_examples=20, deadline=None)
def test_what_is_only_at_least_never_binds_and_a_limit_does(limit: float, seed: int) -> None:
    found = capacities(fluid(limit, seed))
    assert (found.binding.model is None) == (not found.saturated)
    if found.binding.model and found.binding.sure:
        assert [one.model for one in found.saturated] == [found.binding.model]


counts = st.integers(0, 10**6)
amounts = st.floats(0, 1e12)
shares = st.floats(0, 1)


@st.composite
def anything(draw: st.DrawFn) -> list[Second]:
    """Few seconds or many, in order, with gaps, of any phase, idle or broken all through."""
    steps = draw(st.lists(st.integers(1, 3), min_size=0, max_size=40))
    kind = draw(st.sampled_from(["any", "idle", "broken", "even"]))
    even = draw(counts)
    seconds, time = [], 0
    for step in steps:
        time += step
        values: dict[str, Any] = {
            name: draw(counts) if kind == "any" else even for name in ("joins", "starts", "served", "failed")
        }
        values |= {name: draw(counts) if kind == "any" else 0 for name in ("unreached", "reset", "unstarted")}
        values |= {name: draw(counts) if kind == "any" else 0 for name in ("messages_sent", "messages_delivered")}
        if kind == "idle":
            values = dict.fromkeys(values, 0)
        broken = st.lists(st.sampled_from(get_args(Budget)), unique=True, max_size=3).map(tuple)
        late = draw(st.one_of(st.none(), st.tuples(st.floats(1e-9, 1e3), st.floats(1e-9, 1e3))))
        found: dict[str, Any] = {
            "wire_bits": 0.0 if kind == "idle" else draw(amounts),
            "broken": get_args(Budget) if kind == "broken" else draw(broken),
            "bitrate": draw(st.one_of(st.none(), amounts)),
            "message_delay": draw(st.one_of(st.none(), st.floats(0, 1e3))),
            "quality_lost": draw(shares),
            "times": late,
        }
        phase = draw(st.sampled_from(get_args(PhaseName)))
        viewers = 0 if kind == "idle" else even if kind == "even" else draw(counts)
        seconds.append(at(time, viewers, phase=phase, **found, **values))
    return seconds


def numbers(value: object) -> Iterator[float]:
    match value:
        case dict():
            for one in value.values():
                yield from numbers(one)
        case list() | tuple():
            for one in value:
                yield from numbers(one)
        case float() | int():
            yield float(value)


@given(anything())
@settings(max_examples=150, deadline=None)
def test_every_model_answers_whatever_a_run_holds(seconds: list[Second]) -> None:
    measurement = measured(seconds)
    for model in models():
        answer = model.fit(measurement)
        assert isinstance(answer, Capacity | Excuse)
        assert all(math.isfinite(one) for one in numbers(answer.model_dump()))
        if isinstance(answer, Capacity):
            assert answer.per_node.low >= 0
            assert answer.unit == model.unit
    found = capacities(measurement)
    assert len(found.found) + len(found.excuses) == len(models())
    assert Capacities.model_validate_json(found.model_dump_json()) == found
