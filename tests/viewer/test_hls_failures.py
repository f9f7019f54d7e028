"""What an HLS viewer does when answers are errors, nonsense or redirects: retry, pass over, give up, say so."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from loadtests.players.hls_js import HlsJs
from loadtests.protocols.hls import Hls
from loadtests.session import Failed, Get, Got
from tests.viewer.driver import URL, VIEWER, visit
from tests.viewer.origins import MASTER, Live, failed, got, only, status, stay


@pytest.mark.parametrize(
    ("kind", "answer", "times", "reason", "sentence"),
    [
        ("master", status(503), [0, 1.1], "master_failed", "one retry of the master playlist, after 1 s"),
        ("master", status(404), [0], "master_failed", "none where the server said that it is not there"),
        ("playlist", status(503), [0.1, 1.2, 3.3], "playlist_failed", "two of a playlist, after 1 and 2 s"),
        ("playlist", status(404), [0.1, 1.2, 3.3], "playlist_failed", "after a 404 too: no alternate to turn to"),
        (
            "playlist",
            lambda get, at: failed(get, at, 10.0, "timeout"),
            [0.1, 10.1, 20.1],
            "playlist_failed",
            "a time-out was wait enough: twice at once",
        ),
    ],
)
def test_playlists_are_retried_and_given_up(
    kind: str, answer: Callable[[Get, float], Got | Failed], times: list[float], reason: str, sentence: str
) -> None:
    story = stay(60, Live(override=only(kind, answer)))
    asked = story.times("master") if kind == "master" else story.times("playlist")
    assert asked == times, sentence
    assert story.told("gave_up", "left") == [
        ("gave_up", round(story.diary.last, 3), reason),
        ("left", round(story.diary.last, 3), "waiting", 0.0),
    ]


def test_the_last_segment_is_retried_after_1_2_4_8_8_8_seconds_and_then_given_up() -> None:
    """Nothing newer is listed, so there is nothing else to play: six retries, 0.1 s for each answer."""
    origin = Live(frozen=(0.0, 99.0), override=only("segment", status(500), part="/99.ts"))
    story = visit(origin, VIEWER._replace(leave_at=90.0), protocol=Hls(stale_after=100))
    assert story.times("segment", "/99.ts") == [0.4, 1.5, 3.6, 7.7, 15.8, 23.9, 32.0]
    assert [(round(at, 3), kind) for at, kind in story.diary.retries] == [
        (at, "segment") for at in (1.5, 3.6, 7.7, 15.8, 23.9, 32.0)
    ]
    assert story.told("gave_up", "left") == [("gave_up", 32.1, "segment_failed"), ("left", 32.1, "stalled", 0.0)]


def test_a_segment_out_of_retries_is_a_gap_when_newer_ones_are_listed() -> None:
    story = stay(33, Live(window=40, override=only("segment", status(500), part="/99.ts")))
    assert story.told("skipped", "gave_up") == [("skipped", 32.1, 1)]
    assert story.urls("segment")[9:11] == ["100.ts", "101.ts"]


def test_two_lanes_that_give_up_at_once_say_so_once() -> None:
    """The playlist and the init segment both fail at 5 s, and this player tries nothing twice."""
    player = HlsJs(segment_error_retries=0, playlist_error_retries=0)
    origin = Live(
        header='#EXT-X-MAP:URI="i.mp4"',
        override=lambda get, at: failed(get, at, 5.0 - at) if get.kind == "init" or at > 2 else None,
    )
    story = visit(origin, player=player)
    assert story.told("gave_up") == [("gave_up", 5.0, "init_failed")]


def test_a_segment_that_leaves_the_window_between_retries_is_passed_over() -> None:
    story = stay(20, Live(override=only("segment", status(500), part="/99.ts")))
    assert story.times("segment", "/99.ts") == [0.4, 1.5, 3.6, 7.7]
    assert ("skipped", 15.8, 5) in story.told("skipped")


def test_a_segment_refused_with_4xx_is_a_gap_when_newer_ones_are_listed() -> None:
    story = stay(5, Live(override=only("segment", status(404), part="/98.ts")))
    assert story.times("segment", "/98.ts") == [0.3]
    assert story.told("skipped") == [("skipped", 0.4, 1)]
    assert story.urls("segment")[:3] == ["97.ts", "98.ts", "99.ts"]


def test_the_newest_segment_is_asked_again_after_a_4xx() -> None:
    """A playlist is often a moment ahead of its newest segment; hls.js tries that one again."""
    early = Live(override=lambda get, at: got(get, at, 0.1, 404) if "/100.ts" in get.url and at < 3 else None)
    story = stay(6, early)
    assert story.times("segment", "/100.ts") == [2.2, 3.3]
    assert story.told("skipped") == []


def test_retries_count_anew_after_a_success() -> None:
    flaky = only("segment", status(500), part="/99.ts")
    origin = Live(
        window=40,
        override=lambda get, at: flaky(get, at) if at < 2 else only("segment", status(500), "/103.ts")(get, at),
    )
    story = stay(16, origin)
    assert story.times("segment", "/99.ts") == [0.4, 1.5, 3.6]
    assert story.times("segment", "/103.ts")[:3] == [8.2, 9.3, 11.4]


def test_init_segments_are_retried_like_segments() -> None:
    origin = Live(header='#EXT-X-MAP:URI="init.mp4"', override=only("init", status(500)))
    story = stay(60, origin)
    assert story.times("init") == [0.2, 1.3, 3.4, 7.5, 15.6, 23.7, 31.8]
    assert story.told("gave_up") == [("gave_up", 31.9, "init_failed")]


@pytest.mark.parametrize("body", [b"", b"<html>Please log in</html>", b"\xff\xfe\x00", MASTER.encode()])
def test_a_playlist_that_is_none_is_a_protocol_error_and_retried(body: bytes) -> None:
    story = stay(20, Live(override=only("playlist", lambda get, at: got(get, at, 0.1, body=body))))
    assert story.told("media_error") == [("media_error", at, "playlist", "protocol") for at in (0.2, 1.3, 3.4)]
    assert story.told("gave_up") == [("gave_up", 3.4, "playlist_failed")]


def test_an_empty_segment_is_a_protocol_error_and_retried() -> None:
    empty = only("segment", lambda get, at: got(get, at, 0.1, body=0), part="/97.ts")
    story = stay(3, Live(override=empty))
    assert story.times("segment", "/97.ts") == [0.2, 1.3]
    assert story.told("media_error")[0] == ("media_error", 0.3, "segment", "protocol")


# Redirects


def test_redirects_are_followed_and_relative_addresses_start_from_where_they_lead() -> None:
    moved = only("master", lambda get, at: got(get, at, 0.1, 302, location="//edge7.test/x/m.m3u8"), part="live.test")
    story = stay(3, Live(override=moved))
    assert [get.url for _, get in story.requests][:3] == [
        URL,
        "https://edge7.test/x/m.m3u8",
        "https://edge7.test/x/low/index.m3u8",
    ]


def test_a_variant_is_reloaded_from_its_own_address_as_hls_js_does() -> None:
    """So a redirecting balancer sees every reload; the time between reloads counts from the first hop."""
    moved = only("playlist", status(307, "https://edge7.test/x.m3u8"), part="live.test")
    story = stay(5, Live(override=moved))
    assert story.times("playlist", "live.test") == [0.1, 2.1, 4.1]
    assert story.times("playlist", "edge7.test") == [0.2, 2.2, 4.2]
    assert story.requests[3][1].url == "https://edge7.test/97.ts"


def test_a_media_playlist_given_directly_is_reloaded_from_where_the_redirect_led() -> None:
    live = Live()

    def balancer(get: Get, at: float) -> Got | None:
        if get.kind != "master":
            return None
        if "live.test" in get.url:
            return got(get, at, 0.1, 302, location="https://edge7.test/x.m3u8")
        return got(get, at, 0.1, body=live.playlist(at).encode())

    story = stay(5, Live(override=balancer))
    assert (story.times("playlist", "live.test"), story.times("playlist", "edge7.test")) == ([], [2.0, 4.0])


@pytest.mark.parametrize(
    ("location", "hops", "sentence"),
    [
        ("/again", 6, "five hops, then it is a circle"),
        ("file:///etc/passwd", 1, "http and https only"),
        ("http://live.test/x", 1, "not from https to http"),
        ("", 1, "a redirect says where to"),
        ("https://[::1", 1, "a broken address"),
    ],
)
def test_redirects_that_lead_nowhere_are_errors(location: str, hops: int, sentence: str) -> None:
    story = stay(5, Live(override=only("master", status(302, location))))
    assert len(story.times("master")) == 2 * hops, sentence
    assert [line[2:] for line in story.told("media_error")] == [("master", "redirect")] * 2
    assert story.told("gave_up")[0][2] == "master_failed"


def test_time_outs_and_limits_come_from_the_player() -> None:
    story = stay(1, Live(header='#EXT-X-MAP:URI="i.mp4"'))
    asked = {get.kind: (get.read, get.limit, get.timeout, get.first_byte_timeout) for _, get in story.requests}
    assert asked == {
        "master": (True, 2**20, 20.0, math.inf),
        "playlist": (True, 2**20, 20.0, 10.0),
        "init": (False, 2**26, 120.0, 10.0),
        "segment": (False, 2**26, 120.0, 10.0),
    }
