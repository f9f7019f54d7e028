"""What one simulated viewer lived through, on its way to the cohort's tally: for standard errors over viewers."""

from __future__ import annotations

from typing import Any

from loadtests.recorder import CohortTally, PlayState


class Lived:
    """Passes everything on to the tally of its cohort, and keeps this viewer's own seconds."""

    __slots__ = ("_since", "_state", "_tally", "live_latency", "played", "stalled_for")

    def __init__(self, tally: CohortTally) -> None:
        self._tally = tally
        self.live_latency = tally.live_latency
        self.played = self.stalled_for = self._since = 0.0
        self._state: PlayState = "waiting"

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tally, name)

    def _move(self, at: float, state: PlayState) -> None:
        if self._state == "playing":
            self.played += at - self._since
        elif self._state == "stalled":
            self.stalled_for += at - self._since
        self._since, self._state = at, state

    def started(self, at: float, startup: float, bitrate: float) -> None:
        """The first frame is shown."""
        self._move(at, "playing")
        self._tally.started(at, startup, bitrate)

    def stalled(self, at: float, bitrate: float) -> None:
        """The buffer ran dry."""
        self._move(at, "stalled")
        self._tally.stalled(at, bitrate)

    def resumed(self, at: float, bitrate: float) -> None:
        """Playing again."""
        self._move(at, "playing")
        self._tally.resumed(at, bitrate)

    def left(self, at: float, state: PlayState, bitrate: float) -> None:
        """The visit is over."""
        self._move(at, state)
        self._tally.left(at, state, bitrate)
