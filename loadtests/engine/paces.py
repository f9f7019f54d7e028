"""The viewers of one loop that have a last mile to keep to, and when each is woken for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from loadtests.engine.pace import Pace
from loadtests.engine.timers import Timers
from loadtests.lastmile import Delivery
from loadtests.session import Viewer

if TYPE_CHECKING:
    from loadtests.engine.loop import Loop

Deliveries: TypeAlias = Callable[[Viewer], Delivery | None]
"""What a viewer's connections deliver together; None for as fast as they can."""


class Paces(Timers[Pace]):
    """Its timers are the generator's own duty: how late they are counts as that of the sessions' waits does."""

    def __init__(self, loop: Loop) -> None:
        super().__init__()
        self._loop = loop

    def of(self, viewer: Viewer) -> Pace | None:
        """A viewer's own, if it has a last mile."""
        last_mile = self._loop.reach.last_mile
        delivery = None if last_mile is None else last_mile(viewer)
        return None if delivery is None else Pace(self._loop, delivery, viewer.join_at)

    def wake(self, now: float) -> None:
        """Those that are due."""
        health = self._loop.health
        for at, pace in self.due(now):
            health.started(now - at)
            try:
                pace.wake(now)
            except Exception as error:  # noqa: BLE001 - one viewer's trouble is not the others'
                health.fault(error)
                for visit in [visit for visit in self._loop.visits if visit.pace is pace]:
                    self._loop.end(visit)

    def rouse(self, fd: int) -> None:
        """A socket that the poller does not watch may be read."""
        owner = self._loop.polled.owner(fd)
        if owner is None:
            return
        try:
            owner.on_ready()
        except Exception as error:  # noqa: BLE001 - one viewer's trouble is not the others'
            self._loop.health.fault(error)
            owner.abandon(error)
