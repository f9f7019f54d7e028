"""One second of a run, of one region or of all, as the charts show it and the models read it."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Final, Literal, TypeAlias

from pydantic import Field, FiniteFloat

from loadtests.region import Frozen
from loadtests.results import Players, Requests, Window, add
from loadtests.scenario import Budgets
from loadtests.shapes import PhaseName
from loadtests.sketch import Sketch, merged

Budget: TypeAlias = Literal["segment_p95", "startup_p95", "stall_ratio", "error_ratio", "quality_loss"]

JUDGED_SAMPLES: Final = 20
"""Fewest samples behind a p95: with fewer, less than one sample lies above it (1 / (1 - 0.95))."""
STARTUP_SECONDS: Final = 5
"""Start-ups are few, so their p95 is over the last five seconds."""
LEAST_ERRORS: Final = 2
"""One failed request is an event; from two on it is a rate (assumed)."""
UNREACHED: Final[tuple[Literal["dns", "connect", "tls"], ...]] = ("dns", "connect", "tls")
"""Errors by which no connection came about (docs/run-format.md)."""


class Percentiles(Frozen):
    """Seconds, from merged sketches (1 % relative error)."""

    p50: FiniteFloat
    p95: FiniteFloat
    p99: FiniteFloat

    @classmethod
    def of(cls, sketch: Sketch) -> Percentiles | None:
        """None for an empty sketch."""
        if not sketch.count:
            return None
        p50, p95, p99 = sketch.quantiles(0.5, 0.95, 0.99)
        return cls(p50=p50, p95=p95, p99=p99)


class Second(Frozen):
    """What was delivered and lived through in ``at <= t < at + 1``; rates are per second, bit rates in bit/s."""

    at: int
    phase: PhaseName
    viewers: int
    joins: int
    retries: int = 0
    """Requests asked for again because an earlier try had failed."""
    reconnects: int = 0
    """Connections opened because an earlier one had ended."""
    starts: int = 0
    """First frames."""
    unstarted: int = 0
    """Viewers who left before their first frame."""
    unreached: int = 0
    """Requests for which no connection came about."""
    reset: int = 0
    """Requests whose connection ended before the response did."""
    messages_sent: int = 0
    messages_delivered: int = 0
    """Chat messages, each counted once per viewer whom it reached."""
    message_delay: FiniteFloat | None = None
    """p95 of the seconds from sending a chat message to its arrival."""
    planned: FiniteFloat = 0.0
    """Viewers that the scenario's shape wanted: under overload some give up, yet they would have come."""
    served: int
    """Requests that ended well; refusals and time-outs are not among them."""
    failed: int
    segments: int = 0
    """Of ``served``."""
    body_bits: FiniteFloat
    wire_bits: FiniteFloat
    """Body and header bits of what was delivered, without refusals."""
    ttfb: Percentiles | None = None
    total: Percentiles | None = None
    """Segments only, as the budget `segment_p95` judges them."""
    startup_p95: FiniteFloat | None = None
    live_latency: FiniteFloat | None = None
    """Median seconds behind the live moment."""
    bitrate: FiniteFloat | None = None
    """Mean bit rate of the media played."""
    stall_ratio: FiniteFloat = 0.0
    """Stalled share of the time that was played or stalled."""
    abandoned: dict[str, int] = Field(default_factory=dict)
    """Viewers who had had enough and left, by reason."""
    quality_lost: FiniteFloat = 0.0
    """Share of the bit rate played at light load that is missing, where players choose (`advisor.quality`)."""
    broken: tuple[Budget, ...] = ()

    @property
    def offered(self) -> float:
        """Viewers that the target was asked to serve, whether they stayed or gave up."""
        return max(float(self.viewers), self.planned)

    @property
    def error_ratio(self) -> float:
        """Failed share of the requests that ended."""
        return self.failed / (self.served + self.failed) if self.failed else 0.0

    def value_of(self, budget: Budget) -> float:
        """The figure that a budget judges."""
        match budget:
            case "segment_p95":
                return self.total.p95 if self.total else 0.0
            case "startup_p95":
                return self.startup_p95 or 0.0
            case "stall_ratio":
                return self.stall_ratio
            case "error_ratio":
                return self.error_ratio
            case "quality_loss":
                return self.quality_lost

    def samples_of(self, budget: Budget) -> int:
        """Observations behind that figure in this second; start-ups are judged over `STARTUP_SECONDS` of them."""
        match budget:
            case "segment_p95":
                return self.segments
            case "startup_p95":
                return self.starts
            case "stall_ratio" | "quality_loss":
                return self.viewers
            case "error_ratio":
                return self.served + self.failed


@dataclass(frozen=True, slots=True)
class Sums:
    """The windows of one second, added up. Of sketches, `Fold` reads those of `SEGMENTS_READ` and `PLAYERS_READ`."""

    requests: Requests
    """Of every kind."""
    segments: Requests
    players: Players

    @classmethod
    def of(cls, windows: Sequence[Window]) -> Sums:
        """Of windows as their models."""
        return cls(
            requests=_total(request for window in windows for request in window.requests.values()),
            segments=_total(window.requests["segment"] for window in windows if "segment" in window.requests),
            players=reduce(add, (window.players for window in windows), Players()),
        )


SEGMENTS_READ: Final = frozenset({"ttfb", "total"})
PLAYERS_READ: Final = frozenset({"startup", "live_latency", "message_delay"})
"""The sketches that `Fold` reads: a reader that adds up lines leaves all others empty, to save time."""


@dataclass(slots=True)
class Fold:
    """Turns the windows of one region (or of all), second by second, into `Second`s."""

    budgets: Budgets
    wanted: Callable[[float], float]
    """Its viewers by the shape, at a time in run seconds."""
    startups: deque[Sketch] = field(default_factory=lambda: deque(maxlen=STARTUP_SECONDS))

    def add(self, at: int, phase: PhaseName, windows: Sequence[Window]) -> Second:
        """The next second, from its windows."""
        return self.second(at, phase, Sums.of(windows))

    def second(self, at: int, phase: PhaseName, sums: Sums) -> Second:
        """The next second, from the sums over its windows."""
        requests, segments, players = sums.requests, sums.segments, sums.players
        self.startups.append(players.startup)
        known = [sketch for sketch in self.startups if sketch.count]
        startup = known[0] if len(known) == 1 else merged(known)
        ttfb, total = Percentiles.of(segments.ttfb), Percentiles.of(segments.total)
        watched = players.play_seconds + players.stall_seconds
        stall_ratio = _share(players.stall_seconds, watched)
        served, failed = _served(requests), requests.failed
        startup_p95 = startup.quantiles(0.95)[0] if startup.count else None
        judged: dict[Budget, float | None] = {
            "segment_p95": total.p95 if total and segments.total.count >= JUDGED_SAMPLES else None,
            "startup_p95": startup_p95 if startup.count >= JUDGED_SAMPLES else None,
            "stall_ratio": stall_ratio if watched >= JUDGED_SAMPLES else None,
            "error_ratio": failed / (served + failed) if failed >= LEAST_ERRORS else None,
        }
        return Second(
            at=at,
            phase=phase,
            viewers=players.viewers,
            joins=players.joins,
            retries=requests.retries,
            reconnects=players.reconnects,
            starts=players.starts,
            unstarted=players.exits_before_start,
            unreached=sum(requests.errors.get(kind, 0) for kind in UNREACHED),
            reset=requests.errors.get("reset", 0),
            messages_sent=players.messages_sent,
            messages_delivered=players.messages_delivered,
            message_delay=players.message_delay.quantile(0.95) if players.message_delay.count else None,
            planned=self.wanted(at + 0.5),
            served=served,
            failed=failed,
            segments=_served(segments),
            body_bits=8.0 * requests.bytes,
            wire_bits=8.0 * max(0, requests.bytes + requests.head_bytes - requests.refused_bytes),
            ttfb=ttfb,
            total=total,
            startup_p95=startup_p95,
            live_latency=players.live_latency.quantiles(0.5)[0] if players.live_latency.count else None,
            bitrate=players.bitrate_seconds / players.play_seconds if players.play_seconds else None,
            stall_ratio=stall_ratio,
            abandoned=players.abandonments,
            broken=tuple(
                name for name, value in judged.items() if value is not None and value > limit(self.budgets, name)
            ),
        )


def limit(budgets: Budgets, budget: Budget) -> float:
    """What the scenario allows: seconds, or a share."""
    return float(getattr(budgets, budget))


def _total(requests: Iterable[Requests]) -> Requests:
    return reduce(add, requests, Requests())


def _served(requests: Requests) -> int:
    return max(0, requests.count - requests.failed - requests.cancelled)


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def by_second(windows: Iterable[Window]) -> Iterator[tuple[int, list[Window]]]:
    """Windows grouped by their second, in order."""
    groups: dict[int, list[Window]] = defaultdict(list)
    for window in windows:
        groups[window.at].append(window)
    yield from sorted(groups.items())
