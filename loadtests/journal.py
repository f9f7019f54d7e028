"""Writes the run file: header, then each second once every worker has told of it, then the footer."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import urlsplit, urlunsplit

from loadtests.region import load_region
from loadtests.results import Ending, Footer, Gap, Generator, Header, Line, Note, SeenStream, Window
from loadtests.run import RunWriter
from loadtests.scenario import Scenario
from loadtests.target import OwnTarget, Target

SILENCE: Final = 5.0
"""Seconds without a report after which a worker counts as lost; it reports every second."""
SOFTWARE: Final = ("surgecast", "locust", "gevent", "pydantic", "numpy")


def run_id(scenario: Scenario, started_at: datetime) -> str:
    """A name that sorts by time: ``20261205T123000Z-viral-goal``."""
    return f"{started_at:%Y%m%dT%H%M%SZ}-{scenario.name}"


def redacted(scenario: Scenario) -> tuple[Scenario, tuple[str, ...]]:
    """The scenario without secrets and local paths, and what was taken out."""
    target, left_out = _shown(scenario.target, "target")
    target, more = _observers_shown(target)
    left_out += more
    regions = {}
    for code, audience in scenario.regions.items():
        own = audience.target
        if own is not None:
            own, more = _shown(own, f"regions.{code}.target")
            left_out += more
        regions[code] = audience.model_copy(update={"target": own})
    faults = tuple(fault.shown() for fault in scenario.faults)
    for index, (fault, told) in enumerate(zip(scenario.faults, faults, strict=True)):
        left_out += [f"faults.{index}: arguments of its commands"] if told != fault else []
    shown = {"target": target, "regions": regions, "faults": faults}
    return scenario.model_copy(update=shown), tuple(left_out)


Shown = TypeVar("Shown", Target, OwnTarget)


def _shown(target: Shown, place: str) -> tuple[Shown, list[str]]:
    shown: dict[str, str] = {}
    left_out: list[str] = []
    for name in ("url", "home"):
        parts = urlsplit(getattr(target, name, ""))
        if parts.query or parts.fragment:
            shown[name] = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
            left_out.append(f"{place}.{name}: query")
    if target.ca_file:
        shown["ca_file"] = Path(target.ca_file).name
        left_out.append(f"{place}.ca_file: folder")
    return target.model_copy(update=shown), left_out


def _observers_shown(target: Target) -> tuple[Target, list[str]]:
    """Addresses of observers lose their queries, as the target's own does."""
    shown = tuple(one.shown() for one in target.observe)
    pairs = enumerate(zip(target.observe, shown, strict=True))
    left_out = [f"target.observe.{index}: query" for index, (one, told) in pairs if told != one]
    return target.model_copy(update={"observe": shown}), left_out


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
    carried: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """The regions that each worker may carry: where it falls silent, theirs is the gap."""
    streams: Mapping[str, SeenStream] = field(default_factory=dict)
    """What the preflight saw, by region."""
    lost: dict[str, int] = field(default_factory=dict)
    """Workers that were given up, and the first second that each has not told of to its end."""
    _given_up: dict[str, int] = field(default_factory=dict)
    """The second from which on others carry its viewers: what it says of later ones is left out."""
    _known_until: dict[str, int] = field(default_factory=dict)
    _heard_at: dict[str, float] = field(default_factory=dict)
    _last: set[str] = field(default_factory=set)
    _pending: dict[int, list[Line]] = field(default_factory=dict)
    _closed: bool = False

    def open(self) -> None:
        """Create the run file with its header."""
        self._writer = RunWriter(self.folder)
        started_at = datetime.fromtimestamp(self.epoch, UTC)
        first = header(self.scenario, started_at, len(self.workers))
        self._writer.write([first.model_copy(update={"streams": dict(self.streams)})])

    def collect(self, worker: str, until: int, lines: Iterable[Line], now: float, *, last: bool = False) -> None:
        """Take a worker's report; ``now`` is run seconds."""
        if worker in self.lost and now - self._heard_at.get(worker, 0.0) > SILENCE:
            text = f"{worker} reports again; others carry its viewers"
            self.note(now, "worker_back", text, worker=worker)
        self._heard_at[worker] = now
        self._known_until[worker] = max(until, self._known_until.get(worker, 0))
        if last:
            self._last.add(worker)
        end = self._given_up.get(worker)
        for line in lines:
            if isinstance(line, Window | Generator) and (end is None or line.at < end):
                self._pending.setdefault(line.at, []).append(line)
        self.flush(now)

    def flush(self, now: float) -> None:
        """Write the seconds that every worker still present has told of; give up those that fell silent."""
        if self._closed:
            return
        for worker in self.workers:
            silent = now - self._heard_at.get(worker, 0.0)
            if silent > SILENCE and worker not in self._last and worker not in self.lost:
                self.lost[worker], self._given_up[worker] = self._known_until.get(worker, 0), int(now)
                self._note_loss(now, "worker_lost", f"{worker} has been silent for {silent:.0f} s", worker)
        told = [self._known_until.get(worker, 0) for worker in self.awaited]
        self._write_until(min(told, default=max(self._pending, default=0) + 1))

    def leave(self, worker: str, at: float, why: str) -> None:
        """A worker drives nobody from now on, and says so itself; what it still tells is welcome."""
        if worker not in self.lost and worker not in self._last:
            self.lost[worker] = int(max(at, 0.0))
            self._note_loss(at, "worker_left", f"{worker} has left: {why}", worker)

    def _note_loss(self, now: float, kind: str, text: str, worker: str) -> None:
        regions = list(self.carried.get(worker, ()))
        self.note(now, kind, text, worker=worker, regions=regions, since=self.lost[worker])

    def forgive(self, seconds: float) -> None:
        """We were held up for so long: what was not heard meanwhile is not the workers' silence."""
        for worker in self.workers:
            self._heard_at[worker] = self._heard_at.get(worker, 0.0) + seconds

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

    def observed(self, line: Line) -> None:
        """Append what a server said of itself, at once."""
        if not self._closed:
            self._writer.write([line])

    @property
    def awaited(self) -> list[str]:
        """Workers whose last report has not come and who have not fallen silent."""
        return [worker for worker in self.workers if worker not in self._last and worker not in self._given_up]

    def close(self, ending: Ending, at: float, gaps: Sequence[Gap] = ()) -> Footer:
        """Write what is left and the footer; the footer. ``gaps`` are those of lost workers."""
        self._write_until(max(self._pending, default=0) + 1)
        heard = len(self._last)
        made_good = {gap.worker for gap in gaps if gap.is_short}
        whole = set(self.workers) == self._last | made_good and all(gap.is_short for gap in gaps)
        footer = Footer(
            complete=whole and ending in ("finished", "run_time"),
            ending=ending if whole or ending == "failed" else "worker_lost",
            at=round(max(at, 0.0), 3),
            workers_expected=len(self.workers),
            workers_heard=heard,
            totals=self._writer.totals,
            gaps=tuple(gaps),
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
