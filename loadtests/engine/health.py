"""How well the generator itself keeps up: CPU, lateness, what it could not start, what it did wrong."""

from __future__ import annotations

import logging
import time
import traceback
from typing import Final

from loadtests.results import LAG_LIMIT, Generator
from loadtests.sketch import Sketch

SHORTEST: Final = 0.5
"""Seconds that a CPU share is taken over at least: the last, broken second of a run is too short to judge."""
_LOG: Final = logging.getLogger("surgecast.engine")


class Health:
    """Since the last `read`, but for the faults: they stay."""

    def __init__(self) -> None:
        self._cpu, self._wall = time.process_time(), time.monotonic()
        self.faults = 0
        """Errors of ours, each at the cost of a viewer or a request, since the start."""
        self.first_fault: Exception | None = None
        self._told: set[tuple[type[Exception], str]] = set()
        self._reset()

    def _reset(self) -> None:
        self._lags: list[float] = []
        self.late = self.dropped = 0

    @property
    def lag(self) -> Sketch:
        """How late timed actions started."""
        return Sketch.of(self._lags)

    def started(self, lag: float) -> None:
        """A timed action starts ``lag`` seconds after it was due."""
        self._lags.append(lag)
        if lag > LAG_LIMIT:
            self.late += 1

    def fault(self, error: Exception) -> None:
        """An error of ours was caught: it is counted, and told once per place where it is raised."""
        self.faults += 1
        self.first_fault = self.first_fault or error
        last = traceback.extract_tb(error.__traceback__)[-1:]
        place = (type(error), f"{last[0].filename}:{last[0].lineno}" if last else "")
        if place not in self._told:
            self._told.add(place)
            _LOG.error("error in surgecast: a viewer or a request is lost, the run is not valid", exc_info=error)

    def read(self, at: int, worker: str, *, sockets: int, viewers: int, received: int) -> Generator:
        """The line for second ``at``; starts the next second."""
        cpu, wall = time.process_time(), time.monotonic()
        share = (cpu - self._cpu) / max(wall - self._wall, SHORTEST)
        line = Generator(
            at=at,
            worker=worker,
            cpu=round(share, 4),
            lag=self.lag,
            late=self.late,
            dropped=self.dropped,
            faults=self.faults,
            sockets=sockets,
            viewers=viewers,
            bytes=received,
        )
        self._cpu, self._wall = cpu, wall
        self._reset()
        return line
