"""The playhead lane, and the main lane's wait: what the picture does to the viewer."""

from __future__ import annotations

import math
from collections.abc import Generator
from typing import cast

from loadtests.hls.visit import Visit
from loadtests.session import Fire, Reply, Session, WaitFor, WaitUntil


def play(visit: Visit) -> Session:
    """From one start or resume to the next stall: sleep until the buffer runs dry, as often as it was filled up."""
    head = visit.head
    while (at := cast("float", (yield WaitUntil(head.due if head.turns else head.dry_at)))) < head.dry_at:
        if head.turns:
            head.show(at)
    visit.paced = False
    if visit.drained:
        head.finish()
        yield visit.end()
        return
    head.dry(head.dry_at)
    if visit.impatient:
        yield stir(visit)


def stir(visit: Visit) -> Fire:
    """Have the main lane look again how long its viewer waits."""
    visit.stirred = True
    return Fire(visit.over)


def endure(visit: Visit) -> Generator[WaitFor, Reply, float]:
    """Wait until the time or the patience is up, or the visit is over by itself; the answer is the time."""
    leave_at = visit.viewer.leave_at
    while True:
        limit = enough_at(visit)
        at = cast("float", (yield WaitFor(visit.over, min(leave_at, limit))))
        if visit.finished or at >= leave_at:
            return at
        if not visit.stirred:
            if at >= limit:
                visit.gone = True
                visit.tally.abandoned("slow_start" if visit.head.state == "waiting" else "stalls")
            return at  # else the run is over
        visit.stirred = False


def enough_at(visit: Visit) -> float:
    """When the viewer has waited long enough, as things stand."""
    head, patience = visit.head, visit.viewer.patience
    match head.state:
        case "waiting":
            return head.joined_at + patience.startup
        case "stalled":
            return head.stalled_at + patience.stalls - head.stood
        case _:
            return math.inf
