"""From what a node has counted to what it did: two readings of its counters make one `Target` line. Pure.

A counter that went down was reset, and says nothing of the time between; a figure that cannot be is left out. Nothing
is filled in.
"""

from __future__ import annotations

import math
from typing import Final

from loadtests.readings import Look, Reading
from loadtests.results import Target

OVER: Final = 1.5
"""A share of the CPU above it is no measurement: jitter of two looks a second apart makes 1.2 at most (assumed)."""
CLOCK_SLACK: Final = 0.05
"""Seconds that the node's own time between two looks may differ from ours beyond the delays, to be taken (assumed)."""
SHORTEST: Final = 0.2
"""Seconds between two looks that a rate needs: with less, the delays are most of it (assumed)."""


def target_of(node: str, source: str, before: Look | None, now: Look, epoch: float) -> Target | None:
    """The line of a look, with rates since the one before; None when it tells nothing. ``epoch``: of second zero."""
    one = now.reading
    span = _between(before, now)
    base = before.reading if before and span >= SHORTEST else Reading()
    busy = _rate(base.cpu_seconds, one.cpu_seconds, span)
    cpu = busy / one.cores if busy is not None and one.cores else one.cpu
    sent = _rate(base.sent_bytes, one.sent_bytes, span)
    figures: dict[str, float | None] = {
        "cpu": _kept(cpu, 4) if cpu is not None and cpu <= OVER else None,
        "cores": _kept(one.cores, 3),
        "sent": _kept(sent * 8.0 if sent is not None else one.sent, 0),
        "requests": _kept(_first(_rate(base.requests_total, one.requests_total, span), one.requests), 2),
        "memory": _kept(one.memory, 0),
        "memory_limit": _kept(one.memory_limit, 0),
        "network_limit": _kept(one.network_limit, 0),
        "connections": _kept(one.connections, 0),
    }
    told = {name: value for name, value in figures.items() if value is not None}
    if not told or now.at < 0:
        return None
    rated = any(name in told for name in ("cpu", "sent", "requests"))
    offset = None if one.clock is None or not math.isfinite(one.clock) else round(one.clock - epoch - now.at, 3)
    return Target(
        at=round(now.at, 3),
        node=node,
        source=source,
        seconds=round(span, 3) if rated else 0.0,
        delay=round(max(now.delay, 0.0), 4),
        clock_offset=offset,
        **told,
    )


def _between(before: Look | None, now: Look) -> float:
    """Seconds between two looks: by the node's own clock where that agrees with ours, which the delays blur."""
    if before is None:
        return 0.0
    ours = now.at - before.at
    first, last = before.reading.clock, now.reading.clock
    if first is None or last is None:
        return ours
    slack = (before.delay + now.delay) / 2 + CLOCK_SLACK
    return last - first if abs(last - first - ours) <= slack else ours


def _rate(before: float | None, now: float | None, seconds: float) -> float | None:
    """Per second; None without two counts, or where the counter was reset."""
    if before is None or now is None or seconds < SHORTEST or now < before:
        return None
    return (now - before) / seconds


def _first(*values: float | None) -> float | None:
    return next((value for value in values if value is not None), None)


def _kept(value: float | None, digits: int) -> float | None:
    """The figure, if it can be one."""
    return round(value, digits) if value is not None and math.isfinite(value) and value >= 0 else None
