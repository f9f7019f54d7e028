"""Viewers who have had enough, and where they go: start-up and stalls, the home page, what is counted."""

from __future__ import annotations

import dataclasses
import math

import pytest

from loadtests.patience import PatienceRules
from loadtests.session import Failed, Get, Got, Patience
from tests.viewer.driver import VIEWER, visit
from tests.viewer.origins import Live, failed, got, only, status

HOME = "https://live.test/"


def slow(until: float, part: str = "/") -> Live:
    """Segments whose address holds ``part`` come at run second ``until``."""
    return Live(override=only("segment", lambda get, at: got(get, at, max(until - at, 0.1)), part=part))


# What a viewer puts up with


def test_who_waits_too_long_for_the_first_frame_leaves() -> None:
    story = visit(slow(9.0), VIEWER._replace(patience=Patience(startup=5.5)))
    assert story.told() == [("joined", 0.0), ("abandoned", 5.5, "slow_start"), ("left", 5.5, "waiting", 0.0)]


def test_patience_counts_from_pressing_play() -> None:
    story = visit(slow(99.0), VIEWER._replace(join_at=10.0, patience=Patience(startup=5.5)))
    assert story.told("abandoned") == [("abandoned", 15.5, "slow_start")]


def test_who_sees_the_first_frame_in_time_stays() -> None:
    story = visit(slow(5.4), VIEWER._replace(patience=Patience(startup=5.5, stalls=1000.0)))
    assert [line[0] for line in story.told("started", "abandoned", "left")] == ["started", "left"]
    assert story.told("left")[0][1] == 60.0


def test_stalls_add_up_until_the_viewer_leaves() -> None:
    """97 to 99 play until 6.3 s. 100 comes at 9 s (2.7 s of stall), 101 plays until 13 s, 103 at 30 s: 1.8 s more."""
    live = Live(
        window=60,
        override=lambda get, at: (
            got(get, at, 9.0 - at)
            if "/100.ts" in get.url
            else got(get, at, 30.0 - at)
            if "/103.ts" in get.url
            else None
        ),
    )
    story = visit(live, VIEWER._replace(patience=Patience(stalls=4.5)))
    assert story.told("stalled", "resumed", "abandoned", "left") == [
        ("stalled", 6.3, 800_000.0),
        ("resumed", 9.0, 800_000.0),
        ("stalled", 15.0, 800_000.0),
        ("abandoned", 16.8, "stalls"),
        ("left", 16.8, "stalled", 0.0),
    ]


def test_stalls_that_end_in_time_are_forgiven() -> None:
    story = visit(slow(9.0, "/100.ts"), VIEWER._replace(patience=Patience(stalls=2.8)))
    assert story.told("abandoned") == []
    assert story.told("left")[0][1] == 60.0


def test_nobody_leaves_early_who_is_patient() -> None:
    story = visit(slow(59.0), VIEWER)
    assert story.told("started", "abandoned", "left") == [("started", 59.0, 59.0, 8e5), ("left", 60.0, "playing", 8e5)]


@pytest.mark.parametrize("until", [0.5, 3.0, 5.5, 20.0])
def test_the_end_of_the_run_is_no_abandonment(until: float) -> None:
    story = visit(slow(99.0), VIEWER._replace(patience=Patience(startup=30.0)), until=until)
    assert story.told() == [("joined", 0.0), ("left", until, "waiting", 0.0)]


def test_giving_up_comes_before_losing_patience() -> None:
    story = visit(Live(override=only("master", status(404))), VIEWER._replace(patience=Patience(startup=5.0)))
    assert [line[0] for line in story.told()] == ["joined", "gave_up", "left"]


# Drawing it


def test_start_up_patience_is_that_of_krishnan_and_sitaraman() -> None:
    """Nobody leaves in 2 s, 5.8 % in each second after, and those who wait 10 s wait on: 53.6 %."""
    rules = PatienceRules()
    drawn = [rules.draw(seed, "id").startup for seed in range(40_000)]
    assert min(drawn) >= 2.0
    for waited in (2.0, 3.0, 5.0, 8.0, 9.9):
        waiting = sum(startup > waited for startup in drawn) / len(drawn)
        assert waiting == pytest.approx(1 - 0.058 * (waited - 2), abs=0.01)
        assert rules.survival(waited) == pytest.approx(1 - 0.058 * (waited - 2))
    assert sum(startup == math.inf for startup in drawn) / len(drawn) == pytest.approx(0.536, abs=0.01)
    assert rules.survival(1.0) == 1.0
    assert rules.survival(60.0) == pytest.approx(0.536)


def test_patience_with_stalls_is_exponential() -> None:
    drawn = sorted(PatienceRules().draw(seed, "id").stalls for seed in range(40_000))
    assert sum(drawn) / len(drawn) == pytest.approx(46.0, rel=0.02)
    assert drawn[len(drawn) // 2] == pytest.approx(46.0 * math.log(2), rel=0.03)


def test_one_per_cent_of_stalling_costs_five_per_cent_of_the_minutes() -> None:
    """What the default is derived from: a view of 480 s with 4.8 s of stalls spread evenly over it."""
    rules = PatienceRules()
    left_after = (rules.draw(seed, "id").stalls / 0.01 for seed in range(40_000))
    watched = sum(min(after, 480.0) for after in left_after) / 40_000
    assert watched / 480.0 == pytest.approx(0.95, abs=0.005)


def test_a_region_may_be_more_patient() -> None:
    rules = PatienceRules(regions={"id": 1.5})
    for seed in range(100):
        base, patient = rules.draw(seed, "in"), rules.draw(seed, "id")
        assert (patient.startup, patient.stalls) == pytest.approx((1.5 * base.startup, 1.5 * base.stalls))


def test_start_up_and_stalls_are_drawn_apart() -> None:
    rules = PatienceRules(startup_until="100s")
    pairs = [rules.draw(seed, "id") for seed in range(4_000)]
    quick = [pair.stalls for pair in pairs if pair.startup < 10.6]
    assert sum(quick) / len(quick) == pytest.approx(46.0, rel=0.1)


# The home page


@pytest.mark.parametrize(
    ("origin", "changes", "at", "sentence"),
    [
        (Live(), {"leave_at": 10.0}, 10.0, "when the time is up"),
        (slow(99.0), {"patience": Patience(startup=5.0)}, 5.0, "when the patience is"),
        (Live(override=only("master", status(404))), {}, 0.1, "when the player gave up"),
    ],
)
def test_who_leaves_while_the_event_goes_on_asks_for_the_home_page(
    origin: Live, changes: dict[str, object], at: float, sentence: str
) -> None:
    viewer = VIEWER._replace(home=HOME, over_at=100.0, **changes)  # type: ignore[arg-type]
    story = visit(origin, viewer)
    assert [(round(when, 3), get.url) for when, get in story.requests if get.kind == "home"] == [(at, HOME)], sentence
    assert story.requests[-1][1].kind == "home"
    assert story.told("left")[0][1] == at


@pytest.mark.parametrize(
    ("origin", "until", "sentence"),
    [
        (Live(), math.inf, "the event is over when the time is up"),
        (Live(), 20.0, "the run ends"),
        (Live(ends=9.0), math.inf, "the stream has ended"),
    ],
)
def test_who_stays_to_the_end_goes_nowhere(origin: Live, until: float, sentence: str) -> None:
    story = visit(origin, VIEWER._replace(home=HOME, over_at=60.0), until=until)
    assert story.times("home") == [], sentence
    assert len(story.told("left")) == 1


@pytest.mark.parametrize("busy_until", [10.05, 11.0, 14.0])
def test_nothing_else_is_asked_or_told_while_the_home_page_loads(busy_until: float) -> None:
    """It takes 30 s; segment and playlist under way come in meanwhile, and the buffer would run dry."""

    def origin(get: Get, at: float) -> Got | Failed | None:
        if get.kind == "home":
            return got(get, at, 30.0)
        return got(get, at, busy_until - at) if 9.0 < at < 10.0 else None

    viewer = VIEWER._replace(leave_at=10.0, home=HOME, over_at=100.0, patience=Patience(stalls=1.0))
    story = visit(dataclasses.replace(Live(), override=origin), viewer)
    assert [get.kind for at, get in story.requests if at >= 10.0] == ["home"]
    assert story.told()[-1][0] == "left"


def test_a_home_page_may_redirect_and_may_fail() -> None:
    moved = Live(
        override=only("home", lambda get, at: got(get, at, 0.1, 302, location="/start"), part="live.test/home")
    )
    story = visit(moved, VIEWER._replace(leave_at=5.0, home=f"{HOME}home", over_at=100.0))
    assert story.urls("home") == ["home", "start"]
    lost = Live(override=only("home", lambda get, at: failed(get, at, 0.1)))
    assert visit(lost, VIEWER._replace(leave_at=5.0, home=HOME, over_at=100.0)).times("home") == [5.0]
