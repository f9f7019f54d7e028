"""What becomes of the viewers of workers that are lost: bookkeeping, in run seconds, without Locust.

Their viewers are dealt to the workers that are left. Each of these answers once all that fell to it are back; then
the gap is closed. A worker that is itself lost before it answered leaves its part to the next gap.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

from loadtests.homes import Homes
from loadtests.region import Frozen
from loadtests.results import Gap


class Taken(Frozen):
    """A worker's answer: what it took in of a lost one's viewers."""

    lost: str
    viewers: dict[str, int]
    """Those whom the plan has present, by region."""
    until: float
    """When the last of them was back."""


@dataclass(slots=True)
class _Loss:
    since: int
    regions: tuple[str, ...]
    awaited: set[str]
    viewers: Counter[str] = field(default_factory=Counter)
    until: float = 0.0


@dataclass(slots=True)
class Losses:
    """The homes of a run, and the gaps in it."""

    homes: Homes
    closed: list[Gap] = field(default_factory=list)
    _open: dict[str, _Loss] = field(default_factory=dict)

    def lose(self, worker: str, since: int, at: float) -> list[Gap]:
        """A worker drives nobody from second ``since`` on, as is known at ``at``; gaps that end by that."""
        regions = self.homes.carried(worker)
        self.homes = self.homes.without(worker)
        heirs = {home for region in regions for home in self.homes.living(region)}
        self._open[worker] = _Loss(since, regions, heirs, until=at)
        return [gap for lost in tuple(self._open) for gap in self._answered(lost, worker)]

    def taken(self, worker: str, part: Taken) -> list[Gap]:
        """A worker answers; the gap, where it is the last one to do so."""
        loss = self._open.get(part.lost)
        if loss is None or worker not in loss.awaited:
            return []
        loss.viewers.update(part.viewers)
        loss.until = max(loss.until, part.until)
        return self._answered(part.lost, worker)

    def _answered(self, lost: str, worker: str) -> list[Gap]:
        loss = self._open[lost]
        loss.awaited.discard(worker)
        if loss.awaited or set(loss.regions) & set(self.homes.abandoned):
            return []
        del self._open[lost]
        self.closed.append(self._gap(lost, loss, loss.until, is_open=False))
        return self.closed[-1:]

    def _gap(self, worker: str, loss: _Loss, until: float, *, is_open: bool) -> Gap:
        end = max(math.ceil(until), loss.since)
        return Gap(
            worker=worker,
            regions=loss.regions,
            since=loss.since,
            until=end,
            viewers=dict(loss.viewers),
            is_open=is_open,
        )

    def gaps(self, end: float) -> list[Gap]:
        """All of a run that ended at ``end``."""
        under_way = [self._gap(worker, loss, end, is_open=True) for worker, loss in self._open.items()]
        return sorted([*self.closed, *under_way], key=lambda gap: (gap.since, gap.worker))
