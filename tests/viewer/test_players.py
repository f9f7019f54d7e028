"""Every player as data: its retry times, time-outs and jitter, and that the same seed gives the same times."""

from __future__ import annotations

import math
from typing import get_args

import pytest
from pydantic import ValidationError

from loadtests import plugins
from loadtests.chance import RETRIES, chance
from loadtests.players import Player
from loadtests.players.dash_js import DashJs
from loadtests.players.hls_js import HlsJs
from loadtests.players.impatient_app import ImpatientApp
from loadtests.players.shaka import Shaka
from loadtests.retries import Jitter, jittered
from loadtests.session import RequestKind
from tests.viewer.driver import VIEWER, visit
from tests.viewer.origins import Live, only, status

PLAYERS = [plugins.find("loadtests.players", name) for name in plugins.names("loadtests.players")]
KINDS: tuple[RequestKind, ...] = ("master", "playlist", "init", "key", "segment")
FOR_EVER = "for ever"

RETRIES_OF: dict[tuple[str, str, bool], list[float | str]] = {
    ("hls_js", "master", False): [1],
    ("hls_js", "master", True): [0, 0],
    ("hls_js", "playlist", False): [1, 2],
    ("hls_js", "playlist", True): [0, 0],
    ("hls_js", "init", False): [1, 2, 4, 8, 8, 8],
    ("hls_js", "init", True): [0, 0, 0, 0],
    ("hls_js", "key", False): [1, 1, 1, 1, 1, 1, 1, 1],
    ("hls_js", "key", True): [1],
    ("hls_js", "segment", False): [1, 2, 4, 8, 8, 8],
    ("hls_js", "segment", True): [0, 0, 0, 0],
    **{("dash_js", kind, late): [0.5, 0.5, 0.5] for kind in ("master", "playlist") for late in (False, True)},
    **{("dash_js", kind, late): [1, 1, 1] for kind in ("init", "key", "segment") for late in (False, True)},
    ("shaka", "master", False): [1],
    ("shaka", "master", True): [1],
    ("shaka", "playlist", False): [1, 0.1, 1, 0.1, FOR_EVER],
    ("shaka", "playlist", True): [1, 0.1, 1, 0.1, FOR_EVER],
    **{("shaka", kind, False): [1, 2, 1, 2, FOR_EVER] for kind in ("init", "key", "segment")},
    **{("shaka", kind, True): [1, 1.1, 1, 1.1, FOR_EVER] for kind in ("init", "key", "segment")},
    **{("impatient_app", kind, late): [0.5, 0.5, FOR_EVER] for kind in KINDS for late in (False, True)},
}
"""Seconds before each retry without jitter, after a time-out (True) or another failure; then the end."""


def made(name: str) -> Player:
    player = plugins.build("loadtests.players", "player", name)
    assert isinstance(player, Player)
    return player


def test_the_table_has_every_player_and_kind() -> None:
    known = plugins.names("loadtests.players")
    assert set(RETRIES_OF) == {(name, kind, late) for name in known for kind in KINDS for late in (False, True)}
    assert {*KINDS, "home"} == set(get_args(RequestKind))


@pytest.mark.parametrize(("name", "kind", "timed_out"), RETRIES_OF)
def test_retries_follow_the_players_own_rules(name: str, kind: RequestKind, timed_out: bool) -> None:
    player, wanted = made(name), RETRIES_OF[name, kind, timed_out]
    delays = [delay for delay in wanted if not isinstance(delay, str)]
    asked = [player.retry_delay(kind, attempt, timed_out=timed_out) for attempt in range(len(delays))]
    assert asked == pytest.approx(delays)
    after = player.retry_delay(kind, len(delays), timed_out=timed_out)
    assert after == player.retry_delay(kind, 1000 * len(delays), timed_out=timed_out)
    assert (after is not None) == (wanted[-1] == FOR_EVER)


@pytest.mark.parametrize(
    ("name", "kind", "first_byte", "whole"),
    [
        ("hls_js", "master", math.inf, 20),
        ("hls_js", "playlist", 10, 20),
        ("hls_js", "init", 10, 120),
        ("hls_js", "key", 8, 20),
        ("hls_js", "segment", 10, 120),
        *(("dash_js", kind, math.inf, 10) for kind in ("master", "playlist")),
        *(("dash_js", kind, math.inf, 20) for kind in ("init", "key", "segment")),
        *(("shaka", kind, 10, 30) for kind in KINDS),
        *(("impatient_app", kind, 4, 8) for kind in KINDS),
    ],
)
def test_time_outs_follow_the_players_own_rules(name: str, kind: RequestKind, first_byte: float, whole: float) -> None:
    player = made(name)
    assert (player.first_byte_timeout(kind), player.timeout(kind)) == (first_byte, whole)


@pytest.mark.parametrize(
    ("player", "kind", "code", "delays", "end"),
    [
        (HlsJs(), "master", 503, [1], "master_failed"),
        (HlsJs(), "playlist", 503, [1, 2], "playlist_failed"),
        (HlsJs(), "key", 503, [1] * 8, "key_failed"),
        (DashJs(), "master", 404, [0.5] * 3, "master_failed"),
        (DashJs(), "playlist", 503, [0.5] * 3, "playlist_failed"),
        (DashJs(), "segment", 404, [1] * 3, "segment_failed"),
        (DashJs(), "init", 503, [1] * 3, "init_failed"),
        (Shaka(jitter="off"), "master", 503, [1], "master_failed"),
        (Shaka(jitter="off"), "playlist", 503, [1], "playlist_failed"),
        (Shaka(jitter="off"), "init", 404, [1, 2] * 7, ""),
        (ImpatientApp(), "master", 404, [0.5] * 33, ""),
        (ImpatientApp(retries=2), "playlist", 500, [0.5] * 2, "playlist_failed"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Player) else str(value)[:12],
)
def test_a_visit_asks_again_at_exactly_these_times(
    player: Player, kind: RequestKind, code: int, delays: list[float], end: str
) -> None:
    """Each answer takes 0.1 s; the visit lasts 20 s."""
    header = '#EXT-X-MAP:URI="i.mp4"\n#EXT-X-KEY:METHOD=AES-128,URI="k"'
    live = Live(window=1, header=header, frozen=(0.0, 99.0), override=only(kind, status(code)))
    story = visit(live, VIEWER._replace(leave_at=20.0), player=player)
    times = story.times(kind)
    if kind == "segment":
        times = story.times(kind, story.urls("segment")[0])
    expected = [times[0]]
    for delay in delays:
        expected.append(round(expected[-1] + 0.1 + delay, 3))
    assert times == [at for at in expected if at < 20.0]
    assert [line[2] for line in story.told("gave_up")] == ([end] if end else [])


def test_a_playlist_that_fails_while_shaka_plays_is_asked_for_for_ever() -> None:
    live = Live(override=only("playlist", status(500), after=3.0))
    story = visit(live, VIEWER._replace(leave_at=12.0), player=Shaka(jitter="off"))
    assert story.times("playlist")[2:] == [4.1, 5.2, 5.4, 6.5, 6.7, 7.8, 8.0, 9.1, 9.3, 10.4, 10.6, 11.7, 11.9]
    assert story.told("gave_up") == []


# Jitter


@pytest.mark.parametrize(
    ("how", "low", "high", "mean"),
    [
        ("off", 4, 4, 4),
        ("fuzz", 2, 6, 4),
        ("full", 0, 4, 2),
        ("equal", 2, 4, 3),
        ("decorrelated", 4, 8, 6.5),
    ],
)
def test_jitter_spreads_delays_as_its_source_says(how: Jitter, low: float, high: float, mean: float) -> None:
    """A delay of 4 s after a wait of 4 s; decorrelated is uniform from 4 to 12 s, cut at 8 s."""
    drawn = [jittered(how, 4.0, chance(7, RETRIES, turn), last=4.0, longest=8.0) for turn in range(20_000)]
    assert low <= min(drawn) <= low + 0.01
    assert high - 0.01 <= max(drawn) <= high
    expected = 7.0 if how == "decorrelated" else mean  # half of them are uniform from 4 to 8, the others 8
    assert sum(drawn) / len(drawn) == pytest.approx(expected, abs=0.03)


def failing(player: Player, seed: int, leave_at: float = 60.0) -> list[float]:
    """When a viewer asks for the newest segment of a stream that stands still, all of whose segments fail."""
    live = Live(window=1, frozen=(0.0, 99.0), override=only("segment", status(500)))
    return visit(live, VIEWER._replace(leave_at=leave_at, seed=seed), player=player).times("segment")


@pytest.mark.parametrize("kind", PLAYERS)
@pytest.mark.parametrize("how", get_args(Jitter))
def test_the_seed_alone_decides_the_retry_times(kind: type[Player], how: Jitter) -> None:
    player = kind.model_validate({"jitter": how})
    one, again, other = failing(player, 1), failing(player, 1), failing(player, 2)
    assert one == again
    assert (one == other) == (how == "off")


@pytest.mark.parametrize("kind", PLAYERS)
@pytest.mark.parametrize("how", ["fuzz", "full", "equal"])
def test_jitter_keeps_every_retry_within_its_bounds(kind: type[Player], how: Jitter) -> None:
    player = kind.model_validate({"jitter": how})
    low, high = {"fuzz": (0.5, 1.5), "full": (0.0, 1.0), "equal": (0.5, 1.0)}[how]
    for seed in range(20):
        times = failing(player, seed, leave_at=30.0)
        for attempt in range(len(times) - 1):
            whole = player.retry_delay("segment", attempt, timed_out=False)
            steady = player.steady_delay("segment", attempt, timed_out=False)
            assert whole is not None
            waited = times[attempt + 1] - times[attempt] - 0.1
            assert steady + low * (whole - steady) - 1e-3 <= waited <= steady + high * (whole - steady) + 1e-3


def test_decorrelated_jitter_grows_from_the_first_delay_to_its_limit_and_begins_anew_after_a_success() -> None:
    player = HlsJs(jitter="decorrelated", segment_error_retries=40)
    waits = [later - sooner - 0.1 for sooner, later in zip(failing(player, 5), failing(player, 5)[1:], strict=False)]
    assert all(1.0 - 1e-3 <= wait <= 8.0 + 1e-3 for wait in waits)
    assert waits[0] <= 3.0 + 1e-3
    assert max(waits) > 3.0


def test_shaka_has_half_a_delay_of_jitter_and_the_others_none() -> None:
    assert {name: made(name).jitter for name in plugins.names("loadtests.players")} == {
        "dash_js": "off",
        "hls_js": "off",
        "impatient_app": "off",
        "shaka": "fuzz",
    }


@pytest.mark.parametrize("kind", PLAYERS)
@pytest.mark.parametrize("setting", [{"jitter": "some"}, {"live_edge": 0}, {"buffer_goal": 30}, {"abr": 1}])
def test_nonsense_is_refused(kind: type[Player], setting: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        kind.model_validate(setting)
