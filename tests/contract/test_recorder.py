"""Adding up: levels are integrated exactly, whatever the order of events and however late a second is closed."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.recorder import CohortTally, Recorder
from loadtests.results import Window

Life = tuple[float, float, float, float]
"""Seconds from 0 to joining, from there to starting, to stalling, to resuming (and to leaving, as long again)."""
lives = st.lists(st.tuples(*(st.integers(0, 2000).map(lambda number: number / 512) for _ in range(4))), max_size=12)


def events(lives: Iterable[Life]) -> list[tuple[float, int, str]]:
    """What happens to every life, in order of time."""
    told = []
    for join, wait, play, stall in lives:
        at = join
        for order, (span, what) in enumerate(
            [(0, "join"), (wait, "start"), (play, "stall"), (stall, "resume"), (play, "leave")]
        ):
            at += span
            told.append((at, order, what))
    return sorted(told)


def tell(tally: CohortTally, at: float, what: str, bitrate: float = 1024.0) -> None:
    match what:
        case "join":
            tally.joined(at)
        case "start":
            tally.started(at, 0.5, bitrate)
        case "stall":
            tally.stalled(at, bitrate)
        case "resume":
            tally.resumed(at, bitrate)
        case "leave":
            tally.left(at, "playing", bitrate)


def played(lives: Iterable[Life]) -> list[tuple[float, float]]:
    """Every stretch of play."""
    stretches = []
    for join, wait, play, stall in lives:
        begin = join + wait
        stretches += [(begin, begin + play), (begin + play + stall, begin + 2 * play + stall)]
    return stretches


def stalled(lives: Iterable[Life]) -> list[tuple[float, float]]:
    return [(join + wait + play, join + wait + play + stall) for join, wait, play, stall in lives]


def within(stretches: Iterable[tuple[float, float]], second: int) -> float:
    """How much of the stretches lies in one second."""
    return sum(max(0.0, min(end, second + 1) - max(begin, second)) for begin, end in stretches)


@given(lives)
def test_every_second_holds_exactly_what_was_lived_in_it(some: list[Life]) -> None:
    """Seconds are closed as soon as an event behind them is due, as the loop does."""
    recorder, windows = Recorder(), dict[int, Window]()
    tally = recorder.tally("id", "mobile")
    for at, _, what in events(some):
        windows |= {window.at: window for window in recorder.close_until(at)}
        tell(tally, at, what)
    windows |= {window.at: window for window in recorder.close_until(30)}
    for second in range(30):
        lived = windows[second].players if second in windows else None
        assert (lived.play_seconds if lived else 0) == pytest.approx(within(played(some), second), abs=1e-5)
        assert (lived.stall_seconds if lived else 0) == pytest.approx(within(stalled(some), second), abs=1e-5)
        assert (lived.bitrate_seconds if lived else 0) == pytest.approx(1024 * within(played(some), second), abs=1e-2)
        assert sum(lived.rungs.values() if lived else []) == pytest.approx(within(played(some), second), abs=1e-5)


@given(lives, st.integers(1, 5))
def test_closing_late_moves_no_time_out_of_the_second_it_was_lived_in_or_the_next(some: list[Life], late: int) -> None:
    """A turn of the loop reaches a little into the next second before the last is closed. Nothing is lost by it."""
    recorder, windows = Recorder(), list[Window]()
    tally = recorder.tally("id", "mobile")
    for number, (at, _, what) in enumerate(events(some)):
        tell(tally, at, what)
        if number % late == 0:
            windows += recorder.close_until(at)
    windows += recorder.close_until(60)
    assert sum(window.players.play_seconds for window in windows) == pytest.approx(within_all(played(some)), abs=1e-4)
    assert sum(window.players.stall_seconds for window in windows) == pytest.approx(within_all(stalled(some)), abs=1e-4)
    assert len({window.at for window in windows}) == len(windows)


def within_all(stretches: Iterable[tuple[float, float]]) -> float:
    return sum(end - begin for begin, end in stretches)


def test_an_event_just_behind_the_end_of_a_second_belongs_to_the_next() -> None:
    recorder = Recorder()
    tally = recorder.tally("id", "mobile")
    tally.joined(0.0)
    tally.started(0.5, 0.5, 100.0)
    tally.left(1.25, "playing", 100.0)
    first, second = recorder.close_until(2.0)
    assert (first.players.play_seconds, second.players.play_seconds) == (0.5, 0.25)
    assert (first.players.bitrate_seconds, second.players.bitrate_seconds) == (50.0, 25.0)
    assert (first.players.rungs, second.players.rungs) == ({100: 0.5}, {100: 0.25})


def test_what_a_viewer_lives_through_is_counted_where_it_belongs() -> None:
    recorder = Recorder()
    tally = recorder.tally("id", "mobile")
    tally.joined(0.0)
    tally.joined(0.1)
    tally.started(0.5, 0.5, 100.0)
    tally.switched(0.6, 100.0, 300.0)
    tally.live_latency(8.0)
    tally.skipped(2)
    tally.media_error("playlist", "stale")
    tally.gave_up("segment_failed")
    tally.abandoned("slow_start")
    tally.left(0.7, "playing", 300.0)
    tally.left(0.8, "waiting", 0.0)
    (window,) = recorder.close_until(1.0)
    seen = window.players
    assert (seen.joins, seen.starts, seen.leaves, seen.exits_before_start, seen.switches) == (2, 1, 2, 1, 1)
    assert (seen.skipped_segments, seen.failures, seen.viewers) == (2, {"segment_failed": 1}, 0)
    assert (seen.startup.count, seen.live_latency.count) == (1, 1)
    assert seen.bitrate_seconds == pytest.approx(0.1 * 100 + 0.1 * 300)
    assert seen.rungs == {100: 0.1, 300: 0.1}
    assert seen.abandonments == {"slow_start": 1}
    assert window.requests["playlist"].errors == {"stale": 1}
    assert window.requests["playlist"].count == 0


def test_a_viewer_who_only_watches_is_still_in_every_window() -> None:
    recorder = Recorder()
    tally = recorder.tally("id", "mobile")
    tally.joined(0.0)
    windows = list(recorder.close_until(3.0))
    assert [(window.at, window.players.viewers) for window in windows] == [(0, 1), (1, 1), (2, 1)]
    tally.left(3.5, "waiting", 0.0)
    assert [window.at for window in recorder.close_until(9.0)] == [3]
    assert recorder.viewers == 0


def test_a_cohort_that_comes_late_begins_with_its_own_second() -> None:
    recorder = Recorder()
    assert list(recorder.close_until(100.0)) == []
    tally = recorder.tally("in", "fixed")
    tally.joined(100.25)
    tally.started(100.5, 0.25, 10.0)
    (window,) = recorder.close_until(101.0)
    assert (window.at, window.players.play_seconds) == (100, 0.5)


def test_bit_rates_leave_no_rounding_error_behind() -> None:
    recorder = Recorder()
    tally = recorder.tally("id", "mobile")
    for number in range(1000):
        rate = 1e6 / (number + 3)
        tally.joined(0.0)
        tally.started(0.0, 0.0, rate)
        tally.switched(0.0, rate, rate * 1.1)
        tally.left(0.0, "playing", rate * 1.1)
    assert tally.bitrate == 0.0


def test_a_retry_is_counted_by_its_kind_in_the_second_in_which_it_is_sent() -> None:
    recorder = Recorder()
    tally = recorder.tally("id", "mobile")
    tally.retried("segment")
    (first,) = recorder.close_until(1.0)
    tally.retried("segment")
    tally.retried("playlist")
    (second,) = recorder.close_until(2.0)
    assert first.requests["segment"].retries == 1
    assert {kind: sums.retries for kind, sums in second.requests.items()} == {"segment": 1, "playlist": 1}
    both = first.model_copy(update={"at": 1}).merge(second)
    assert both.requests["segment"].retries == 2
