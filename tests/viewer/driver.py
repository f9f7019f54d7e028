"""Runs whole visits in virtual time against a scripted origin: no network, no thread, no sleeping, no patching.

An origin is a function ``(get, at) -> Got | Failed`` whose answer says in its ``at`` when it is complete.
`visit` runs one viewer to the end and returns every request and every `Tally` call with its time.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from loadtests.players import Player
from loadtests.players.hls_js import HlsJs
from loadtests.protocols import Protocol
from loadtests.protocols.hls import Hls
from loadtests.session import (
    ErrorKind,
    Failed,
    Fire,
    Get,
    Got,
    Reply,
    RequestKind,
    Session,
    Spawn,
    Tally,
    Viewer,
    WaitFor,
    WaitUntil,
)

Origin: TypeAlias = Callable[[Get, float], Got | Failed]

URL = "https://live.test/show/master.m3u8"
VIEWER = Viewer(0, "id", "mobile", "lowest", URL, join_at=0.0, leave_at=60.0, epoch=1_700_000_000.0)


@dataclass(eq=False, slots=True)
class Lane:
    """A generator with what it waits for; ``turn`` tells a live wake-up from one that came too late."""

    session: Session
    turn: int = 0
    parked: WaitFor | None = None


class Driver:
    """Lanes, timers and signals of one visit, on a clock that jumps."""

    def __init__(self, origin: Origin, late: Callable[[], float] = lambda: 0.0) -> None:
        self.origin = origin
        self.late = late
        """Seconds that a wake-up from sleep comes too late, as under load."""
        self.now = 0.0
        self.steps = 0
        self.order = itertools.count()
        self.requests: list[tuple[float, Get]] = []
        self.lanes: list[Lane] = []
        self.most_lanes = 0
        self.due: list[tuple[float, int, Lane, int, Reply]] = []

    def run(self, session: Session, until: float = math.inf, most_steps: int = 1_000_000) -> None:
        """Live ``session`` until its first lane returns; at ``until`` that lane is woken early, as the engine does."""
        main = self.add(session)
        while main in self.lanes:
            assert self.due, "every lane sleeps for ever"
            at, _, lane, turn, reply = heapq.heappop(self.due)
            if at > until and main.parked:
                self.now, until = max(self.now, until), math.inf
                self.advance(main, self.now)
            elif turn == lane.turn and lane in self.lanes:
                self.now = max(self.now, at)
                self.advance(lane, self.now if isinstance(reply, float) else reply)
            self.steps += 1
            assert self.steps < most_steps, f"no end in sight at {self.now} s"
        for lane in self.lanes:
            lane.session.close()

    def add(self, session: Session) -> Lane:
        lane = Lane(session)
        self.lanes.append(lane)
        self.most_lanes = max(self.most_lanes, len(self.lanes))
        self.advance(lane, None)
        return lane

    def advance(self, lane: Lane, reply: Reply) -> None:
        """Let the lane go on until it wants to wait."""
        lane.turn += 1
        if lane.parked and lane in lane.parked.signal.waiters:
            lane.parked.signal.waiters.remove(lane)
        lane.parked = None
        while True:
            try:
                wanted = lane.session.send(reply)
            except StopIteration:
                self.lanes.remove(lane)
                return
            reply = None
            match wanted:
                case Spawn(session):
                    self.add(session)
                case Fire(signal):
                    for waiter in list(signal.waiters):
                        assert isinstance(waiter, Lane)
                        self.wake(waiter, self.now, self.now)
                    signal.waiters.clear()
                case _:
                    self.park(lane, wanted)
                    return

    def park(self, lane: Lane, wanted: Get | WaitUntil | WaitFor | Fire | Spawn) -> None:
        match wanted:
            case Get():
                self.requests.append((self.now, wanted))
                answer = self.origin(wanted, self.now)
                self.wake(lane, answer.at, answer)
            case WaitUntil(at):
                self.wake(lane, max(at, self.now) + self.late(), at)
            case WaitFor(signal, until):
                lane.parked = wanted
                signal.waiters.append(lane)
                if until < math.inf:
                    self.wake(lane, max(until, self.now) + self.late(), until)

    def wake(self, lane: Lane, at: float, reply: Reply) -> None:
        heapq.heappush(self.due, (at, next(self.order), lane, lane.turn, reply))


@dataclass(eq=False)
class Diary(Tally):
    """A `Tally` that writes everything down and checks that the story holds together."""

    clock: Callable[[], float]
    lines: list[tuple[object, ...]] = field(default_factory=list)
    state: Literal["absent", "waiting", "playing", "stalled", "gone"] = "absent"
    last: float = 0.0
    overdue: float = 0.0
    """Seconds, at most, from when something happened until it was told."""
    latencies: list[tuple[float, float]] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    retries: list[tuple[float, RequestKind]] = field(default_factory=list)

    def move(self, at: float, before: str, after: Literal["waiting", "playing", "stalled", "gone"]) -> None:
        assert self.state == before, f"{after} at {at} while {self.state}"
        assert self.last <= at <= self.clock(), f"{after} at {at}, last {self.last}, now {self.clock()}"
        self.overdue = max(self.overdue, self.clock() - at)
        self.seconds[before] = self.seconds.get(before, 0.0) + at - self.last
        self.state, self.last = after, at

    def joined(self, at: float) -> None:
        self.move(at, "absent", "waiting")
        self.lines.append(("joined", at))

    def started(self, at: float, startup: float, bitrate: float) -> None:
        assert startup == at - self.last
        assert bitrate > 0
        self.move(at, "waiting", "playing")
        self.lines.append(("started", at, startup, bitrate))

    def stalled(self, at: float, bitrate: float) -> None:
        self.move(at, "playing", "stalled")
        self.lines.append(("stalled", at, bitrate))

    def resumed(self, at: float, bitrate: float) -> None:
        self.move(at, "stalled", "playing")
        self.lines.append(("resumed", at, bitrate))

    def switched(self, at: float, before: float, after: float) -> None:
        self.lines.append(("switched", at, before, after))

    def live_latency(self, seconds: float) -> None:
        assert seconds >= 0
        self.latencies.append((self.clock(), seconds))

    def media_error(self, kind: RequestKind, reason: ErrorKind) -> None:
        self.lines.append(("media_error", self.clock(), kind, reason))

    def retried(self, kind: RequestKind) -> None:
        self.retries.append((self.clock(), kind))

    def skipped(self, segments: int) -> None:
        assert segments > 0
        self.lines.append(("skipped", self.clock(), segments))

    def gave_up(self, reason: str) -> None:
        self.lines.append(("gave_up", self.clock(), reason))

    def abandoned(self, reason: str) -> None:
        self.lines.append(("abandoned", self.clock(), reason))

    def left(self, at: float, state: Literal["waiting", "playing", "stalled"], bitrate: float) -> None:
        assert (bitrate > 0) == (state == "playing")
        self.move(at, state, "gone")
        self.lines.append(("left", at, state, bitrate))


@dataclass(frozen=True)
class Story:
    """What happened during one visit."""

    requests: list[tuple[float, Get]]
    diary: Diary
    most_lanes: int

    def times(self, kind: RequestKind, part: str = "") -> list[float]:
        """When requests of a kind were sent whose address contains ``part``, to the millisecond."""
        return [round(at, 3) for at, get in self.requests if get.kind == kind and part in get.url]

    def urls(self, *kinds: RequestKind) -> list[str]:
        """The last part of the addresses asked for, in order."""
        return [get.url.rpartition("/")[2] for _, get in self.requests if get.kind in kinds]

    def told(self, *names: str) -> list[tuple[object, ...]]:
        """The `Tally` calls of these names (all of them without), times to the millisecond."""
        return [
            tuple(round(value, 3) if isinstance(value, float) else value for value in line)
            for line in self.diary.lines
            if not names or line[0] in names
        ]


def visit(
    origin: Origin,
    viewer: Viewer = VIEWER,
    *,
    player: Player | None = None,
    protocol: Protocol | None = None,
    until: float = math.inf,
    late: Callable[[], float] = lambda: 0.0,
) -> Story:
    """Run one whole visit; ``until`` ends the run early."""
    driver = Driver(origin, late)
    diary = Diary(lambda: driver.now)
    driver.run((protocol or Hls()).watch(viewer, player or HlsJs(), diary), until)
    return Story(driver.requests, diary, driver.most_lanes)
