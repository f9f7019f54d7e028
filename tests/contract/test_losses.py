"""Lost workers: what becomes of their viewers, and when a gap is over. No process, no Locust, no clock."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from loadtests.arrivals import arrivals
from loadtests.homes import Homes, deal
from loadtests.results import Gap
from loadtests.scenario import BUNDLED, Scenario, read_scenario
from loadtests.session import Viewer
from loadtests.shapes.flash_crowd import FlashCrowd
from loadtests.wiring.homecoming import BATCH, REJOIN, Homecoming
from loadtests.wiring.losses import Losses, Taken

THREE = deal(("id", "in"), {"w0": (), "w1": (), "w2": ()})


@cache
def scenario() -> Scenario:
    surge = FlashCrowd.model_validate(
        {"baseline": 200, "peak": 500, "warm_up": "5s", "quiet": "10s", "ramp": "10s", "hold": "20s", "fall": "5s"}
    )
    return read_scenario(BUNDLED).model_copy(update={"surge": surge})


@cache
def crowd() -> tuple[Viewer, ...]:
    return tuple(arrivals(scenario()))


def homes_of(*labels: tuple[str, ...]) -> Homes:
    return deal(scenario().regions, {f"w{number}": each for number, each in enumerate(labels)})


def taken(lost: str, until: float, **viewers: int) -> Taken:
    return Taken(lost=lost, viewers=viewers, until=until)


# -- the director's books ----------------------------------------------------------------------------------------------


def test_a_gap_is_closed_when_every_heir_has_answered() -> None:
    losses = Losses(THREE)
    assert losses.lose("w1", 7, 12.3) == []
    assert losses.taken("w0", taken("w1", 14.2, id=3)) == []
    (gap,) = losses.taken("w2", taken("w1", 16.1, id=2, **{"in": 4}))
    assert gap == Gap(worker="w1", regions=("id", "in"), since=7, until=17, viewers={"id": 5, "in": 4})
    assert losses.gaps(60.0) == [gap]
    assert losses.taken("w2", taken("w1", 20.0, id=9)) == [], "an answer counts once"


def test_a_gap_lasts_at_least_until_the_worker_was_given_up() -> None:
    losses = Losses(THREE)
    losses.lose("w1", 7, 12.3)
    losses.taken("w0", taken("w1", 0.0))
    (gap,) = losses.taken("w2", taken("w1", 0.0))
    assert (gap.since, gap.until) == (7, 13)


def test_an_heir_that_is_lost_too_leaves_its_part_to_the_next_gap() -> None:
    losses = Losses(THREE)
    losses.lose("w1", 7, 12.3)
    losses.taken("w0", taken("w1", 14.0, id=3))
    (first,) = losses.lose("w2", 15, 20.4)
    assert (first.worker, first.until) == ("w1", 14)
    (second,) = losses.taken("w0", taken("w2", 25.0, id=6))
    assert (second.worker, second.since, second.until) == ("w2", 15, 25)


def test_a_region_that_nobody_may_carry_stays_open_to_the_end() -> None:
    losses = Losses(deal(("id", "in"), {"w0": ("id",), "w1": ("in",)}))
    losses.lose("w0", 7, 12.3)
    assert losses.homes.abandoned == ("id",)
    (gap,) = losses.gaps(13.1)
    assert (gap.is_open, gap.is_short, gap.until) == (True, False, 14)


def test_a_worker_that_carried_nobody_leaves_no_seconds_behind() -> None:
    losses = Losses(deal(("id",), {"w0": ("id",), "w1": ()}))
    (gap,) = losses.lose("w1", 7, 12.3)
    assert gap.regions == ()
    assert gap.is_short


# -- the heirs ---------------------------------------------------------------------------------------------------------


def back(worker: str, before: Homes, after: Homes, drawn: int, at: float) -> tuple[list[Viewer], Taken]:
    """Everybody whom a worker takes in, and its answer."""
    coming, found, now = Homecoming(iter(crowd()), worker, before, after, drawn), [], at
    while (answer := coming.answer(now)) is None:
        found += coming.take(now)
        now += 0.002
    return found, answer


@pytest.mark.parametrize("labels", [((), (), ()), (("id",), ("id",), ("in", "br"), ())])
def test_the_heirs_together_take_in_each_viewer_of_a_lost_worker_once(labels: tuple[tuple[str, ...], ...]) -> None:
    """Those present at the time and those whom the heirs had passed over already; nobody else."""
    before, at = homes_of(*labels), 25.0
    after = before.without("w0")
    drawn = max(viewer.number for viewer in crowd() if viewer.join_at <= at)
    heirs = [f"w{number}" for number in range(1, len(labels))]
    moved = Counter[int]()
    for heir in heirs:
        viewers, answer = back(heir, before, after, drawn, at)
        moved.update(viewer.number for viewer in viewers)
        assert sum(answer.viewers.values()) == len(viewers)
        assert at <= answer.until <= at + REJOIN + 0.1
        for viewer in viewers:
            assert after.of(viewer.region, viewer.number) == heir
            assert at <= viewer.join_at < min(at + REJOIN + 0.1, viewer.leave_at)
    assert set(moved.values()) == {1}
    gone = [viewer for viewer in crowd() if before.of(viewer.region, viewer.number) == "w0" and viewer.number <= drawn]
    stayed = {viewer.number for viewer in gone if viewer.leave_at > at + REJOIN + 0.1}
    present = {viewer.number for viewer in gone if viewer.leave_at > at}
    assert stayed <= set(moved) <= present


def test_those_yet_to_come_keep_their_time() -> None:
    """An heir that has looked ahead in the plan passed over them as another's."""
    before = homes_of((), ())
    last = crowd()[-1].number
    viewers, _ = back("w1", before, before.without("w0"), last, 25.0)
    later = [viewer for viewer in viewers if viewer.number % 2 == 0 and crowd()[viewer.number].join_at > 25.0]
    assert later
    assert all(viewer in crowd() for viewer in later)


def test_they_come_back_evenly_spread() -> None:
    """No step that the target would not see from players: at most half in any quarter of the time."""
    before = homes_of((), ())
    viewers, _ = back("w1", before, before.without("w0"), crowd()[-1].number, 25.0)
    returned = Counter(int((v.join_at - 25.0) / REJOIN * 4) for v in viewers if crowd()[v.number].join_at <= 25.0)
    assert sum(returned.values()) > 100
    assert all(0.15 < returned[quarter] / sum(returned.values()) < 0.35 for quarter in range(4)), returned


def test_a_turn_looks_at_a_few_viewers_only() -> None:
    before = homes_of((), ())
    coming = Homecoming(iter(crowd()), "w1", before, before.without("w0"), crowd()[-1].number)
    assert all(len(coming.take(25.0)) <= BATCH for _ in range(len(crowd()) // BATCH + 2))
    assert coming.answer(25.0) is None, "the last of them are not back yet"
    assert coming.answer(25.0 + REJOIN) is not None
