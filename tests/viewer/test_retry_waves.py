"""What one outage does to many viewers: who fails together comes back together, unless jitter spreads it.

The origin hangs from second 20 on and dies at second 24, so that whatever is under way fails at that moment. Viewers
came over two seconds, a target duration: at any moment in those four seconds each has asked for its playlist.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import pytest

from loadtests.arrivals import seed_of
from loadtests.players import Player
from loadtests.players.dash_js import DashJs
from loadtests.players.hls_js import HlsJs
from loadtests.players.impatient_app import ImpatientApp
from loadtests.players.shaka import Shaka
from loadtests.session import Failed, Get, Got
from tests.viewer.driver import VIEWER, Story, visit
from tests.viewer.origins import Live, failed, got

VIEWERS: Final = 200
HANGS: Final = 20.0
DIES: Final = 24.0


def crowd(player: Player, back: float, leave_at: float = 60.0) -> list[Story]:
    """Everybody's visit; the origin is back at second ``back``, and answers in 10 ms before and after."""

    def outage(get: Get, at: float) -> Got | Failed | None:
        if HANGS <= at < DIES:
            return failed(get, at, DIES - at)
        return got(get, at, 0.01, 503) if DIES <= at < back else None

    live = Live(window=30, delay=0.01, segment_delay=0.01, override=outage)
    viewers = (
        VIEWER._replace(number=n, join_at=2.0 * n / VIEWERS, leave_at=leave_at, seed=seed_of(1, n))
        for n in range(VIEWERS)
    )
    return [visit(live, viewer, player=player) for viewer in viewers]


def wave(stories: list[Story], kind: str, step: float, since: float = DIES, until: float = 60.0) -> dict[float, int]:
    """Requests of a kind by the step of the clock in which they were sent."""
    times = (at for story in stories for at, get in story.requests if get.kind == kind and since <= at < until)
    return dict(sorted(Counter(round(int(at / step + 1e-6) * step, 3) for at in times).items()))


@pytest.mark.parametrize(
    ("player", "times", "gave_up"),
    [
        (HlsJs(), [25.0, 27.01], VIEWERS),
        (DashJs(), [24.5, 25.01, 25.52], VIEWERS),
        (Shaka(jitter="off"), [25.0, 25.11, 26.12, 26.23, 27.24, 27.35, 28.36, 28.47, 29.48, 29.59], 0),
        (ImpatientApp(), [24.5, 25.01, 25.52, 26.03, 26.54, 27.05, 27.56, 28.07, 28.58, 29.09, 29.6], 0),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Player) else "",
)
def test_without_jitter_everybody_comes_back_at_the_same_moments(
    player: Player, times: list[float], gave_up: int
) -> None:
    """Each wave is as high as the crowd: the delays of the player's rule, and 10 ms for each answer."""
    stories = crowd(player, back=99.0, leave_at=30.0)
    assert wave(stories, "playlist", 0.01) == dict.fromkeys(times, VIEWERS)
    assert sum(len(story.told("gave_up")) for story in stories) == gave_up


def test_when_the_origin_is_back_hls_js_players_ask_for_everything_at_once() -> None:
    """The second wave is answered: all playlists at 27.01 s, then all segments, and they stay in step for ever."""
    stories = crowd(HlsJs(), back=26.0, leave_at=34.0)
    assert wave(stories, "playlist", 0.01, until=34.0) == dict.fromkeys([25.0, 27.01, 29.01, 31.01, 33.01], VIEWERS)
    segments = wave(stories, "segment", 0.01, until=27.05)
    assert max(segments.values()) == VIEWERS
    before = wave(stories, "playlist", 0.1, since=10.0, until=20.0)
    assert max(before.values()) <= VIEWERS / 20 + 1, "before the outage reloads were spread over the target duration"


@pytest.mark.parametrize(
    ("player", "first", "last"),
    [
        (Shaka(), 24.5, 25.5),
        (HlsJs(jitter="full"), 24.0, 25.0),
        (HlsJs(jitter="equal"), 24.5, 25.0),
        (HlsJs(jitter="decorrelated"), 25.0, 27.0),
        (DashJs(jitter="fuzz"), 24.25, 24.75),
        (ImpatientApp(jitter="full"), 24.0, 24.5),
    ],
    ids=lambda value: f"{type(value).__name__}-{value.jitter}" if isinstance(value, Player) else "",
)
def test_jitter_spreads_the_first_wave_evenly(player: Player, first: float, last: float) -> None:
    """In ten equal parts of its span the first retries are as many as chance makes them (chi-squared, 9 degrees)."""
    asked = (
        [at for at, get in story.requests if get.kind == "playlist" and at >= DIES] for story in crowd(player, 99.0)
    )
    firsts = [times[0] for times in asked]
    assert first <= min(firsts) < max(firsts) <= last
    parts = Counter(min(int(10 * (at - first) / (last - first)), 9) for at in firsts)
    fair = VIEWERS / 10
    assert sum((parts[part] - fair) ** 2 / fair for part in range(10)) < 27.9, "99.9 % of even spreads are below"


def test_the_wave_after_an_outage_is_lower_with_jitter() -> None:
    """Highest tenth of a second of segment requests once the origin is back."""
    peaks = {}
    for how in ("off", "full"):
        player = HlsJs.model_validate({"jitter": how})
        peaks[how] = max(wave(crowd(player, back=24.9, leave_at=34.0), "segment", 0.1).values())
    assert peaks["full"] < peaks["off"] / 2


def test_the_same_seeds_give_the_same_waves() -> None:
    one, again = (wave(crowd(Shaka(), back=30.0), "playlist", 0.001) for _ in range(2))
    assert one == again
