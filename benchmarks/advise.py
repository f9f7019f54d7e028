"""Time, CPU and memory of `surgecast advise` by the size of the run, reports included.

A run of 30 minutes in ten regions, then twice and four times as much of it (60 minutes; 60 minutes in twenty regions).
Each second of each region is drawn from windows made before: by load, a few variants each. Viewers grow tenfold in two
minutes, past what four nodes carry, and stay: segments then take long, some requests fail, viewers stall. *Before* is
the same advice from windows read as models and kept (`read_run`), as it was until version 0.1. Python keeps the
bytecode of what it imports, as for an installed command (pip compiles what it installs): a first call is not counted.
Time is by the clock: on several cores parts of the work go on side by side, and CPU is their sum.

``python -m benchmarks.advise [--json OUT] [--rounds 3]``
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
import psutil

from loadtests.flow import planned
from loadtests.region import load_region, region_codes
from loadtests.results import Footer, Generator, Header, Players, Requests, Totals, Window, add, text_of
from loadtests.scenario import Scenario, read_scenario
from loadtests.sketch import Sketch

PEAK: Final = 20_000
"""Viewers, over all regions."""
BITRATE: Final = 1e6
SEGMENT: Final = 2.0
CARRIES: Final = 0.6
"""Share of the peak's bandwidth that the nodes have."""
VARIANTS: Final = 6
LOOK: Final = 0.05
"""Seconds between two looks at memory."""
NOW: Final = "from surgecast.cli import main\nmain()\n"
BEFORE: Final = """
import sys
from pathlib import Path
from advisor.advising import advise
from advisor.reports import write_reports
from advisor.pages.summary import summary
from loadtests.run import read_run
advice = advise([read_run(sys.argv[2])])
write_reports(advice, Path(sys.argv[2]))
print(summary(advice))
"""


@dataclass(frozen=True, slots=True)
class Size:
    """How much of a run."""

    minutes: int
    regions: int

    @property
    def seconds(self) -> int:
        """Its seconds."""
        return 60 * self.minutes


SIZES: Final = (Size(30, 10), Size(60, 10), Size(60, 20))


@dataclass(frozen=True, slots=True)
class Cost:
    """One advice in a process of its own."""

    seconds: float
    cpu_seconds: float
    megabytes: float
    """Most memory of the process and those beside it, as looked at: what they share is counted once."""


def scenario(size: Size) -> Scenario:
    """The surge: a minute of warm-up, five of quiet, two of ramp, two of fall, and the peak."""
    data = read_scenario("viral-goal").model_dump(mode="json")
    codes = sorted(region_codes())[: size.regions]
    fixed = {"warm_up": 60, "quiet": 300, "ramp": 120, "fall": 120}
    data["surge"] = {"shape": "flash_crowd", "baseline": PEAK // 10, "peak": PEAK}
    data["surge"] |= {name: f"{value}s" for name, value in fixed.items()}
    data["surge"]["hold"] = f"{size.seconds - sum(fixed.values())}s"
    cohorts = {
        "all": {"share": "100%", "access": "mixed", "renditions": {"lowest": "30%", "middle": "50%", "highest": "20%"}}
    }
    data["regions"] = {code: {"share": f"{100 / len(codes):.9f}%", "cohorts": cohorts} for code in codes}
    data["target"]["nodes"] = 4
    data["launch"]["audience"] = dict.fromkeys(codes, 40_000)
    return Scenario.model_validate(data)


def second(viewers: float, whole: float, joins: int, dice: np.random.Generator) -> Window:
    """One second of one region; ``whole`` is what all its regions ask for, as a share of what the nodes carry."""
    slow = max(1.0, 6 * (whole - 1) + 2) if whole > 1 else 1.0
    served = max(1, int(dice.poisson(viewers / SEGMENT / max(1.0, whole))))
    failed = int(dice.poisson(0.02 * served)) if whole > 1 else 0
    segments = _requests(served, BITRATE * SEGMENT / 8, 0.12 * slow, dice)
    segments = segments.model_copy(
        update={"count": served + failed, "errors": {"timeout": failed} if failed else {}, "retries": failed}
    )
    asked = {"segment": segments, "playlist": _requests(served, 900, 0.03 * slow, dice)}
    if joins:
        asked |= {"master": _requests(joins, 700, 0.03 * slow, dice), "init": _requests(joins, 1200, 0.03, dice)}
    stalled = min(0.3, 0.1 * (whole - 1)) * viewers if whole > 1 else 0.0
    players = Players(
        viewers=round(viewers),
        joins=joins,
        starts=joins,
        startup=_sketch(joins, 0.8 * slow, dice),
        play_seconds=viewers - stalled,
        stall_seconds=stalled,
        stalls=int(stalled),
        bitrate_seconds=(viewers - stalled) * BITRATE,
        live_latency=_sketch(served // 2, 7.0, dice),
    )
    return Window.model_validate({"at": 0, "region": "@", "cohort": "all", "requests": asked, "players": players})


def _requests(count: int, size: float, middle: float, dice: np.random.Generator) -> Requests:
    total = _sketch(count, middle, dice)
    sizes = round(count * size * float(dice.lognormal(0, 0.02)))
    ttfb = _sketch(count, middle / 3, dice)
    return Requests(count=count, bytes=sizes, head_bytes=180 * count, ttfb=ttfb, total=total)


def _sketch(count: int, middle: float, dice: np.random.Generator) -> Sketch:
    return Sketch.of(list(middle * np.exp(dice.normal(0, 0.4, count))))


def lines(size: Size) -> Iterator[str]:
    """The whole run file."""
    plan, dice = scenario(size), np.random.default_rng(1)
    wanted, codes = planned(plan, ""), tuple(plan.regions)
    made: dict[tuple[int, bool, int], tuple[str, Totals]] = {}
    begun = datetime(2026, 12, 1, tzinfo=UTC)
    places = {code: load_region(code) for code in codes}
    phases = plan.surge.phases()
    yield text_of(Header(run_id="drawn", started_at=begun, scenario=plan, regions=places, phases=phases, workers=1))
    totals, before = Totals(), 0.0
    for at in range(size.seconds):
        now = wanted(at + 1.0)
        each, level = now / len(codes), round(40 * now / PEAK)
        ramp, before = now - before > 0.001 * PEAK, now
        for code in codes:
            key = (level, ramp, int(dice.integers(VARIANTS)))
            if key not in made:
                joins = int(dice.poisson(each * (0.05 if ramp else 0.003)))
                window = second(each, now / PEAK / CARRIES, joins, dice)
                made[key] = text_of(window), Totals.of([window])
            text, sums = made[key]
            totals = add(totals, sums)
            yield text.replace('"at":0,"region":"@"', f'"at":{at},"region":"{code}"', 1)
        yield text_of(Generator(at=at, worker="w", cpu=0.3))
    end = {"complete": True, "ending": "finished", "at": size.seconds, "workers_expected": 1, "workers_heard": 1}
    yield text_of(Footer.model_validate({**end, "totals": totals}))


def advised(folder: Path, code: str, kept: str) -> Cost:
    """One advice on the run in ``folder``, with its reports; bytecode is ``kept`` in a folder."""
    begun, before, most = time.monotonic(), os.times(), 0
    settings = {**os.environ, "PYTHONPYCACHEPREFIX": kept, "PYTHONDONTWRITEBYTECODE": ""}
    with subprocess.Popen(
        [sys.executable, "-c", code, "advise", str(folder)], env=settings, stdout=subprocess.DEVNULL
    ) as running:
        while running.poll() is None:
            most = max(most, _memory(running.pid))
            with suppress(subprocess.TimeoutExpired):
                running.wait(LOOK)
    seconds, after = time.monotonic() - begun, os.times()
    if running.returncode:
        sys.exit(running.returncode)
    busy = after.children_user + after.children_system - before.children_user - before.children_system
    return Cost(seconds, busy, most / 1e6)


def _memory(pid: int) -> int:
    """Bytes of a process and its children: proportional set sizes, so that shared pages are not counted twice."""
    total = 0
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with suppress(psutil.Error):
                total += one.memory_full_info().pss
    return total


def middle(costs: list[Cost]) -> Cost:
    """The median of each figure."""
    return Cost(*(median(getattr(one, name) for one in costs) for name in ("seconds", "cpu_seconds", "megabytes")))


def main() -> None:
    """Draw, advise, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(f"{'run':<24}{'file':>9}{'time':>9}{'CPU':>9}{'memory':>10}")
    rows, found = [], {}
    kept = tempfile.TemporaryDirectory()
    for size in SIZES:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            with (folder / "run.jsonl").open("w", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in lines(size))
            ways = {"now": NOW, "before": BEFORE} if size is SIZES[0] else {"now": NOW}
            costs: dict[str, list[Cost]] = {way: [] for way in ways}
            if size is SIZES[0]:
                advised(folder, NOW, kept.name)
            for _ in range(options.rounds):
                for way, code in ways.items():
                    costs[way].append(advised(folder, code, kept.name))
            for way, many in costs.items():
                cost = found[size, way] = middle(many)
                megabytes = (folder / "run.jsonl").stat().st_size / 1e6
                rows.append({**asdict(size), "way": way, "file_megabytes": megabytes, **asdict(cost)})
                head = f"{size.minutes} min x {size.regions}" + (", before" if way == "before" else "")
                print(
                    f"{head:<24}{megabytes:>6.0f} MB{cost.seconds:>7.2f} s{cost.cpu_seconds:>7.2f} s"
                    f"{cost.megabytes:>7.0f} MB",
                    flush=True,
                )
    first, last, old = found[SIZES[0], "now"], found[SIZES[-1], "now"], found[SIZES[0], "before"]
    ratios = {
        "cpu_before_over_now": old.cpu_seconds / first.cpu_seconds,
        "memory_before_over_now": old.megabytes / first.megabytes,
        "cpu_fourfold_over_single": last.cpu_seconds / first.cpu_seconds,
    }
    print(
        f"before needs {ratios['cpu_before_over_now']:.1f} times the CPU and {ratios['memory_before_over_now']:.1f} "
        f"times the memory; four times the run needs {ratios['cpu_fourfold_over_single']:.1f} times the CPU"
    )
    kept.cleanup()
    if options.json:
        figures = {
            "benchmark": "advise",
            "date": datetime.now(UTC).date().isoformat(),
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}",
            "python": platform.python_version(),
            "rounds_each": options.rounds,
            "rounds": rows,
            "ratios": ratios,
        }
        options.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
