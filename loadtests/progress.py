"""Live progress of a run on the terminal: viewers, requests/s, Gbit/s, stalls and errors per region."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TextIO

from rich.console import Console
from rich.live import Live
from rich.table import Table

from loadtests.results import Generator, Window
from loadtests.scenario import Scenario

PLAIN_EVERY: Final = 5
"""Seconds between two lines where the terminal cannot be redrawn (a CI log)."""


def summary_to_log() -> None:
    """Send Locust's closing tables to its log instead of the terminal, which shows the progress."""
    tables = logging.getLogger("locust.stats_logger")
    tables.handlers.clear()
    tables.propagate = True


@dataclass(frozen=True, slots=True)
class Row:
    """One region in one second."""

    region: str
    viewers: int
    requests: int
    gbps: float
    stalls: int
    errors: int

    @classmethod
    def of(cls, region: str, windows: Sequence[Window]) -> Row:
        """Sum a region's windows of one second."""
        kinds = [requests for window in windows for requests in window.requests.values()]
        return cls(
            region=region,
            viewers=sum(window.players.viewers for window in windows),
            requests=sum(requests.count for requests in kinds),
            gbps=sum(requests.bytes + requests.head_bytes for requests in kinds) * 8 / 1e9,
            stalls=sum(window.players.stalls for window in windows),
            errors=sum(requests.failed for requests in kinds),
        )


@dataclass
class Progress:
    """Shows each second as it is written. Redraws a table on a terminal, writes a line every 5 s elsewhere."""

    scenario: Scenario
    stream: TextIO = field(default_factory=lambda: sys.stderr)
    _live: Live | None = None

    def start(self) -> None:
        """Take the terminal."""
        console = Console(file=self.stream)
        if console.is_terminal:
            self._live = Live(console=console, auto_refresh=False, transient=True)
            self._live.start()

    def observe(self, second: int, windows: list[Window], generators: list[Generator]) -> None:
        """Show one second."""
        rows = [Row.of(code, [w for w in windows if w.region == code]) for code in self.scenario.regions]
        rows.append(Row.of("all", windows))
        trouble = next((str(found) for generator in generators if (found := generator.bottleneck())), "")
        if self._live is not None:
            self._live.update(self._table(second, rows, trouble), refresh=True)
        elif second % PLAIN_EVERY == 0:
            self.stream.write(self._line(second, rows, trouble) + "\n")
            self.stream.flush()

    def stop(self) -> None:
        """Give the terminal back."""
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _phase(self, second: int) -> str:
        return next((p.name for p in self.scenario.surge.phases() if p.start <= second < p.end), "end")

    def _table(self, second: int, rows: list[Row], trouble: str) -> Table:
        length = self.scenario.surge.duration
        table = Table(
            title=f"{self.scenario.name}  {second:>4} / {length:.0f} s  {self._phase(second)}", caption=trouble
        )
        table.add_column("region")
        for name in ("viewers", "requests/s", "Gbit/s", "stalls/s", "errors/s"):
            table.add_column(name, justify="right")
        for row in rows:
            table.add_row(
                row.region, f"{row.viewers:,}", f"{row.requests:,}", f"{row.gbps:.3f}", f"{row.stalls}", f"{row.errors}"
            )
        return table

    def _line(self, second: int, rows: list[Row], trouble: str) -> str:
        parts = [
            f"{row.region}: {row.viewers} viewers {row.requests} req/s {row.gbps:.3f} Gbit/s "
            f"{row.stalls} stalls {row.errors} errors"
            for row in rows
        ]
        tail = f" | generator: {trouble}" if trouble else ""
        return f"[{second:>4} s {self._phase(second)}] " + " | ".join(parts) + tail
