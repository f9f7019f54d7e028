"""Writes the run file: header, then each second once every worker has told of it, then the footer."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from loadtests.region import load_region
from loadtests.results import Ending, Footer, Generator, Header, Line, Note, Window
from loadtests.run import RunWriter
from loadtests.scenario import Scenario

SILENCE: Final = 5.0
"""Seconds without a report after which a worker counts as lost; it reports every second."""
SOFTWARE: Final = ("surgecast", "locust", "gevent", "pydantic", "numpy")


def run_id(scenario: Scenario, started_at: datetime) -> str:
    """A name that sorts by time: ``20261205T123000Z-viral-goal``."""
    return f"{started_at:%Y%m%dT%H%M%SZ}-{scenario.name}"


def redacted(scenario: Scenario) -> tuple[Scenario, tuple[str, ...]]:
    """The scenario without secrets and local paths, and what was taken out."""
    shown: dict[str, str] = {}
    left_out: list[str] = []
    for name in ("url", "home"):
        parts = urlsplit(getattr(scenario.target, name))
        if parts.query or parts.fragment:
            shown[name] = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
            left_out.append(f"target.{name}: query")
    if scenario.target.ca_file:
        shown["ca_file"] = Path(scenario.target.ca_file).name
        left_out.append("target.ca_file: folder")
    target = scenario.target.model_copy(update=shown)
    faults = tuple(fault.shown() for fault in scenario.faults)
    for index, (fault, told) in enumerate(zip(scenario.faults, faults, strict=True)):
        left_out += [f"faults.{index}: arguments of its commands"] if told != fault else []
    return scenario.model_copy(update={"target": target, "faults": faults}), tuple(left_out)


def header(scenario: Scenario, started_at: datetime, workers: int) -> Header:
    """The first line of a run."""
    shown, redactions = redacted(scenario)
    return Header(
        run_id=run_id(scenario, started_at),
        started_at=started_at,
        scenario=shown,
        regions={code: load_region(code) for code in scenario.regions},
        phases=scenario.surge.phases(),
        workers=workers,
        software={**{name: version(name) for name in SOFTWARE}, "python": platform.python_version()},
        redactions=redactions,
    )


@dataclass
class Journal:
    """Collects workers' lines and appends them in order of time.

    ``observe`` is called with the merged windows of each second as it is written (progress, gates).
    """

    folder: Path
    scenario: Scenario
    epoch: float
    workers: tuple[str, ...]
    observe: Callable[[int, list[Window], list[Generator]], None] = lambda *_: None
    _known_until: dict[str, int] = field(default_factory=dict)
    _heard_at: dict[str, float] = field(default_factory=dict)
    _last: set[str] = field(default_factory=set)
    _lost: set[str] = field(default_factory=set)
    _pending: dict[int, list[Line]] = field(default_factory=dict)
    _closed: bool = False

    def open(self) -> None:
        """Create the run file with its header."""
        self._writer = RunWriter(self.folder)
        started_at = datetime.fromtimestamp(self.epoch, UTC)
        self._writer.write([header(self.scenario, started_at, len(self.workers))])

    def collect(self, worker: str, until: int, lines: Iterable[Line], now: float, *, last: bool = False) -> None:
        """Take a worker's report; ``now`` is run seconds."""
        self._heard_at[worker] = now
        if worker in self._lost:
            self._lost.discard(worker)
            self.note(now, "worker_back", f"{worker} reports again", worker=worker)
        self._known_until[worker] = max(until, self._known_until.get(worker, 0))
        if last:
            self._last.add(worker)
        for line in lines:
            if isinstance(line, Window | Generator):
                self._pending.setdefault(line.at, []).append(line)
        self.flush(now)

    def flush(self, now: float) -> None:
        """Write the seconds that every worker still present has told of; note workers that fell silent."""
        if self._closed:
            return
        for worker in self.workers:
            silent = now - self._heard_at.get(worker, 0.0)
            if silent > SILENCE and worker not in self._last | self._lost:
                self._lost.add(worker)
                self.note(now, "worker_lost", f"{worker} has been silent for {silent:.0f} s", worker=worker)
        present = [worker for worker in self.workers if worker not in self._lost]
        whole = min((self._known_until.get(worker, 0) for worker in present), default=max(self._pending, default=0) + 1)
        self._write_until(whole)

    def _write_until(self, whole: int) -> None:
        for second in sorted(self._pending):
            if second >= whole:
                break
            lines = self._pending.pop(second)
            windows = list(_merged(line for line in lines if isinstance(line, Window)))
            generators = [line for line in lines if isinstance(line, Generator)]
            self._writer.write([*windows, *generators])
            self.observe(second, windows, generators)

    def note(self, at: float, kind: str, text: str, **data: object) -> None:
        """Append a note at once."""
        if not self._closed:
            self._writer.write([Note(at=round(max(at, 0.0), 3), kind=kind, text=text, data=data)])

    @property
    def awaited(self) -> list[str]:
        """Workers whose last report has not come and who are not known to be lost."""
        return [worker for worker in self.workers if worker not in self._last | self._lost]

    def close(self, ending: Ending, at: float) -> Footer:
        """Write what is left and the footer; the footer."""
        self._write_until(max(self._pending, default=0) + 1)
        heard = len(self._last)
        whole = heard == len(self.workers)
        footer = Footer(
            complete=whole and ending in ("finished", "run_time"),
            ending=ending if whole or ending == "failed" else "worker_lost",
            at=round(max(at, 0.0), 3),
            workers_expected=len(self.workers),
            workers_heard=heard,
            totals=self._writer.totals,
        )
        self._writer.write([footer])
        self._writer.close()
        self._closed = True
        return footer


def _merged(windows: Iterable[Window]) -> Iterable[Window]:
    merged: dict[tuple[int, str, str], Window] = {}
    for window in windows:
        known = merged.get(window.key)
        merged[window.key] = known.merge(window) if known else window
    return (merged[key] for key in sorted(merged))
