"""Small runs with known figures, as the lines of a run file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from advisor.gate import Gate, judge, read_tally
from benchmarks.gate import scenario
from loadtests.budgets import read_page
from loadtests.region import load_region
from loadtests.results import Ending, Footer, Generator, Header, Line, Players, Requests, Totals, Window, text_of
from loadtests.run import RUN_FILE
from loadtests.sketch import Sketch


@dataclass(frozen=True)
class Made:
    """A run whose peak lasts ``len(latencies)`` seconds, each with ``count`` equal requests of one latency."""

    latencies: Sequence[float] = (0.1,) * 40
    count: int = 100
    errors: Sequence[int] = ()
    """Failed requests by second of the peak."""
    present: float = 1.0
    """Share of the planned viewers."""
    busy: range = range(0)
    """Seconds in which the generator was the limit."""
    ending: Ending = "finished"
    footer: bool = True
    regions: tuple[str, ...] = ("id",)
    stop: int = 10_000
    """Seconds recorded."""
    workers: int = 1

    def windows(self) -> Iterator[Window]:
        """By second and region; the peak starts at second 3."""
        for at in range(min(self.stop, len(self.latencies) + 4)):
            for region in self.regions:
                yield self._window(at, region)

    def _window(self, at: int, region: str) -> Window:
        second = min(max(at - 3, 0), len(self.latencies) - 1)
        total = Sketch()
        total.add(self.latencies[second], self.count)
        failed = self.errors[second] if second < len(self.errors) else 0
        one = Requests(count=self.count + failed, errors={"timeout": failed} if failed else {}, total=total, ttfb=total)
        viewers = round(1000 * self.present / len(self.regions))
        players = Players(viewers=viewers, joins=1, starts=1, play_seconds=viewers, bitrate_seconds=viewers * 1e6)
        return Window(at=at, region=region, cohort="mobile", requests={"segment": one}, players=players)

    def lines(self) -> Iterator[Line]:
        """The whole file."""
        plan = scenario(len(self.latencies), self.regions)
        yield Header(
            run_id="made",
            started_at=datetime(2026, 12, 1, tzinfo=UTC),
            scenario=plan,
            regions={code: load_region(code) for code in plan.regions},
            phases=plan.surge.phases(),
            workers=self.workers,
        )
        windows = list(self.windows())
        for window in windows:
            yield window
            if window.region == self.regions[-1]:
                yield Generator(at=window.at, worker="w0", cpu=0.99 if window.at in self.busy else 0.3)
        if self.footer:
            yield Footer(
                complete=self.ending in ("finished", "run_time"),
                ending=self.ending,
                at=min(self.stop, len(self.latencies) + 4),
                workers_expected=self.workers,
                workers_heard=self.workers - (self.ending == "worker_lost"),
                totals=Totals.of(windows),
            )

    def write(self, folder: Path) -> str:
        """The run in ``folder``; the folder's name."""
        return write_lines(folder, self.lines())


def write_lines(folder: Path, lines: Iterable[Line]) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RUN_FILE).write_text("".join(text_of(line) + "\n" for line in lines), encoding="utf-8")
    return str(folder)


def verdict(places: Sequence[str], budgets: str, baselines: Sequence[str] = ()) -> Gate:
    """The gate over runs on disk; one budget a line."""
    placed = read_page("b.yaml", "".join(f"- {line}\n" for line in budgets.splitlines()))
    needed = frozenset(one.budget.metric for one in placed)
    return judge(read_tally(places, needed), placed, [read_tally([place], needed) for place in baselines])
