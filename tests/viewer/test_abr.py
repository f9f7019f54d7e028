"""Choosing the bit rate: the averages, and each player's rule on numbers worked out by hand."""

from __future__ import annotations

import math

import pytest

from loadtests.abr import Adaptation, Ewma, Load, Rung, Throughput, highest
from loadtests.players import Player
from loadtests.players.dash_js import DashJs
from loadtests.players.hls_js import HlsJs
from loadtests.players.impatient_app import ImpatientApp
from loadtests.players.shaka import Shaka

LADDER = (Rung(0.7e6, 0.8e6), Rung(2.5e6, 3e6), Rung(5e6, 6e6))
MBIT = 125_000
"""Bytes."""


def load(megabits: float, seconds: float, *, wait: float = 0.0, at: float = 0.0, buffered: float = 6.0) -> Load:
    """A two-second segment of so many megabits that took so long after its first byte."""
    return Load(at, at + wait, at + wait + seconds, int(megabits * MBIT), 2.0, buffered)


def test_an_average_is_not_drawn_towards_zero_by_its_beginning() -> None:
    """Half-life 3 s: after 3 s of 10 and 3 s of 20 the estimate is (0.5·0.5·10 + 0.5·20) / (1 − 0.25)."""
    average = Ewma(3.0)
    assert math.isnan(average.value)
    average.sample(3.0, 10.0)
    assert average.value == pytest.approx(10.0)
    average.sample(3.0, 20.0)
    assert average.value == pytest.approx(12.5 / 0.75)


def test_throughput_falls_at_once_and_rises_slowly() -> None:
    both = Throughput(2.0, 5.0)
    for _ in range(10):
        both.sample(1.0, 4e6)
    assert both.value == pytest.approx(4e6)
    both.sample(2.0, 2e6)
    falling = 4e6 - both.value
    both = Throughput(2.0, 5.0)
    for _ in range(10):
        both.sample(1.0, 4e6)
    both.sample(2.0, 6e6)
    assert falling > both.value - 4e6 > 0


@pytest.mark.parametrize(("bits", "level"), [(0, 0), (0.8e6, 0), (2.99e6, 0), (3e6, 1), (6e6, 2), (1e9, 2)])
def test_the_highest_that_fits_or_the_lowest(bits: float, level: int) -> None:
    assert highest(LADDER, bits) == level


@pytest.mark.parametrize(
    ("player", "first", "level", "sentence"),
    [
        (HlsJs(), 0.8e6, 0, "the estimate of 500 kbit/s is raised to the first variant listed"),
        (HlsJs(), 3e6, 1, "so the order of the master playlist decides where it begins"),
        (HlsJs(), 6e6, 1, "but to 5 Mbit/s at most"),
        (DashJs(), 6e6, 0, "1 Mbit/s"),
        (Shaka(), 6e6, 0, "1 Mbit/s"),
        (Shaka(default_estimate="4Mbps"), 0.8e6, 1, "0.95 of it"),
        (ImpatientApp(default_estimate="3Mbps"), 0.8e6, 1, "as it stands"),
    ],
)
def test_each_player_begins_on_its_default_estimate(player: Player, first: float, level: int, sentence: str) -> None:
    assert player.adaptation().start(LADDER, first) == level, sentence


def after(player: Player, level: int, *loads: Load) -> int:
    """The level after some segments of one level."""
    choice: Adaptation = player.adaptation()
    choice.start(LADDER, 0.0)
    chosen = level
    for one in loads:
        chosen = choice.next(LADDER, level, one)
    return chosen


@pytest.mark.parametrize(
    ("level", "megabits_per_second", "buffered", "chosen", "sentence"),
    [
        (0, 3.6, 6.0, 1, "up with 0.7 of the estimate: 2.52 carries an average of 2.5"),
        (0, 3.5, 6.0, 0, "2.45 does not"),
        (0, 4.2, 3.0, 0, "with less than two segments buffered the peak counts: 2.94 does not carry 3"),
        (0, 4.3, 3.0, 1, "3.01 does"),
        (1, 2.7, 6.0, 1, "kept with 0.95: 2.565"),
        (1, 2.6, 6.0, 0, "2.47 is too little"),
        (2, 0.1, 6.0, 0, "the lowest where nothing fits"),
    ],
)
def test_hls_js(level: int, megabits_per_second: float, buffered: float, chosen: int, sentence: str) -> None:
    one = load(megabits_per_second, 1.0, buffered=buffered)
    assert after(HlsJs(), level, one) == chosen, sentence


def test_hls_js_takes_the_wait_for_the_first_byte_out_of_the_download() -> None:
    """3.6 Mbit in one second after half a second of waiting; Shaka, which counts the whole, sees 2.4 Mbit/s."""
    one = load(3.6, 1.0, wait=0.5)
    assert after(HlsJs(), 0, one) == 1
    assert after(DashJs(), 0, one) == 1
    assert after(Shaka(), 0, one) == 0


def test_hls_js_takes_no_more_out_than_it_has_come_to_expect() -> None:
    """A wait of 5 s after waits of 10 ms is a slow line, not a far server."""
    choice = HlsJs().adaptation()
    choice.start(LADDER, 0.0)
    for _ in range(10):
        assert choice.next(LADDER, 2, load(8.0, 1.0, wait=0.01)) == 2
    for _ in range(20):
        chosen = choice.next(LADDER, 2, load(8.0, 1.0, wait=5.0))
    assert chosen == 0


@pytest.mark.parametrize(
    ("megabits_per_second", "chosen"),
    [(3.34, 1), (3.33, 0), (6.67, 2), (6.66, 1)],
    ids=["0.9", "0.9-", "0.9 ", "0.9- "],
)
def test_dash_js_plays_nine_tenths_of_its_throughput(megabits_per_second: float, chosen: int) -> None:
    assert after(DashJs(), 0, load(megabits_per_second, 1.0)) == chosen


def test_dash_js_plays_less_when_the_buffer_is_short_from_its_third_segment_on() -> None:
    """10 Mbit/s × 0.7 × buffered / 2 s: 1.4 Mbit/s with 0.4 s, 3.5 with 1 s, no bound with 2 s."""
    short = load(10.0, 1.0, buffered=0.4)
    assert after(DashJs(), 2, short, short) == 2
    assert after(DashJs(), 2, short, short, short) == 0
    assert after(DashJs(), 2, short, short, load(10.0, 1.0, buffered=1.0)) == 1
    assert after(DashJs(), 2, short, short, load(10.0, 1.0, buffered=2.0)) == 2


def test_shaka_believes_its_estimate_after_128_kb_and_then_for_eight_seconds() -> None:
    choice = Shaka().adaptation()
    assert choice.start(LADDER, 0.0) == 0
    assert choice.next(LADDER, 0, load(1.0, 0.05, at=1.0)) == 0  # 125 kB
    assert choice.next(LADDER, 0, load(1.0, 0.05, at=2.0)) == 2
    slow = [choice.next(LADDER, 2, load(2.0, 2.0, at=at)) for at in (3.0, 5.0, 7.0, 9.0)]
    assert slow == [2, 2, 2, 0]


@pytest.mark.parametrize(("megabits_per_second", "chosen"), [(3.15, 0), (3.16, 1), (6.31, 1), (6.32, 2), (50, 2)])
def test_shaka_plays_nineteen_twentieths_of_its_throughput(megabits_per_second: float, chosen: int) -> None:
    """The ranges overlap and the last one wins, so the upgrade target of 0.85 keeps nothing back."""
    assert after(Shaka(), 0, load(megabits_per_second, 1.0)) == chosen


def test_shaka_takes_what_comes_at_once_as_from_a_cache() -> None:
    fast = load(8.0, 0.004)
    assert after(Shaka(), 0, fast, fast, fast) == 0
