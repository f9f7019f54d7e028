"""Whole visits of viewers that change their rendition: which playlists and segments they fetch, what they report."""

from __future__ import annotations

import dataclasses

import pytest

from loadtests import plugins
from loadtests.players import Player
from loadtests.players.hls_js import HlsJs
from loadtests.session import Get, Got
from tests.viewer.driver import VIEWER, Story, visit
from tests.viewer.origins import RATES, Live, Pipe, got

PLAYERS = [plugins.find("loadtests.players", name) for name in plugins.names("loadtests.players")]
AUTO = VIEWER._replace(rendition="auto", leave_at=60.0)


def fetched(story: Story) -> list[str]:
    """What was asked for, as rendition and name."""
    return ["/".join(get.url.split("/")[-2:]) for _, get in story.requests if get.kind != "master"]


def test_another_rendition_begins_with_its_playlist_and_goes_on_with_the_next_segment() -> None:
    """20 Mbit/s: hls.js begins with the variant listed first, 3 Mbit/s, and climbs after one segment."""
    story = visit(Pipe(rate=lambda _: 20e6), AUTO._replace(leave_at=3.5))
    assert fetched(story) == [
        "mid/index.m3u8",
        "mid/97.ts",
        "high/index.m3u8",
        "high/98.ts",
        "high/99.ts",
        "high/index.m3u8",
        "high/100.ts",
    ]
    assert story.times("playlist") == [0.1, 0.6, 2.6]


def test_the_switch_is_told_when_the_picture_comes_to_it() -> None:
    """97.ts plays from 0.6 to 2.6 s, then the first segment of the higher rendition."""
    story = visit(Pipe(rate=lambda _: 20e6), AUTO._replace(leave_at=10.0))
    assert story.told() == [
        ("joined", 0.0),
        ("started", 0.6, 0.6, 3_000_000.0),
        ("switched", 2.6, 3_000_000.0, 5_000_000.0),
        ("left", 10.0, "playing", 5_000_000.0),
    ]


def test_leaving_before_the_picture_has_changed_is_no_switch() -> None:
    story = visit(Pipe(rate=lambda _: 20e6), AUTO._replace(leave_at=2.5))
    assert story.told("switched") == []
    assert story.told("left") == [("left", 2.5, "playing", 3_000_000.0)]


@pytest.mark.parametrize("kind", PLAYERS)
def test_a_line_that_becomes_slow_brings_every_player_down_and_one_that_becomes_fast_up(kind: type[Player]) -> None:
    """1.2 Mbit/s carries the lowest rendition only; every player has found it after 45 s, and the highest again later.

    Measurements weigh as much as their download took, so fast segments take long to outweigh slow ones (hls.js: 3 min).
    """
    pipe = Pipe(rate=lambda at: 1.2e6 if 20 <= at < 80 else 20e6)
    story = visit(pipe, AUTO._replace(leave_at=400.0), player=kind.model_validate({}))
    levels = {at: get.url.split("/")[-2] for at, get in story.requests if get.kind == "segment"}
    assert {level for at, level in levels.items() if 10 < at < 20} == {"high"}
    assert {level for at, level in levels.items() if 65 < at < 80} == {"low"}
    assert {level for at, level in levels.items() if at > 370} == {"high"}


@pytest.mark.parametrize("kind", PLAYERS)
def test_the_bit_rates_told_add_up(kind: type[Player]) -> None:
    """Whatever is told begins from the bit rate that was told before, and every segment is fetched once."""
    pipe = Pipe(rate=lambda at: [9e6, 0.9e6, 30e6, 2e6][int(at / 15) % 4])
    story = visit(pipe, AUTO._replace(leave_at=200.0), player=kind.model_validate({}))
    playing = 0.0
    switches = 0
    for line in story.told("started", "stalled", "resumed", "switched", "left"):
        match line:
            case ("started", _, _, bitrate):
                playing = float(str(bitrate))
            case ("switched", _, before, after):
                assert before == playing != after
                playing, switches = float(str(after)), switches + 1
            case (_, _, bitrate):
                assert bitrate == playing
    assert switches >= 2
    numbers = [int(url.removesuffix(".ts")) for url in story.urls("segment")]
    assert numbers == sorted(set(numbers))


def test_a_fixed_rendition_asks_for_exactly_what_it_did_before() -> None:
    story = visit(Pipe(rate=lambda _: 20e6), VIEWER._replace(leave_at=6.0))
    assert {get.url.split("/")[-2] for _, get in story.requests if get.kind != "master"} == {"low"}
    assert story.times("playlist") == [0.1, 2.1, 4.1]


def test_a_media_playlist_given_directly_has_nothing_to_switch_to() -> None:
    live = Live()
    direct = dataclasses.replace(
        live,
        override=lambda get, at: got(get, at, 0.1, body=live.playlist(at).encode()) if get.kind == "master" else None,
    )
    story = visit(direct, AUTO._replace(leave_at=5.0))
    assert (story.times("playlist"), story.told("switched")) == ([2.0, 4.0], [])


def test_the_playlist_of_the_new_rendition_may_be_behind() -> None:
    """The higher rendition's playlist lists two segments less: the viewer waits for the next, and skips nothing."""
    live = Live(window=30)

    def behind(get: Get, at: float) -> Got | None:
        if get.kind == "playlist" and "/high/" in get.url:
            return got(get, at, 0.1, body=live.playlist(at - 4.0).encode())
        return None

    story = visit(
        Pipe(live=dataclasses.replace(live, override=behind), rate=lambda _: 20e6), AUTO._replace(leave_at=20.0)
    )
    numbers = [int(url.removesuffix(".ts")) for url in story.urls("segment")]
    assert numbers == list(range(97, 97 + len(numbers)))
    assert len(numbers) >= 9
    assert story.told("skipped") == []


def test_a_stream_that_has_ended_is_played_out_as_it_is() -> None:
    story = visit(Pipe(live=Live(window=30, ends=5.0), rate=lambda _: 20e6), AUTO)
    assert story.told("left")[0][2] == "playing"
    assert story.told("gave_up") == []


def test_a_rendition_that_cannot_be_had_is_given_up_as_a_playlist_is() -> None:
    """hls.js would turn to another rendition; this viewer does not (docs/viewer.md)."""
    live = Live(window=30, override=lambda get, at: got(get, at, 0.1, 500) if "/high/" in get.url else None)
    story = visit(Pipe(live=live, rate=lambda _: 20e6), AUTO, player=HlsJs())
    assert story.told("gave_up")[0][2] == "playlist_failed"


def test_sizes_of_the_origin_are_those_of_its_master() -> None:
    assert sorted(RATES.values()) == [800_000, 3_000_000, 5_000_000]
