"""Last miles: whether a viewer gets what it is promised, when it is promised, and what that costs.

*Accuracy*: viewers behind last miles of 0.5 to 10 Mbit/s and 20 to 300 ms fetch one endless body each from nginx, in
one process on one core. What each got in the measured seconds is held against what its profile says of them: a steady
rate, one that varies from second to second (coefficient of variation 0.5), one with outages too.

*Round trips and cost*: the reference work (a 1 KB playlist every 2 s, a segment every 4 s over keep-alive), shaped and
unshaped in turn. Each first byte is held against round trip and packet at that rate; the cost is CPU per request.

``python -m benchmarks.shaping [--json OUT] [--rounds 2] [--seconds 5] [--viewers 1000] [--load 4000] [--only WHAT]``
"""

from __future__ import annotations

import json
import math
import statistics
import sys
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

from benchmarks.rig.bench import Bench, benching
from benchmarks.rig.machine import on_core
from benchmarks.rig.measured import Climbed, Measured, Told, follow, put_together
from benchmarks.rig.profiles import PROFILES
from benchmarks.rig.report import HEAD, noise, options, ratio, spread, write
from benchmarks.rig.running import core_of, started
from benchmarks.rig.servers import Servers
from benchmarks.rig.shaped import REST, SECONDS, VIEWERS
from benchmarks.rig.work import Stairs, Work
from loadtests.sketch import Sketch, merged

LEAD: Final = 6.0
"""Seconds to start Python, read the scenario and draw the viewers."""
JOINING: Final = 500.0
"""Viewers a second."""
WAYS: Final = ("unshaped", "steady", "variable")
SEGMENTS: Final = {"20 KB": "s20.ts", "250 KB": "s250.ts"}


class Got:
    """What the viewers of one climb say."""

    def __init__(self, work: Work) -> None:
        told = json.loads((work.folder / VIEWERS).read_text(encoding="utf-8"))
        self.viewers: list[dict[str, Any]] = told["viewers"]
        self.faults: int = told["faults"]
        self.late = sorted(one for viewer in self.viewers for one in viewer["late"])

    @property
    def errors(self) -> list[float]:
        """Shares by which each viewer got more or less than was promised."""
        return [one["got"] / one["promised"] - 1 for one in self.viewers if one["promised"]]

    @property
    def whole(self) -> float:
        """The same of all of them together."""
        got, promised = (math.fsum(one[what] for one in self.viewers) for what in ("got", "promised"))
        return got / promised - 1


def climb(name: str, kept: list[Got], work: Work, servers: Servers) -> list[Measured]:
    """One climb of one step behind one kind of last mile."""
    told = work.model_copy(update={"epoch": time.time() + LEAD})
    command = on_core(core_of(work), sys.executable, "-m", "benchmarks.rig.shaped", name)
    with started(command, told) as process:
        climbed = follow(told, told.epoch, servers, process)
        process.wait(60)
    if climbed:
        kept.append(Got(told))
    return [put_together(told, _told(told, kept[-1], one), one) for one in climbed]


def _told(work: Work, got: Got, climbed: Climbed) -> Told:
    lines = [json.loads(line) for line in (work.folder / SECONDS).read_text(encoding="utf-8").splitlines()]
    lag = merged(Sketch.from_dict(one["lag"]) for one in lines if climbed.step.start <= one["at"] < climbed.step.end)
    seconds = climbed.step.end - climbed.step.start
    failed, done = (sum(viewer[what] for viewer in got.viewers) for what in ("failed", "done"))
    before, after = climbed.before, climbed.after
    return Told(
        viewers=len(got.viewers),
        requests=done / seconds,
        lag_p99=lag.quantile(0.99),
        errors=failed + got.faults,
        reconnects=after.connections - before.connections,
        body_bytes=sum(viewer["got"] for viewer in got.viewers) / seconds,
    )


def accuracy(bench: Bench, viewers: int) -> dict[str, Any]:
    """The table of throughputs; its figures."""
    found: dict[str, Got] = {}
    print(f"one endless body each, {viewers:,} viewers in one process\n{HEAD}")
    for name in PROFILES:
        kept: list[Got] = []
        stairs = Stairs(levels=(viewers,), rate=JOINING, hold=bench.seconds + REST)
        work = bench.work(f"shaped, {name}", (viewers,), protocol="endless", stairs=stairs)
        measured = bench.once(work, partial(climb, name, kept), verdict="")
        print(f"{'':<22}{measured.body_bytes * 8 / 1e9 * work.stairs.hold / bench.seconds:>8.2f} Gbit/s")
        found[name] = kept[-1]
    print(f"\ngot / promised - 1, over {bench.seconds} s, per viewer:")
    print(f"{'profile':<12}{'all':>9}{'median':>9}{'p1':>9}{'p99':>9}{'worst':>9}{'within 5 %':>12}")
    figures = {}
    for name, got in found.items():
        figures[name] = one = errors(got)
        print(f"{name:<12}" + "".join(f"{one[k]:>+9.2%}" for k in list(one)[:5]) + f"{one['within']:>12.1%}")
    return figures


def errors(got: Got) -> dict[str, float]:
    """How far from what was promised."""
    each = sorted(got.errors)
    return {
        "all": got.whole,
        "median": statistics.median(each),
        "p1": at(each, 0.01),
        "p99": at(each, 0.99),
        "worst": max(each, key=abs),
        "within": sum(abs(one) <= 0.05 for one in each) / len(each),
    }


def at(values: Sequence[float], share: float) -> float:
    """A quantile of sorted values."""
    return values[min(int(share * len(values)), len(values) - 1)] if values else math.nan


def cost(bench: Bench, rounds: int, viewers: int) -> dict[str, Any]:
    """Both ways in turn: round trips and CPU; figures."""
    found: dict[tuple[str, str], list[Measured]] = {(size, way): [] for size in SEGMENTS for way in WAYS}
    late: dict[str, list[float]] = {way: [] for way in WAYS}
    for number in range(rounds):
        print(f"\nreference work, round {number + 1}\n{HEAD}")
        for size, segment in SEGMENTS.items():
            for way in WAYS[:: 1 if number % 2 == 0 else -1]:
                kept: list[Got] = []
                work = bench.work(f"{way}, {size}", (viewers,), rate=JOINING * 2, segment=segment)
                found[size, way].append(bench.once(work, partial(climb, way, kept)))
                late[way] += kept[-1].late
    print("\nfirst byte behind round trip and packet, ms:")
    trips: dict[str, Any] = {}
    for way, some in late.items():
        if some:
            ordered = sorted(some)
            trips[way] = {f"p{share * 100:g}": at(ordered, share) * 1000 for share in (0.01, 0.5, 0.99)}
            told = ", ".join(f"{share} {value:.2f}" for share, value in trips[way].items())
            print(f"  {way}: {told} ({len(some):,} requests)")
    print("CPU per request, us:")
    spent = {pair: spread(one.microseconds for one in mine) for pair, mine in found.items()}
    by = {}
    for (size, way), us in spent.items():
        by[f"{size}, {way}"] = times = ratio(us, spent[size, "unshaped"])
        print(f"  {size}, {way}: {us.text('.1f') if us else '-'}" + (f", {times:.2f} times" if times else ""))
    costs = {f"{size}, {way}": us for (size, way), us in spent.items()}
    return {"first_byte_ms": trips, "microseconds_per_request": costs, "ratio_to_unshaped": by}


def main() -> None:
    """Measure, print, write."""
    parser = options(__doc__, rounds=2, seconds=5)
    parser.add_argument("--viewers", type=int, default=1000, help="of the accuracy, default 1000")
    parser.add_argument("--load", type=int, default=4000, help="viewers of the cost, default 4000")
    parser.add_argument("--only", choices=("accuracy", "cost"))
    chosen = parser.parse_args()
    figures: dict[str, Any] = {}
    with benching("shaping", chosen.seconds) as bench:
        if chosen.only != "cost":
            figures["accuracy"] = accuracy(bench, chosen.viewers)
        if chosen.only != "accuracy":
            figures["cost"] = cost(bench, chosen.rounds, chosen.load)
        print(noise(bench.all))
    write(chosen.json, "shaping", figures, bench.all)


if __name__ == "__main__":
    main()
