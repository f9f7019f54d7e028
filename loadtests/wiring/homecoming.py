"""A worker takes in the viewers that a lost one has left to it: a few each turn, so that its own do not wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Final

from loadtests.homes import Homes
from loadtests.session import Viewer
from loadtests.wiring.losses import Taken

BATCH: Final = 200
"""Viewers of the plan looked at in one turn: 1 to 2 ms."""
REJOIN: Final = 4.0
"""Seconds over which those present come back, evenly: as players do that try again after 1, 2 and 4 s (assumed)."""


class Homecoming:
    """Goes through the plan once more, from its beginning to viewer ``drawn``: later ones are dealt by the new homes.

    ``lost`` is the worker whose viewers move, between the homes ``before`` and ``after`` it was lost.
    """

    def __init__(self, everyone: Iterator[Viewer], worker: str, before: Homes, after: Homes, drawn: int) -> None:
        self._everyone = islice(everyone, drawn + 1)
        self._worker, self._before, self._after = worker, before, after
        self._viewers: Counter[str] = Counter()
        self._until = 0.0
        self._seen_all = False

    def take(self, now: float) -> list[Viewer]:
        """The next few that are to be driven here; those who have joined elsewhere join again."""
        batch = list(islice(self._everyone, BATCH))
        self._seen_all = not batch
        self._until = max(self._until, now)
        return [here for viewer in batch if self._moves_here(viewer) and (here := self._back(viewer, now))]

    def _moves_here(self, viewer: Viewer) -> bool:
        where = viewer.region, viewer.number
        return self._after.of(*where) == self._worker != self._before.of(*where)

    def _back(self, viewer: Viewer, now: float) -> Viewer | None:
        if viewer.join_at > now:
            return viewer
        back_at = now + REJOIN * (viewer.seed % 2**20) / 2**20
        if viewer.leave_at <= back_at:
            return None  # gone by then, in the plan too
        self._viewers[viewer.region] += 1
        self._until = max(self._until, back_at)
        return viewer._replace(join_at=back_at)

    def answer(self, now: float) -> Taken | None:
        """What to tell the director; None while somebody is not back yet."""
        if not self._seen_all or now < self._until:
            return None
        (lost,) = set(self._after.lost) - set(self._before.lost)
        return Taken(lost=lost, viewers=dict(self._viewers), until=self._until)
