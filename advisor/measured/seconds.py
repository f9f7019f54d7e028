"""One second of a run, of one region or of all, as the charts show it and the models read it."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Final, Literal, NamedTuple, TypeAlias

from pydantic import Field, FiniteFloat

from loadtests.plain import NOTHING, Data
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
    """Share of the bit rate played at light load that is missing, where players choose (`advisor.measured.quality`)."""
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
    """The windows of one second, added up: fields of their models by name, sketches left out, zeros perhaps as well."""

    requests: Data
    """Of every kind."""
    segments: Data
    players: Data


class Heard(NamedTuple):
    """What the sketches of one second say; None where one is empty."""

    ttfb: Percentiles | None
    total: Percentiles | None
    """Of segments."""
    timed: int
    """Segments behind ``total``."""
    startup_p95: float | None
    """Over `STARTUP_SECONDS`."""
    started: int
    """First frames behind it."""
    live_latency: float | None
    message_delay: float | None


SEGMENTS_READ: Final = ("ttfb", "total")
PLAYERS_READ: Final = ("startup", "live_latency", "message_delay")
"""The sketches that `Heard` is made of: a reader that adds up lines leaves all others out, to save time."""
SHARES: Final = (0.5, 0.95, 0.99)
"""Of the samples of a sketch that are looked at."""


@dataclass(slots=True)
class Fold:
    """Turns the windows of one region (or of all), second by second, into `Second`s."""

    budgets: Budgets
    wanted: Callable[[float], float]
    """Its viewers by the shape, at a time in run seconds."""
    startups: deque[Sketch] = field(default_factory=lambda: deque(maxlen=STARTUP_SECONDS))

    def add(self, at: int, phase: PhaseName, windows: Sequence[Window]) -> Second:
        """The next second, from its windows."""
        requests = _total(request for window in windows for request in window.requests.values())
        segments = _total(window.requests["segment"] for window in windows if "segment" in window.requests)
        players = reduce(add, (window.players for window in windows), Players())
        heard = self._heard(segments, players)
        return self.second(at, phase, Sums(vars(requests), vars(segments), vars(players)), heard)

    def _heard(self, segments: Requests, players: Players) -> Heard:
        self.startups.append(players.startup)
        startup, latency, delay = merged(self.startups), players.live_latency, players.message_delay
        return Heard(
            ttfb=Percentiles.of(segments.ttfb),
            total=Percentiles.of(segments.total),
            timed=segments.total.count,
            startup_p95=startup.quantile(0.95) if startup.count else None,
            started=startup.count,
            live_latency=latency.quantile(0.5) if latency.count else None,
            message_delay=delay.quantile(0.95) if delay.count else None,
        )

    def second(self, at: int, phase: PhaseName, sums: Sums, heard: Heard) -> Second:
        """The next second, from the sums over its windows."""
        requests, errors, players = sums.requests, sums.requests.get("errors", NOTHING), sums.players
        played, stalled = players.get("play_seconds", 0.0), players.get("stall_seconds", 0.0)
        watched, failed = played + stalled, sum(errors.values())
        stall_ratio, served = _share(stalled, watched), _served(requests)
        judged: dict[Budget, float | None] = {
            "segment_p95": heard.total.p95 if heard.total and heard.timed >= JUDGED_SAMPLES else None,
            "startup_p95": heard.startup_p95 if heard.started >= JUDGED_SAMPLES else None,
            "stall_ratio": stall_ratio if watched >= JUDGED_SAMPLES else None,
            "error_ratio": failed / (served + failed) if failed >= LEAST_ERRORS else None,
        }
        body, refused = requests.get("bytes", 0), requests.get("refused_bytes", 0)
        return Second(
            at=at,
            phase=phase,
            viewers=players.get("viewers", 0),
            joins=players.get("joins", 0),
            retries=requests.get("retries", 0),
            reconnects=players.get("reconnects", 0),
            starts=players.get("starts", 0),
            unstarted=players.get("exits_before_start", 0),
            unreached=sum(errors.get(kind, 0) for kind in UNREACHED),
            reset=errors.get("reset", 0),
            messages_sent=players.get("messages_sent", 0),
            messages_delivered=players.get("messages_delivered", 0),
            message_delay=heard.message_delay,
            planned=self.wanted(at + 0.5),
            served=served,
            failed=failed,
            segments=_served(sums.segments),
            body_bits=8.0 * body,
            wire_bits=8.0 * max(0, body + requests.get("head_bytes", 0) - refused),
            ttfb=heard.ttfb,
            total=heard.total,
            startup_p95=heard.startup_p95,
            live_latency=heard.live_latency,
            bitrate=players.get("bitrate_seconds", 0.0) / played if played else None,
            stall_ratio=stall_ratio,
            abandoned=players.get("abandonments", NOTHING),
            broken=tuple(
                name for name, value in judged.items() if value is not None and value > limit(self.budgets, name)
            ),
        )


def limit(budgets: Budgets, budget: Budget) -> float:
    """What the scenario allows: seconds, or a share."""
    return float(getattr(budgets, budget))


def _total(requests: Iterable[Requests]) -> Requests:
    return reduce(add, requests, Requests())


def _served(requests: Data) -> int:
    failed: int = sum(requests.get("errors", NOTHING).values())
    return max(0, int(requests.get("count", 0)) - failed - int(requests.get("cancelled", 0)))


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def by_second(windows: Iterable[Window]) -> Iterator[tuple[int, list[Window]]]:
    """Windows grouped by their second, in order."""
    groups: dict[int, list[Window]] = defaultdict(list)
    for window in windows:
        groups[window.at].append(window)
    yield from sorted(groups.items())
