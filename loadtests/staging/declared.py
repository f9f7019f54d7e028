"""What a node declares, and the slots of its requests: pure arithmetic, the same for the stage and for its model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from loadtests.errors import InputError

CHUNK: Final = 16 * 1024
"""Bytes a response sends in one turn. All open responses take turns, so each gets an equal share of the link."""

BURST_SECONDS: Final = 0.02
"""How much unused link or slot time may be saved up: enough to hide the timers' 1 ms steps, and at most 0.4 % of
five seconds, so that a short measurement still sees the declared rate."""

BACKLOG_SECONDS: Final = 2.0
"""Longest time that a new request may have to wait for those in front of it. Beyond one segment duration a live
player gains nothing from waiting: the node refuses instead (503, Retry-After: 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """What a node declares: ``egress`` in bit/s on the wire and ``rps`` in requests/s; None is unlimited."""

    egress: float | None = None
    rps: float | None = None

    def __post_init__(self) -> None:
        """Refuse what no node can have."""
        for name, value in (("egress", self.egress), ("rps", self.rps)):
            if value is not None and value <= 0:
                raise InputError(f"the declared {name} is {value:g}", hint="declare more than zero, or nothing at all")

    def cut(self, share: float) -> Capacity:
        """What is left of it; a share of unlimited is unlimited."""
        return Capacity(
            egress=None if self.egress is None else self.egress * share,
            rps=None if self.rps is None else self.rps * share,
        )


class Slots:
    """Starting times for requests, 1/``rps`` apart. Pure arithmetic: the caller waits until the time it is given."""

    def __init__(self, rps: float) -> None:
        self._step = 1.0 / rps
        self._next = float("-inf")

    def change(self, rps: float) -> None:
        """Another rate from now on; slots that were taken keep their times."""
        self._step = 1.0 / rps

    def take(self, now: float, part: float = 1.0) -> float | None:
        """Return when a request that arrives at ``now`` may start, or None if that is too far away.

        ``part`` is how much of a slot it takes, for a model that knows smaller requests.
        """
        start = max(self._next, now - BURST_SECONDS)
        if start - now > BACKLOG_SECONDS:
            return None
        self._next = start + self._step * part
        return max(start, now)
