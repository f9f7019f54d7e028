from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.staging import clock

NOW = 1_800_000_000.0
instants = st.floats(clock.ORIGIN, clock.ORIGIN + 1e9)


@pytest.mark.parametrize(
    ("now", "last"),
    [
        (clock.ORIGIN + 1.999, -1),
        (clock.ORIGIN + 2.0, 0),
        (clock.ORIGIN + 3.999, 0),
        (clock.ORIGIN + 4.0, 1),
        (NOW, int(NOW - clock.ORIGIN) // 2 - 1),
    ],
    ids=["before the first ends", "at its end", "while the second is made", "at its end too", "years later"],
)
def test_a_segment_can_be_fetched_from_its_end_on(now: float, last: int) -> None:
    assert clock.newest(now) == last


@given(instants)
def test_the_newest_segment_is_complete_and_the_next_is_not(now: float) -> None:
    last = clock.newest(now)
    assert clock.starts_at(last) + clock.SEGMENT_SECONDS <= now < clock.starts_at(last + 1) + clock.SEGMENT_SECONDS


@given(instants)
def test_what_is_listed_is_available_and_ends_with_the_newest(now: float) -> None:
    window = clock.listed(now)
    assert len(window) <= clock.WINDOW
    assert all(clock.available(number, now) for number in window)
    assert not clock.available(clock.newest(now) + 1, now)


@given(instants)
def test_a_listed_segment_stays_for_the_time_that_rfc_8216_asks_after_it_left(now: float) -> None:
    """§6.2.2: its own duration and the longest playlist that held it."""
    for number in clock.listed(now):
        left_at = clock.starts_at(number) + (clock.WINDOW + 1) * clock.SEGMENT_SECONDS
        kept_until = left_at + (1 + clock.WINDOW) * clock.SEGMENT_SECONDS
        assert clock.available(number, kept_until - 0.001)


@given(instants, st.floats(0, 100))
def test_the_window_only_moves_forward(now: float, later: float) -> None:
    before, after = clock.listed(now), clock.listed(now + later)
    assert after.start >= before.start
    assert after.stop >= before.stop


def test_expired_and_negative_segments_are_gone() -> None:
    last = clock.newest(NOW)
    assert clock.available(last - clock.WINDOW - clock.GRACE + 1, NOW)
    assert not clock.available(last - clock.WINDOW - clock.GRACE, NOW)
    assert not clock.available(-1, clock.ORIGIN + 1.0)


def test_a_full_window_is_at_least_six_segments() -> None:
    assert len(clock.listed(NOW)) == clock.WINDOW >= 6


def test_program_date_time_is_utc_with_milliseconds() -> None:
    assert clock.program_date_time(0) == "2025-01-01T00:00:00.000Z"
    assert clock.program_date_time(43_200) == "2025-01-02T00:00:00.000Z"
