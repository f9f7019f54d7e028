"""Buffer arithmetic: where to start, when it runs dry, how far behind live."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.playhead import Playhead, live_start
from loadtests.playlist import Media, Segment
from tests.viewer.driver import Diary


def playlist(*durations: float, target: float = 2.0, ended: bool = False) -> Media:
    segments = tuple(
        Segment(10 + n, f"http://h/{n}", duration, sum(durations[:n]), False, 0, None, None)
        for n, duration in enumerate(durations)
    )
    return Media(target, 10, segments, sum(durations), ended, False, None)


@pytest.mark.parametrize(
    ("media", "distance", "expected", "sentence"),
    [
        (playlist(*[2.0] * 6), 6.0, (13, 0.0), "three target durations from the end"),
        (playlist(*[1.92] * 6), 6.0, (13, 0.0), "0.24 s before a boundary counts as the boundary"),
        (playlist(*[1.5] * 6), 6.0, (12, 0.0), "shorter segments: more of them"),
        (playlist(*[5.0] * 6, target=5.0), 12.0, (13, 3.0), "inside a segment, 2 s before its end"),
        (playlist(2.0, 2.0), 6.0, (10, 0.0), "never before the first"),
        (playlist(*[2.0] * 6), 0.5, (15, 0.0), "never less than a target duration from the end"),
        (playlist(*[2.0] * 6, ended=True), 6.0, (10, 0.0), "a recording from its beginning"),
        (playlist(), 6.0, (10, 0.0), "nothing listed: what comes first"),
    ],
)
def test_where_playback_starts(media: Media, distance: float, expected: tuple[int, float], sentence: str) -> None:
    assert live_start(media, distance) == pytest.approx(expected), sentence


@given(st.lists(st.floats(0.01, 10.0), min_size=1, max_size=20), st.floats(0.1, 100.0))
def test_the_start_is_a_place_in_the_playlist(durations: list[float], distance: float) -> None:
    media = playlist(*durations)
    number, into = live_start(media, distance)
    segment = media.segments[number - 10]
    assert 0.0 <= into <= segment.duration + 1e-9
    left = media.duration - segment.offset - into
    assert left <= max(distance, 2.0) + 1e-9


class Clock:
    """A hand to turn."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def head(epoch: float = 1000.0) -> tuple[Playhead, Diary, Clock]:
    clock = Clock()
    diary = Diary(clock)
    playhead = Playhead(diary, epoch)
    playhead.bitrate = 1e6
    playhead.join(0.0)
    return playhead, diary, clock


def test_a_life_of_a_buffer() -> None:
    playhead, diary, clock = head()
    for clock.now, duration, moving, dry_at in [(1.5, 2.0, True, 3.5), (2.0, 2.0, False, 5.5), (7.0, 4.0, True, 11.0)]:
        assert playhead.add(duration, clock.now, None, None) is moving
        assert playhead.dry_at == dry_at
    assert playhead.buffered(8.0) == 3.0
    clock.now = 12.0
    playhead.leave(12.0)
    assert diary.lines == [
        ("joined", 0.0),
        ("started", 1.5, 1.5, 1e6),
        ("stalled", 5.5, 1e6),
        ("resumed", 7.0, 1e6),
        ("stalled", 11.0, 1e6),
        ("left", 12.0, "stalled", 0.0),
    ]


def test_a_segment_that_comes_at_the_last_moment_prevents_the_stall() -> None:
    playhead, diary, clock = head()
    playhead.add(2.0, 0.0, None, None)
    clock.now = 2.0
    playhead.add(2.0, 2.0, None, None)
    assert [line[0] for line in diary.lines] == ["joined", "started"]


def test_a_segment_without_duration_starts_nothing() -> None:
    playhead, _, _ = head()
    assert not playhead.add(0.0, 0.0, None, None)
    assert playhead.state == "waiting"


def test_a_clock_that_seems_ahead_of_live_is_zero_behind() -> None:
    playhead, diary, _ = head(epoch=1000.0)
    playhead.add(2.0, 0.0, 5000.0, None)
    assert diary.latencies == [(0.0, 0.0)]


def test_memory_does_not_grow_with_jumping_dates() -> None:
    playhead, _, _ = head()
    for number in range(1000):
        playhead.add(2.0, 0.0, number * 100.0, None)
    assert len(playhead.jumps) == 16
