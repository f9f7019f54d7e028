"""hls.js 1.7 as data: its retry table, and the settings as text."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from loadtests.players.hls_js import HlsJs
from loadtests.plugins import build, describe
from loadtests.session import RequestKind


@pytest.mark.parametrize(
    ("kind", "timed_out", "delays"),
    [
        ("master", False, [1]),
        ("master", True, [0, 0]),
        ("playlist", False, [1, 2]),
        ("playlist", True, [0, 0]),
        ("segment", False, [1, 2, 4, 8, 8, 8]),
        ("segment", True, [0, 0, 0, 0]),
        ("init", False, [1, 2, 4, 8, 8, 8]),
        ("init", True, [0, 0, 0, 0]),
    ],
)
def test_retries_follow_hls_js(kind: RequestKind, timed_out: bool, delays: list[float]) -> None:
    player = HlsJs()
    asked = [player.retry_delay(kind, attempt, timed_out=timed_out) for attempt in range(len(delays) + 1)]
    assert asked == [*delays, None]


@pytest.mark.parametrize(("kind", "seconds"), [("master", 20), ("playlist", 20), ("segment", 120), ("init", 120)])
def test_time_outs_follow_hls_js(kind: RequestKind, seconds: float) -> None:
    assert HlsJs().timeout(kind) == seconds


def test_a_setting_may_be_changed_and_is_written_back() -> None:
    player = build(
        "loadtests.players", "player", {"player": "hls_js", "buffer_goal": "12s", "segment_error_retries": 2}
    )
    assert describe("player", player)["buffer_goal"] == "12s"
    assert build("loadtests.players", "player", describe("player", player)) == player


@pytest.mark.parametrize("setting", [{"live_edge": 0}, {"buffer_goal": 30}, {"longest_retry_delay": "-1s"}, {"abr": 1}])
def test_nonsense_is_refused(setting: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        HlsJs.model_validate(setting)


def test_a_thousand_retries_do_not_overflow() -> None:
    assert HlsJs(segment_error_retries=5000).retry_delay("segment", 4000, timed_out=False) == 8.0
