"""Whole visits in virtual time: when an HLS viewer asks for what, and what it reports. Rules: docs/viewer.md."""

from __future__ import annotations

import dataclasses

import pytest

from loadtests.session import Failed, Get, Got, LadderStep
from tests.viewer.driver import VIEWER, visit
from tests.viewer.origins import Live, got, only, stay

# Reloading (RFC 8216 §6.3.4)


def test_a_changed_playlist_is_reloaded_a_target_duration_after_the_last_load_began() -> None:
    """A slow answer does not delay the next reload: it is measured from the start of the load, not from its end."""
    story = stay(10, Live(delay=0.9))
    assert story.times("playlist") == [0.9, 2.9, 4.9, 6.9, 8.9]


def test_an_unchanged_playlist_is_reloaded_after_half_a_target_duration() -> None:
    story = stay(9, Live(length=4.0, target=2))
    assert story.times("playlist") == [0.1, 2.1, 3.1, 4.1, 6.1, 7.1, 8.1]


@pytest.mark.parametrize(
    ("length", "times", "sentence"),
    [
        (1.5, [0.1, 1.6, 3.1], "a last segment shorter than the target duration is what the next change takes"),
        (0.5, [0.1, 1.1, 2.1, 3.1], "but never less than half a target duration"),
        (2.5, [0.1, 2.1, 3.1], "a longer one does not stretch the wait"),
    ],
)
def test_the_last_segment_sets_the_pace(length: float, times: list[float], sentence: str) -> None:
    assert stay(4, Live(length=length, target=2, window=20)).times("playlist") == times, sentence


def test_a_load_slower_than_the_interval_is_followed_by_the_next_at_once() -> None:
    assert stay(10, Live(delay=3.0)).times("playlist") == [3.0, 6.0, 9.0]


def test_slow_segments_do_not_delay_reloads() -> None:
    story = stay(10, Live(segment_delay=30.0))
    assert story.times("playlist") == [0.1, 2.1, 4.1, 6.1, 8.1]
    assert len(story.times("segment")) == 1


# Choosing and fetching


@pytest.mark.parametrize(
    ("step", "name", "bitrate"), [("lowest", "low", 8e5), ("middle", "mid", 3e6), ("highest", "high", 5e6)]
)
def test_the_rendition_is_a_step_of_the_ladder(step: LadderStep, name: str, bitrate: float) -> None:
    story = stay(3, Live(), rendition=step)
    assert {get.url.split("/")[-2] for _, get in story.requests if get.kind != "master"} == {name}
    assert story.told("started")[0][3] == bitrate


def test_it_starts_three_target_durations_from_the_end_and_fetches_every_segment_once() -> None:
    story = stay(7, Live())
    assert story.urls("segment") == ["97.ts", "98.ts", "99.ts", "100.ts", "101.ts", "102.ts"]
    assert story.times("segment") == [0.2, 0.3, 0.4, 2.2, 4.2, 6.2]


def test_the_server_may_ask_for_another_distance() -> None:
    story = stay(3, Live(header="#EXT-X-SERVER-CONTROL:HOLD-BACK=8.0"))
    assert story.urls("segment")[0] == "96.ts"


def test_playback_begins_inside_a_segment_where_the_live_position_falls_there() -> None:
    """Target 4, segments of 3 s: 12 s from the end is the start of 96.ts; with 5 s of hold-back 1 s into 98.ts."""
    story = stay(3, Live(length=3.0, target=4, header="#EXT-X-SERVER-CONTROL:HOLD-BACK=5.0"))
    assert story.urls("segment")[0] == "98.ts"
    assert story.diary.latencies[0][1] == pytest.approx(5.0 + 0.1)  # the playlist is 0.1 s old by then
    dated = stay(3, Live(length=3.0, target=4, dates=True, header="#EXT-X-SERVER-CONTROL:HOLD-BACK=5.0"))
    assert dated.diary.latencies[0][1] == pytest.approx(5.0 + 0.3)


def test_a_short_window_is_played_from_its_start() -> None:
    assert stay(2, Live(window=2)).urls("segment") == ["98.ts", "99.ts"]


def test_a_media_playlist_may_be_given_directly() -> None:
    """Then the bit rate is what the first segment shows, and the first load counts as the first of the playlist."""
    live = Live()
    origin = dataclasses.replace(
        live, override=only("master", lambda get, at: got(get, at, 0.1, body=live.playlist(at).encode()))
    )
    story = stay(5, origin)
    assert (story.times("master"), story.times("playlist")) == ([0.0], [2.0, 4.0])
    assert story.told("started") == [("started", 0.2, 0.2, 800_000.0)]


def test_the_init_segment_is_fetched_once_for_each_map() -> None:
    live = Live(window=4, extra={n: f'#EXT-X-MAP:URI="init{n // 103}.mp4"' for n in range(90, 120)})
    story = stay(9, live)
    assert story.urls("init") == ["init0.mp4", "init1.mp4"]
    assert story.urls("init", "segment")[0] == "init0.mp4"
    assert story.urls("init", "segment")[-3:] == ["102.ts", "init1.mp4", "103.ts"]


def test_init_segments_are_remembered_across_an_advertisement() -> None:
    maps = {n: f'#EXT-X-MAP:URI="{"ad" if n in (100, 101) else "show"}.mp4"' for n in range(90, 120)}
    assert stay(12, Live(extra=maps)).urls("init") == ["show.mp4", "ad.mp4"]


def test_it_does_not_fetch_more_than_the_buffer_goal() -> None:
    """30 s ahead: the segment after the fifteenth waits until the buffer has fallen to 30 s."""
    story = stay(8, Live(window=60, header="#EXT-X-SERVER-CONTROL:HOLD-BACK=100.0"))
    assert story.times("segment")[:17] == [round(0.2 + 0.1 * n, 3) for n in range(16)] + [2.3]
    assert story.times("segment")[17:] == [4.3, 6.3]


# Playing


def test_start_up_ends_with_the_first_segment() -> None:
    story = stay(5, Live(delay=0.3, segment_delay=0.25), join_at=1.0)
    assert story.told("joined", "started") == [("joined", 1.0), ("started", 1.85, 0.85, 800_000.0)]


def test_a_stall_begins_when_the_buffer_is_dry_and_ends_with_the_next_segment() -> None:
    """97 to 99 play from 0.3 s to 6.3 s; 100 arrives at 9.0 s and lasts until 11.0 s; 101 comes at 9.1 s."""
    slow = only("segment", lambda get, at: got(get, at, 9.0 - at), part="/100.ts")
    story = stay(10, Live(override=slow))
    assert story.told() == [
        ("joined", 0.0),
        ("started", 0.3, 0.3, 800_000.0),
        ("stalled", 6.3, 800_000.0),
        ("resumed", 9.0, 800_000.0),
        ("left", 10.0, "playing", 800_000.0),
    ]
    assert story.diary.seconds["stalled"] == pytest.approx(2.7)


def test_a_late_wake_up_does_not_move_the_stall() -> None:
    """The generator is late by 0.5 s at every wake-up; the stall is still reported for the moment it began."""
    slow = only("segment", lambda get, at: got(get, at, 9.0 - at), part="/100.ts")
    story = visit(Live(override=slow), VIEWER._replace(leave_at=20.0), late=lambda: 0.5)
    started, stalled = (float(str(line[1])) for line in story.told("started", "stalled")[:2])
    assert stalled == pytest.approx(started + 6.0)


@pytest.mark.parametrize("dates", [True, False], ids=["by the wall clock", "by the live edge"])
def test_live_latency_grows_by_the_stall(dates: bool) -> None:
    slow = only("segment", lambda get, at: got(get, at, 9.0 - at), part="/100.ts")
    latencies = stay(20, Live(dates=dates, override=slow)).diary.latencies
    age = 0.2 if dates else 0.0  # without dates the playlist counts as fresh when it arrives
    assert latencies[0][1] == pytest.approx(6.1 + age)
    assert latencies[-1][1] == pytest.approx(6.1 + age + 2.7)


def test_live_latency_follows_a_jump_of_program_time_when_the_picture_gets_there() -> None:
    """From 105 on, dates are 5 s later than media time says: latency falls by 5 s when 105 is shown, not earlier."""
    live = Live(dates=True, extra={105: "#EXT-X-DISCONTINUITY"})

    def override(get: Get, at: float) -> Got | None:
        if get.kind != "playlist":
            return None
        text = live.playlist(at)
        for number in range(105, 130):
            second = (number - 100) * 2
            text = text.replace(f"22:13:{20 + second}+", f"22:13:{25 + second}+")
        return got(get, at, 0.1, body=text.encode())

    latencies = [(round(at, 1), round(value, 1)) for at, value in stay(19, Live(override=override)).diary.latencies]
    assert (12.3, 6.3) in latencies  # 105 is in, 102 is shown
    assert latencies[-1] == (18.3, 1.3)


def test_a_discontinuity_does_not_disturb_the_buffer() -> None:
    story = stay(12, Live(extra={101: "#EXT-X-DISCONTINUITY", 103: "#EXT-X-DISCONTINUITY"}))
    assert [line[0] for line in story.told()] == ["joined", "started", "left"]
    assert story.urls("segment")[-1] == "104.ts"


# The window slides, numbers change


def test_segments_that_left_the_window_are_counted_and_playback_jumps_to_the_live_edge() -> None:
    """100 takes until 20.15 s: the picture stands, the window is 103 to 108 and its live position the start of 106."""
    slow = only("segment", lambda get, at: got(get, at, 20.15 - at), part="/100.ts")
    story = stay(21, Live(override=slow))
    assert story.told("skipped") == [("skipped", 20.15, 6)]
    assert story.urls("segment")[3:] == ["100.ts", "106.ts", "107.ts", "108.ts", "109.ts"]


def test_an_origin_that_starts_anew_is_followed_from_its_live_edge() -> None:
    """From 7 s on another origin answers whose numbers begin at 10."""
    anew = Live(first=10)
    restart = only("playlist", anew, after=7.0)
    story = stay(12, Live(override=restart))
    assert story.urls("segment") == [f"{n}.ts" for n in (97, 98, 99, 100, 101, 102, 11, 12, 13, 14)]


def test_a_restart_while_a_segment_is_under_way_loses_what_the_old_origin_listed() -> None:
    """100 takes from 2.2 s to 9 s; 101 and 102 were listed when the numbers began anew at 8.1 s."""
    anew = Live(first=10, frozen=(9.0, 99.0))

    def origin(get: Get, at: float) -> Got | Failed | None:
        if get.kind == "playlist" and at >= 7:
            return anew(get, at)
        return got(get, at, 9.0 - at) if "/100.ts" in get.url else None

    story = stay(12, Live(override=origin))
    assert story.told("skipped") == [("skipped", 8.2, 3)]
    assert story.urls("segment")[3:] == ["100.ts", "11.ts", "12.ts", "13.ts"]


def test_numbers_far_ahead_are_a_new_numbering_not_a_gap() -> None:
    anew = Live(first=50_000)
    story = stay(12, Live(override=only("playlist", anew, after=7.0)))
    assert story.told("skipped") == []
    assert story.urls("segment")[6] == "50001.ts"


def test_an_older_copy_of_the_playlist_counts_as_unchanged() -> None:
    """Every reload between 4 s and 6 s comes from a cache that is 3 s behind."""
    live = Live()

    def behind(get: Get, at: float) -> Got | None:
        old = got(get, at, 0.1, body=live.playlist(at - 3.0).encode())
        return old if get.kind == "playlist" and 4 <= at < 6 else None

    story = stay(9, Live(override=behind))
    assert story.times("playlist") == [0.1, 2.1, 4.1, 5.1, 6.1, 8.1]
    assert story.urls("segment") == [f"{n}.ts" for n in range(97, 104)]


def test_a_copy_that_stays_behind_is_believed_once_the_playlist_is_stale() -> None:
    """From 3 s on all answers are 10 s behind; nothing newer than 100 came for 6 s after 2.2 s."""
    back = Live(first=95)
    story = stay(14, Live(override=only("playlist", back, after=3.0)))
    assert story.told("media_error") == [("media_error", 9.2, "playlist", "stale")]
    assert story.urls("segment")[3:] == ["100.ts", "96.ts", "97.ts", "98.ts", "99.ts", "100.ts"]


def test_a_playlist_that_stands_still_is_stale_once_per_episode() -> None:
    """It stands still from 2 s to 14 s: stale when more than 6 s passed since the change seen at 2.2 s."""
    story = stay(20, Live(frozen=(2.0, 14.0)))
    assert story.told("media_error") == [("media_error", 9.2, "playlist", "stale")]
    assert story.told("stalled", "resumed")[0] == ("stalled", 8.3, 800_000.0)


def test_standing_still_again_is_another_episode() -> None:
    again = Live(frozen=(20.0, 99.0))
    story = stay(40, Live(frozen=(2.0, 14.0), override=only("playlist", again, after=20.0)))
    assert [round(float(str(line[1]))) for line in story.told("media_error")] == [9, 27]


def test_a_stream_that_never_begins_is_stale_after_a_while_not_at_once() -> None:
    empty = b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n"
    origin = Live(override=only("playlist", lambda get, at: got(get, at, 0.25, body=empty)))
    story = stay(120, origin, join_at=100.0)
    assert [line[0] for line in story.told()] == ["joined", "media_error", "left"]
    assert 106.0 < float(str(story.told("media_error")[0][1])) < 108.0


# The end


def test_a_stream_that_ends_is_played_to_its_last_frame_and_is_no_failure() -> None:
    """Three segments at the start and 100 to 103: the buffer holds until 14.3 s."""
    story = stay(60, Live(ends=9.0))
    assert story.told() == [
        ("joined", 0.0),
        ("started", 0.3, 0.3, 800_000.0),
        ("left", 14.3, "playing", 800_000.0),
    ]
    assert story.times("playlist")[-1] == 10.1


def test_a_stream_that_ends_during_a_stall_ends_the_visit_at_once() -> None:
    """The playlist stands still from 4 s on and is closed at 30 s."""
    story = stay(60, Live(frozen=(4.0, 99.0), ends=30.0))
    assert story.told("stalled") == [("stalled", 10.3, 800_000.0)]
    assert story.told("gave_up", "left") == [("left", 30.2, "stalled", 0.0)]


def test_an_ended_playlist_without_segments_ends_the_visit() -> None:
    empty = b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXT-X-ENDLIST\n"
    story = stay(60, Live(override=only("playlist", lambda get, at: got(get, at, 0.1, body=empty))))
    assert story.told() == [("joined", 0.0), ("left", 0.2, "waiting", 0.0)]


def test_a_recording_is_played_from_its_start() -> None:
    story = stay(60, Live(ends=0.0))
    assert story.urls("segment")[0] == "94.ts"
    assert story.told("left") == [("left", 12.3, "playing", 800_000.0)]


def test_a_stream_without_segments_yet_is_asked_again_after_half_a_target_duration() -> None:
    empty = b"#EXTM3U\n#EXT-X-TARGETDURATION:2\n"
    early = only("playlist", lambda get, at: got(get, at, 0.1, body=empty))
    live = Live()
    story = stay(6, Live(override=lambda get, at: early(get, at) if at < 3 else live(get, at)))
    assert story.times("playlist") == [0.1, 1.1, 2.1, 3.1, 5.1]
    assert len(story.told("started")) == 1


@pytest.mark.parametrize("leave_at", [0.0, 0.05, 0.25, 0.3, 1.0, 6.2999, 7.0])
def test_a_viewer_may_leave_at_any_moment(leave_at: float) -> None:
    story = stay(leave_at, Live())
    state = "waiting" if leave_at <= 0.3 else "playing"
    assert story.told("left")[0][1:3] == (round(leave_at, 3), state)


def test_the_end_of_the_run_is_a_leave() -> None:
    assert visit(Live(), until=5.0).told("left") == [("left", 5.0, "playing", 800_000.0)]


def test_a_viewer_who_never_came_is_not_counted() -> None:
    story = visit(Live(), VIEWER._replace(join_at=1.0, leave_at=1.0), late=lambda: -2.0)
    assert (story.requests, story.told()) == ([], [])
