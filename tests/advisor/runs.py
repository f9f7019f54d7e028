"""Synthetic runs with a known truth: N nodes, each with an egress and a request limit, loaded by a flash crowd.

A fluid simulation in quarter seconds. Viewers follow the scenario's shape and are split over the nodes. Each viewer
asks for one 2-second segment and one playlist every 2 seconds, each joiner for a master, an init and three more
segments. A node serves its queue first in, first out, at most ``egress`` wire bits and ``rps`` requests a second,
and refuses (503, 60 bytes) what comes while more than two seconds of either are waiting; four of five refused ask
again a second later. Segment sizes vary from one segment to the next and the mix with chance, so the resource that
does not bind varies while the one that binds stays flat. What it leaves out: TCP, retries with
back-off, and but for `adaptive` the choice of bit rates.
"""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np

from loadtests.region import load_region
from loadtests.results import Footer, Generator, Header, Line, Players, Requests, Window, add
from loadtests.run import Run, RunWriter, read_run
from loadtests.scenario import Scenario, read_scenario
from loadtests.session import RequestKind
from loadtests.shapes.flash_crowd import FlashCrowd
from loadtests.sketch import Sketch

STEPS = 4
HEAD_BYTES = 180
REFUSAL_BYTES = 60
SEGMENT_SECONDS = 2.0
BITRATES = {"lowest": 300e3, "middle": 700e3, "highest": 1500e3}
BACKLOG_SECONDS = 2.0


@dataclass(frozen=True)
class Town:
    """The truth behind a run. Egress in bit/s and requests/s are per node."""

    egress: float = 40e6
    rps: float = 100_000.0
    nodes: int = 2
    seed: int = 1
    baseline: int = 60
    peak: int = 300
    warm_up: float = 8
    quiet: float = 20
    ramp: float = 30
    hold: float = 40
    fall: float = 10
    shares: dict[str, float] = field(default_factory=lambda: {"id": 0.5, "in": 0.35, "br": 0.15})
    audience: dict[str, int] = field(default_factory=lambda: {"id": 40000, "in": 25000, "br": 12000})
    segment_seconds: float = SEGMENT_SECONDS
    bitrates: dict[str, float] = field(default_factory=lambda: dict(BITRATES))
    """Of the ladder's steps, bit/s."""
    jitter: float = 0.0
    """How much a node's limits wander around what is declared: standard deviation."""
    memory: float = 0.5
    """Correlation of that wandering from one second to the next."""
    cpu: float = 0.4
    adaptive: bool = False
    """Whether players choose: all ask for the highest bit rate, and for less while half a second of bits is waiting."""
    busy: range = range(0)
    """Seconds in which the generator was the limit."""
    ending: str = "finished"

    @cached_property
    def scenario(self) -> Scenario:
        base = read_scenario("viral-goal").model_dump(mode="json")
        lengths = ("warm_up", "quiet", "ramp", "hold", "fall")
        base["target"]["nodes"] = self.nodes
        base["surge"] = {"shape": "flash_crowd", "baseline": self.baseline, "peak": self.peak}
        base["surge"] |= {name: f"{getattr(self, name):g}s" for name in lengths}
        base["regions"] = {code: base["regions"][code] | {"share": f"{self.shares[code]:.6%}"} for code in self.shares}
        for region in base["regions"].values() if self.adaptive else ():
            for cohort in region["cohorts"].values():
                cohort["renditions"] = {"auto": "100%"}
        base["launch"]["audience"] = {code: self.audience[code] for code in self.shares}
        base["seed"] = self.seed
        return Scenario.model_validate(base)

    @cached_property
    def shape(self) -> FlashCrowd:
        surge = self.scenario.surge
        assert isinstance(surge, FlashCrowd)
        return surge

    def bits_per_viewer(self, region: str) -> float:
        """The true steady wire bit/s of one viewer."""
        mix: dict[str, float] = defaultdict(float)
        for cohort in self.scenario.regions[region].cohorts.values():
            for step, share in cohort.renditions.items():
                mix[step] += cohort.share * share
        media = sum(self.bitrates["highest" if step == "auto" else step] * share for step, share in mix.items())
        return media + 8 * (900 + 2 * HEAD_BYTES) / self.segment_seconds

    def rungs(self, region: str, seconds: float) -> dict[int, float]:
        """So many seconds of play by bit rate."""
        played: dict[int, float] = defaultdict(float)
        for cohort in self.scenario.regions[region].cohorts.values():
            for step, share in cohort.renditions.items():
                played[round(self.bitrates["highest" if step == "auto" else step])] += seconds * cohort.share * share
        return dict(played)


class Batch(NamedTuple):
    """Equal requests that arrived together."""

    kind: RequestKind
    region: str
    bytes: float
    number: int
    at: float

    @property
    def wire(self) -> float:
        """Bits of one."""
        return 8 * (self.bytes + HEAD_BYTES)


@dataclass
class Node:
    """A queue with two limits."""

    town: Town
    queue: deque[Batch] = field(default_factory=deque)
    pace: float = 1.0
    waiting_bits: float = 0.0
    waiting: int = 0
    bits: float = 0.0
    requests: float = 0.0

    def offer(self, batch: Batch) -> int:
        """Queue a batch; how many of it were refused."""
        space = BACKLOG_SECONDS * self.town.egress - self.waiting_bits
        slots = BACKLOG_SECONDS * self.town.rps - self.waiting
        taken = int(max(0, min(batch.number, 1 + space // batch.wire, slots)))
        if taken:
            self._keep(batch._replace(number=taken))
            self.queue.append(batch._replace(number=taken))
        return batch.number - taken

    def _keep(self, batch: Batch, sign: int = 1) -> None:
        self.waiting += sign * batch.number
        self.waiting_bits += sign * batch.number * batch.wire

    def serve(self) -> Iterator[Batch]:
        """What a quarter second of both limits lets through; an idle node saves nothing up."""
        self.bits = min(self.bits, 0.0) + self.pace * self.town.egress / STEPS if self.queue else 0.0
        self.requests = min(self.requests, 1.0) + self.pace * self.town.rps / STEPS if self.queue else 0.0
        while self.queue and self.bits > 0 and self.requests >= 1:
            batch = self.queue.popleft()
            done = int(min(batch.number, 1 + self.bits // batch.wire, self.requests))
            self.bits -= done * batch.wire
            self.requests -= done
            self._keep(batch._replace(number=done), -1)
            yield batch._replace(number=done)
            if done < batch.number:
                self.queue.appendleft(batch._replace(number=batch.number - done))


@dataclass
class Play:
    """The simulation of one town."""

    town: Town

    def __post_init__(self) -> None:
        self.rng = np.random.default_rng(self.town.seed)
        self.nodes = [Node(self.town) for _ in range(self.town.nodes)]
        self.again: dict[int, Counter[tuple[RequestKind, str, float]]] = defaultdict(Counter)
        self.wobble = 1.0
        self.quality = 1.0

    def windows(self) -> Iterator[Window]:
        before = dict.fromkeys(self.town.shares, 0)
        for second in range(int(self.town.shape.duration)):
            self.wobble = 1 + 0.6 * (self.wobble - 1) + float(self.rng.normal(0, 0.12))
            for node in self.nodes:
                memory = self.town.memory
                fresh = float(self.rng.normal(0, (1 - memory**2) ** 0.5 * self.town.jitter))
                node.pace = max(0.1, 1 + memory * (node.pace - 1) + fresh)
            if self.town.adaptive:
                waits = sum(node.waiting_bits for node in self.nodes) / self.town.egress / self.town.nodes
                self.quality = max(0.2, 0.85 * self.quality) if waits > 0.5 else min(1.0, 1.03 * self.quality)
            requests: dict[str, dict[RequestKind, Requests]] = {region: {} for region in self.town.shares}
            wanted = self.town.shape.viewers(second + 1)
            viewers = {region: round(wanted * share) for region, share in self.town.shares.items()}
            joins = {r: max(0, n - before[r]) + int(self.rng.poisson(0.005 * n)) for r, n in viewers.items()}
            for step in range(STEPS):
                self._step(second, step, viewers, joins, requests)
            before = viewers
            for region, kinds in requests.items():
                players = self._players(kinds, region, viewers[region], joins[region])
                yield Window(at=second, region=region, cohort="all", requests=kinds, players=players)

    def _step(
        self,
        second: int,
        step: int,
        viewers: dict[str, int],
        joins: dict[str, int],
        requests: dict[str, dict[RequestKind, Requests]],
    ) -> None:
        now = second + step / STEPS
        arrivals = [batch for region in viewers for batch in self._arrivals(region, viewers, joins, now)]
        retries = self.again.pop(second * STEPS + step, Counter()).items()
        asked = [*arrivals, *(Batch(*what, count, now) for what, count in retries)]
        for index in self.rng.permutation(len(asked)):
            batch = asked[index]
            refused = sum(self._offer(batch))
            if refused:
                note(requests[batch.region], batch.kind, refusal(refused))
                what = (batch.kind, batch.region, batch.bytes)
                self.again[(second + 1) * STEPS + step][what] += round(0.8 * refused)
        for node in self.nodes:
            for batch in node.serve():
                wait = now + 1 / STEPS - batch.at
                note(requests[batch.region], batch.kind, answer(batch, wait, self.rng))

    def _offer(self, batch: Batch) -> Iterator[int]:
        size = batch.bytes * (max(0.4, self.wobble) if batch.kind == "segment" else 1)
        parts = self.rng.multinomial(batch.number, [1 / len(self.nodes)] * len(self.nodes))
        for node, count in zip(self.nodes, parts, strict=True):
            yield node.offer(batch._replace(number=int(count), bytes=size)) if count else 0

    def _arrivals(self, region: str, viewers: dict[str, int], joins: dict[str, int], now: float) -> Iterator[Batch]:
        steady, new = viewers[region] / self.town.segment_seconds / STEPS, joins[region] / STEPS
        asks: tuple[tuple[RequestKind, float, float], ...] = (
            ("playlist", 900, steady + new),
            ("master", 700, new),
            ("init", 1200, new),
        )
        for kind, size, rate in asks:
            if count := int(self.rng.poisson(rate)):
                yield Batch(kind, region, size, count, now)
        for cohort in self.town.scenario.regions[region].cohorts.values():
            for ladder, share in cohort.renditions.items():
                if count := int(self.rng.poisson((steady + 3 * new) * share * cohort.share)):
                    size = self._bitrate(ladder) * self.town.segment_seconds / 8
                    yield Batch("segment", region, size, count, now)

    def _bitrate(self, ladder: str) -> float:
        rates = self.town.bitrates
        return rates["highest"] * self.quality if ladder == "auto" else rates[ladder]

    def _players(self, kinds: dict[RequestKind, Requests], region: str, viewers: int, joins: int) -> Players:
        segments = kinds.get("segment", Requests())
        wait = segments.total.quantile(0.5) if segments.total.count else 0.0
        stalled = viewers * min(0.8, max(0.0, wait - 1.5) * 0.3 + 0.5 * segments.failed / max(1, segments.count))
        startup, latency = Sketch(), Sketch()
        for _ in range(joins):
            startup.add(0.3 + 2 * wait + float(self.rng.exponential(0.2)))
        if viewers:
            latency.add(6 + wait, times=max(1, viewers // 2))
        return Players(
            viewers=viewers,
            joins=joins,
            starts=joins,
            startup=startup,
            play_seconds=viewers - stalled,
            stall_seconds=stalled,
            stalls=int(stalled),
            bitrate_seconds=(viewers - stalled) * (self._bitrate("auto") if self.town.adaptive else 600e3),
            rungs=self.town.rungs(region, viewers - stalled),
            live_latency=latency,
        )


def note(kinds: dict[RequestKind, Requests], kind: RequestKind, requests: Requests) -> None:
    kinds[kind] = add(kinds[kind], requests) if kind in kinds else requests


def refusal(count: int) -> Requests:
    return Requests(
        count=count,
        errors={"http_5xx": count},
        bytes=count * REFUSAL_BYTES,
        head_bytes=count * HEAD_BYTES,
        refused_bytes=count * (REFUSAL_BYTES + HEAD_BYTES),
    )


def answer(batch: Batch, wait: float, rng: np.random.Generator) -> Requests:
    ttfb, total = Sketch(), Sketch()
    for share in (0.5, 0.3, 0.2):
        times = max(1, round(batch.number * share))
        first = wait * float(rng.uniform(0.4, 0.9)) + 0.02
        ttfb.add(first, times)
        total.add(first + 0.05 + wait * 0.2, times)
    return Requests(
        count=batch.number,
        bytes=round(batch.number * batch.bytes),
        head_bytes=batch.number * HEAD_BYTES,
        ttfb=ttfb,
        total=total,
    )


def lines(town: Town) -> Iterator[Line]:
    """Every line of the run but its footer."""
    yield Header(
        run_id=f"synthetic-{town.seed}",
        started_at=datetime(2026, 12, 1, 12, 0, tzinfo=UTC),
        scenario=town.scenario,
        regions={code: load_region(code) for code in town.shares},
        phases=town.shape.phases(),
        workers=1,
        software={"surgecast": "0.1.0", "python": "3.11"},
    )
    for window in Play(town).windows():
        yield window
        if window.region == next(iter(town.shares)):
            yield Generator(at=window.at, worker="w1", cpu=0.99 if window.at in town.busy else town.cpu)


def write(town: Town, folder: Path, *, footer: bool = True) -> Path:
    """Write the town's run into ``folder``; the path of its file."""
    with RunWriter(folder) as writer:
        writer.write(lines(town))
        if footer:
            complete = town.ending == "finished"
            end = Footer.model_validate(
                {
                    "complete": complete,
                    "ending": town.ending,
                    "at": town.shape.duration,
                    "workers_expected": 1,
                    "workers_heard": int(complete),
                    "totals": writer.totals,
                }
            )
            writer.write([end])
        return writer.path


def run_of(town: Town, folder: Path) -> Run:
    """The town's run, written and read again."""
    return read_run(write(town, folder))
