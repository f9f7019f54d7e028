"""A node's declared egress, enforced as a saturated server would show it.

    request ──► Slots (requests/s, in front) ──► Egress (bit/s, shared) ──► wire
                  │ queue over 2 s                │ line over 2 s
                  └──────────── 503 ◄─────────────┘

Both are schedules on the monotonic clock: they remember when the next slot, or the link, is free, so a timer
that fires late delays one response and never lowers the rate.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from loadtests.staging.declared import BURST_SECONDS


@dataclass(slots=True)
class Turn:
    """A response's place in the line: ``size`` bytes now, ``rest`` bytes in all that it still has to send."""

    size: int
    rest: int
    gone: Callable[[], bool]
    granted: asyncio.Future[bool]


class Egress:
    """One link that all open responses share in turns, first come first served.

    ``free_at`` is when the link will have sent everything granted so far. A turn is granted once that time has
    come and pushes it back by the turn's own sending time, so the bytes granted never run ahead of the rate.
    """

    def __init__(self, bits_per_second: float, loop: asyncio.AbstractEventLoop) -> None:
        self._seconds_per_byte = 8.0 / bits_per_second
        self._loop = loop
        self._line: deque[Turn] = deque()
        self._waiting_bytes = 0
        self._free_at = loop.time()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def depth(self) -> int:
        """Responses that stand in line."""
        return len(self._line)

    def change(self, bits_per_second: float) -> None:
        """Another rate from now on, for what stands in line too."""
        self._seconds_per_byte = 8.0 / bits_per_second

    def backlog(self) -> float:
        """Seconds the link needs for all that stands in line now."""
        owed = max(0.0, self._free_at - self._loop.time())
        return owed + self._waiting_bytes * self._seconds_per_byte

    def charge(self, size: int) -> None:
        """Count ``size`` bytes that went out without a turn: response heads and refusals."""
        self._forget_idle_time()
        self._free_at += size * self._seconds_per_byte

    async def turn(self, size: int, *, rest: int, gone: Callable[[], bool]) -> bool:
        """Wait until ``size`` bytes may be sent; False if the client was ``gone`` when its turn came."""
        self._forget_idle_time()
        turn = Turn(size, rest, gone, self._loop.create_future())
        self._line.append(turn)
        self._waiting_bytes += rest
        if self._timer is None:
            self._grant()
        return await turn.granted

    def _forget_idle_time(self) -> None:
        """Drop link time that went unused while nobody stood in line, but for the burst."""
        if not self._line:
            self._free_at = max(self._free_at, self._loop.time() - BURST_SECONDS)

    def _grant(self) -> None:
        """Let everyone go whose time has come; come back when the link is free again."""
        self._timer = None
        now = self._loop.time()
        while self._line and self._free_at <= now:
            turn = self._line.popleft()
            self._waiting_bytes -= turn.rest
            self._settle(turn)
        if self._line:
            self._timer = self._loop.call_at(self._free_at, self._grant)

    def _settle(self, turn: Turn) -> None:
        if turn.granted.cancelled():
            return
        stays = not turn.gone()
        if stays:
            self._free_at += turn.size * self._seconds_per_byte
        turn.granted.set_result(stays)
