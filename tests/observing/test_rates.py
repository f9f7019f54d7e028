"""From counters to rates: resets, clocks, and figures that cannot be."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.rates import OVER, target_of
from loadtests.readings import Look, Reading
from loadtests.results import LINE, Target, text_of

EPOCH = 1_700_000_000.0
BEFORE = Reading(cpu_seconds=10.0, cores=2.0, sent_bytes=1000.0, requests_total=100.0, clock=EPOCH + 4.0)
NOW = replace(BEFORE, cpu_seconds=12.0, sent_bytes=251_000.0, requests_total=150.0, memory=5e8, clock=EPOCH + 6.0)


def line(before: Reading | None, now: Reading, *, delay: float = 0.01, at: float = 6.0) -> Target | None:
    first = None if before is None else Look(4.0, delay, before)
    return target_of("edge-1", "stage", first, Look(at, delay, now), EPOCH)


def test_rates_are_differences_over_the_time_between() -> None:
    told = line(BEFORE, NOW)
    assert told == Target(
        at=6.0,
        node="edge-1",
        source="stage",
        seconds=2.0,
        cpu=0.5,
        cores=2.0,
        sent=1e6,
        requests=25.0,
        memory=5e8,
        delay=0.01,
        clock_offset=0.0,
    )
    assert told is not None
    assert LINE.validate_json(text_of(told)) == told


def test_the_first_look_has_levels_and_no_rates() -> None:
    told = line(None, NOW)
    assert told is not None
    assert (told.cpu, told.sent, told.requests, told.seconds, told.memory) == (None, None, None, 0.0, 5e8)


def test_a_counter_that_went_down_says_nothing() -> None:
    told = line(BEFORE, replace(NOW, cpu_seconds=0.1, sent_bytes=0.0))
    assert told is not None
    assert (told.cpu, told.sent, told.requests) == (None, None, 25.0)


def test_the_nodes_own_clock_counts_while_it_agrees_with_ours() -> None:
    """An answer that was slow blurs our times by its delay, and not the node's."""
    slow = line(BEFORE, NOW, delay=1.0, at=6.4)
    assert slow is not None
    assert slow.seconds == 2.0
    jumped = line(BEFORE, replace(NOW, clock=EPOCH + 3600.0))
    assert jumped is not None
    assert (jumped.seconds, jumped.clock_offset) == (2.0, 3594.0)


def test_no_rate_over_next_to_no_time() -> None:
    told = line(BEFORE, NOW, at=4.1)
    assert told is not None
    assert told.requests is None


@pytest.mark.parametrize("share", [OVER + 0.01, 1e9, math.inf, math.nan])
def test_more_cpu_than_there_is_is_left_out(share: float) -> None:
    told = line(BEFORE, replace(NOW, cpu_seconds=10.0 + 4.0 * share))
    assert told is not None
    assert told.cpu is None


def test_nothing_told_is_no_line() -> None:
    assert line(BEFORE, Reading()) is None
    assert line(None, Reading(clock=EPOCH)) is None


numbers = st.none() | st.floats(allow_nan=True, allow_infinity=True)
readings = st.builds(Reading, **dict.fromkeys(Reading.__dataclass_fields__, numbers))


@given(readings, readings, st.floats(-10, 1e6), st.floats(0, 10))
def test_a_line_is_always_one_that_can_be_read_back(before: Reading, now: Reading, at: float, delay: float) -> None:
    told = target_of("edge-1", "stage", Look(at - 1.0, delay, before), Look(at, delay, now), EPOCH)
    if told is not None:
        assert LINE.validate_json(text_of(told)) == told
