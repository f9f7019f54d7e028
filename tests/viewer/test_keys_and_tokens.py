"""Encrypted streams and addresses with a token: which keys are fetched when, and how an expired token is renewed."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from loadtests.players import Player
from loadtests.players.dash_js import DashJs
from loadtests.players.hls_js import HlsJs
from loadtests.players.shaka import Shaka
from loadtests.playlist import Media, parse
from loadtests.protocols.hls import Hls
from loadtests.session import Failed, Get, Got
from tests.viewer.driver import VIEWER, Story, visit
from tests.viewer.origins import MASTER, Live, got, only, status, stay

KEY = '#EXT-X-KEY:METHOD=AES-128,URI="keys/{}.key"'


def rotating(at: int) -> Live:
    """The first key up to a segment, the second one from there on."""
    return Live(extra={n: KEY.format(1 if n < at else 2) for n in range(90, 200)})


def keys_of(*lines: str) -> list[str | None]:
    text = "\n".join(["#EXTM3U", "#EXT-X-TARGETDURATION:2", *lines])
    media = parse(text, "https://a.test/x/i.m3u8")
    assert isinstance(media, Media)
    return [segment.key_url for segment in media.segments]


def test_a_key_holds_until_the_next_one() -> None:
    assert keys_of(
        "#EXTINF:2,",
        "0.ts",
        '#EXT-X-KEY:METHOD=AES-128,URI="k?1"',
        "#EXTINF:2,",
        "1.ts",
        "#EXTINF:2,",
        "2.ts",
        '#EXT-X-KEY:METHOD=AES-128,URI="https://b.test/k2",IV=0x1',
        "#EXTINF:2,",
        "3.ts",
        "#EXT-X-KEY:METHOD=NONE",
        "#EXTINF:2,",
        "4.ts",
    ) == [None, "https://a.test/x/k?1", "https://a.test/x/k?1", "https://b.test/k2", None]


@pytest.mark.parametrize(
    "line",
    [
        '#EXT-X-KEY:METHOD=SAMPLE-AES,URI="skd://drm",KEYFORMAT="com.apple.streamingkeydelivery"',
        '#EXT-X-KEY:METHOD=AES-128,URI="https://drm.test/",KEYFORMAT="com.widevine"',
        '#EXT-X-KEY:METHOD=AES-128,URI="data:text/plain;base64,AAAA"',
    ],
)
def test_keys_of_drm_systems_and_keys_that_stand_in_the_playlist_are_not_fetched(line: str) -> None:
    assert keys_of(line, "#EXTINF:2,", "0.ts") == [None]


@pytest.mark.parametrize("line", ["#EXT-X-KEY:METHOD=AES-128", '#EXT-X-KEY:METHOD=AES-128,URI="file:///etc/passwd"'])
def test_a_key_without_an_address_that_can_be_fetched_is_no_playlist(line: str) -> None:
    with pytest.raises(ValueError, match="line 3"):
        keys_of(line, "#EXTINF:2,", "0.ts")


def test_a_key_is_fetched_once_before_its_first_segment() -> None:
    story = stay(9, rotating(102))
    assert story.urls("key") == ["1.key", "2.key"]
    asked = story.urls("key", "segment")
    assert asked[:2] == ["1.key", "97.ts"]
    assert asked[asked.index("2.key") + 1] == "102.ts"


def test_keys_are_remembered_across_an_advertisement() -> None:
    live = Live(extra={n: KEY.format("ad" if n in (100, 101) else "show") for n in range(90, 200)})
    assert stay(12, live).urls("key") == ["show.key", "ad.key"]


def test_a_rotation_makes_everybody_fetch_the_new_key_within_a_reload() -> None:
    """Forty viewers who came over 8 s; segment 110, the first with the new key, is listed at 22 s."""
    fetched = [stay(30, rotating(110), join_at=0.2 * number).times("key", "2.key") for number in range(40)]
    assert all(len(times) == 1 for times in fetched)
    assert all(22.0 <= times[0] <= 24.2 for times in fetched)


def test_a_key_that_is_refused_costs_the_segment_where_newer_ones_are_listed() -> None:
    """base-stream-controller.ts treats it as a gap; the next segment asks for the key again."""
    live = Live(override=only("key", status(403)), extra={n: KEY.format(1) for n in range(90, 200)})
    story = stay(3, live)
    assert story.told("skipped")[:2] == [("skipped", 0.3, 1), ("skipped", 0.4, 1)]
    assert story.urls("segment") == []


# Tokens


@dataclass(frozen=True)
class Guarded:
    """The master hands out a token that is good for so many seconds; playlists and segments ask for it."""

    good_for: float
    segments_only: bool = False
    until: float = 1e9
    """From this second on every token is refused."""

    def __call__(self, get: Get, at: float) -> Got | Failed | None:
        _, _, token = get.url.partition("?t=")
        if get.kind == "master":
            text = MASTER.replace(".m3u8", f".m3u8?t={at:.3f}")
            return got(get, at, 0.1, body=text.encode())
        guarded = get.kind == "segment" if self.segments_only else True
        if guarded and (at >= self.until or at >= float(token) + self.good_for):
            return got(get, at, 0.1, 403)
        if get.kind == "playlist":
            text = Live(window=20).playlist(at).replace(".ts", f".ts?t={token}")
            return got(get, at, 0.1, body=text.encode())
        return None


def guarded(guard: Guarded, seconds: float, player: Player | None = None, protocol: Hls | None = None) -> Story:
    live = Live(window=20, override=guard)
    return visit(live, VIEWER._replace(leave_at=seconds), player=player, protocol=protocol)


@pytest.mark.parametrize("player", [HlsJs(), DashJs(), Shaka()])
def test_an_expired_token_is_renewed_by_way_of_the_master_playlist(player: Player) -> None:
    story = guarded(Guarded(10.0), 45, player)
    assert len(story.times("master")) == 5
    assert story.told("gave_up", "stalled", "skipped") == []
    numbers = [int(url.partition(".")[0]) for url in story.urls("segment")]
    assert sorted(set(numbers)) == list(range(numbers[0], numbers[0] + len(set(numbers))))


def test_the_renewal_comes_at_once_after_the_refusal() -> None:
    """Refused at 10.1 s, the next reload after 10 s; the answer takes 0.1 s."""
    story = guarded(Guarded(10.0), 14)
    assert story.times("playlist", "t=0.000") == [0.1, 2.1, 4.1, 6.1, 8.1, 10.1]
    assert story.times("master") == [0.0, 10.2]
    assert story.times("playlist", "t=10.200") == [10.3, 12.3]


def test_a_refused_segment_has_its_token_renewed_without_waiting_for_the_next_reload() -> None:
    """Its own playlist is still served. The token of second 0 is no good from 10 s on: segment 104, at 10.2 s."""
    story = guarded(Guarded(10.0, segments_only=True), 14)
    assert story.times("segment", "/104.ts") == [10.2, 10.5]
    assert story.times("master") == [0.0, 10.3]
    assert story.told("skipped") == []


def test_tokens_that_are_refused_again_and_again_are_renewed_with_the_players_delays() -> None:
    """hls.js: at once, then after 2 s, then it gives up."""
    story = guarded(Guarded(1e9, until=5.0), 60)
    assert story.times("playlist")[3:] == [6.1, 6.3, 8.5]
    assert story.told("gave_up") == [("gave_up", 8.6, "playlist_failed")]


def test_without_renewal_a_refusal_is_any_refusal() -> None:
    story = guarded(Guarded(10.0), 60, protocol=Hls(renew_after_refusal=False))
    assert story.times("master") == [0.0]
    assert story.told("gave_up")[0][2] == "playlist_failed"


def test_an_address_without_a_token_is_not_renewed() -> None:
    story = stay(30, Live(override=only("playlist", status(403), after=5.0)))
    assert story.times("master") == [0.0]
    assert story.told("gave_up")[0][2] == "playlist_failed"


def test_a_master_that_cannot_be_renewed_ends_the_visit() -> None:
    guard = Guarded(10.0)

    def origin(get: Get, at: float) -> Got | Failed | None:
        return got(get, at, 0.1, 403) if get.kind == "master" and at > 5 else guard(get, at)

    story = visit(Live(window=20, override=origin), VIEWER)
    assert story.told("gave_up")[0][2] == "master_failed"


def test_a_viewer_that_changes_renditions_keeps_its_level_across_a_renewal() -> None:
    story = visit(Live(window=20, override=Guarded(10.0)), VIEWER._replace(rendition="auto", leave_at=30.0))
    assert {get.url.split("/")[-2] for at, get in story.requests if get.kind == "playlist" and at > 5} == {"high"}
    assert story.told("gave_up", "stalled") == []
