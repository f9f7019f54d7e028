"""A process whose own viewers are rare looks for them a stretch a turn, finds them all, and none too late."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from loadtests.engine.loop import SYSTEM, Later, Loop
from loadtests.recorder import CohortTally
from loadtests.session import Session, Viewer, WaitUntil
from loadtests.wiring.worker import AHEAD, STRIDE, own

TURN = 0.002


class Crowd:
    """A thousand viewers a second for twenty seconds, of whom every ``rare``-th is ours; counts those looked at."""

    def __init__(self, rare: int, gap: range = range(0)) -> None:
        self.looked, self._rare, self._gap = 0, rare, gap

    def everyone(self) -> Iterator[Viewer]:
        for number in range(20_000):
            if int(number / 1000) not in self._gap:
                yield Viewer(number, "id", "all", "lowest", "http://a/", number / 1000, 1e9, 0.0)

    def is_mine(self, viewer: Viewer) -> bool:
        self.looked += 1
        return viewer.number % self._rare == self._rare - 1


class Run:
    """The real loop on a clock that is turned by hand."""

    def __init__(self, crowd: Crowd) -> None:
        self.now, self.joined = 0.0, dict[int, float]()
        self.crowd = crowd
        self.loop = Loop(
            own(crowd.everyone(), crowd.is_mine),
            self.watch,
            begins=0.0,
            system=SYSTEM._replace(ticks=lambda: self.now),
        )
        self.most = crowd.looked
        """Most viewers looked at in one turn."""

    def watch(self, viewer: Viewer, _: CohortTally) -> Session:
        self.joined[viewer.number] = self.now - viewer.join_at
        yield WaitUntil(self.now)

    def play(self, until: float) -> None:
        while self.now < until:
            before = self.crowd.looked
            self.loop.step()
            self.most = max(self.most, self.crowd.looked - before)
            self.now += TURN


@pytest.mark.parametrize("rare", [1, 7, 999, 15_000])
def test_every_own_viewer_joins_in_time_and_no_turn_is_long(rare: int) -> None:
    crowd = Crowd(rare)
    run = Run(crowd)
    run.play(21.0)
    run.loop.cancel()
    assert list(run.joined) == list(range(rare - 1, 20_000, rare))
    assert max(run.joined.values()) < 2 * TURN + 1e-9
    assert run.most <= 2 * STRIDE * 1000 + 2
    assert run.loop.is_idle


def test_nothing_is_looked_at_long_before_its_time() -> None:
    """So that whoever takes over a lost worker's viewers finds those to come still to come."""
    crowd = Crowd(15_000)
    run = Run(crowd)
    run.play(5.0)
    assert crowd.looked <= (5.0 + AHEAD + 2 * STRIDE) * 1000
    run.loop.cancel()


def test_a_pause_in_the_arrivals_is_waited_out() -> None:
    run = Run(Crowd(999, gap=range(3, 12)))
    run.play(21.0)
    run.loop.cancel()
    assert max(run.joined.values()) < 2 * TURN + 1e-9
    assert sum(number >= 12_000 for number in run.joined) == 8


def test_a_worker_alone_has_no_markers() -> None:
    assert not [one for one in own(Crowd(1).everyone(), lambda _: True) if isinstance(one, Later)]
