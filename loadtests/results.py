"""The run contract: a run is a file of JSON lines, and the only thing the advisor ever sees of a run.

``Header``, then ``Window``, ``Generator``, ``Target`` and ``Note`` lines as they happen, then a ``Footer`` that says
whether the run is whole. Lines are only ever appended, one `write` each, so a killed run loses at most the line being
written. Times are whole or fractional seconds since the header's ``started_at`` (UTC). Latency travels as a `Sketch`,
never as a percentile. ``run.schema.json`` is this contract for other programs.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeAlias, TypeVar, cast

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, TypeAdapter, ValidationError

from loadtests.bottleneck import GAP_LIMIT as GAP_LIMIT
from loadtests.bottleneck import Bottleneck as Bottleneck
from loadtests.bottleneck import Gap as Gap
from loadtests.cached import CacheState
from loadtests.region import Frozen, Region
from loadtests.scenario import Scenario
from loadtests.session import ErrorKind, LadderStep, RequestKind
from loadtests.shapes import Phase
from loadtests.sketch import Sketch

SCHEMA_VERSION: Final = 1

CPU_LIMIT: Final = 0.90
"""Share of one core: past it the event loop has no slack left and its own clock starts to lie (assumed)."""
LAG_LIMIT: Final = 0.1
"""Seconds of p99 schedule lag: past it late starts are visible in second-by-second latency (assumed)."""

LIFETIME: Final = r"^((s-maxage|max-age)=\d{1,10}|no-cache|no-store|other)$"
"""A lifetime in seconds, or that nothing is kept, or one of many."""


class Simulated(Frozen):
    """That nothing was sent: the run is a calculation (docs/simulate.md), and what it stands on."""

    weight: PositiveInt
    """Viewers that each simulated one stands for; every count is a multiple of it."""
    nodes: dict[str, PositiveInt]
    """Modelled nodes per region; ``*`` where all regions share them."""
    egress: NonNegativeFloat | None = None
    """Of one node, bits per second; no limit when absent."""
    requests_per_second: NonNegativeFloat | None = None
    latency: NonNegativeFloat = 0.0
    """Seconds that a node adds to each response."""
    edge: dict[str, NonNegativeFloat] = Field(default_factory=dict)
    """Of a cache before the nodes, where one was modelled."""


class SeenStream(Frozen):
    """What the preflight saw of a stream."""

    variants: PositiveInt
    """Renditions of the master playlist; 1 where there is none."""
    target_duration: PositiveFloat
    """Seconds."""
    bitrates: dict[LadderStep, NonNegativeFloat] = Field(default_factory=dict)
    """Bits per second of each step of the ladder, as the master playlist declares it or one segment shows it."""


class Header(Frozen):
    """What was run, against what, with what."""

    line: Literal["header"] = "header"
    schema_version: int = SCHEMA_VERSION
    run_id: str
    started_at: datetime
    scenario: Scenario
    regions: dict[str, Region]
    phases: tuple[Phase, ...]
    workers: NonNegativeInt
    """Generators expected to report."""
    software: dict[str, str] = Field(default_factory=dict)
    redactions: tuple[str, ...] = ()
    """What was left out of this file on purpose."""
    simulated: Simulated | None = None
    """Absent for a measurement."""
    streams: dict[str, SeenStream] = Field(default_factory=dict)
    """By region, where somebody looked before the run."""


class Requests(Frozen):
    """Requests of one kind: counted when their last byte was there, or when they failed."""

    count: NonNegativeInt = 0
    errors: dict[ErrorKind, NonNegativeInt] = Field(default_factory=dict)
    cancelled: NonNegativeInt = 0
    """Of ``count``: cut off by the end of the run, neither good nor bad."""
    bytes: NonNegativeInt = 0
    """Body bytes received, in the second in which they came (``count`` is in that of the last byte)."""
    head_bytes: NonNegativeInt = 0
    """Header bytes received."""
    refused_bytes: NonNegativeInt = 0
    """Of ``bytes`` and ``head_bytes``: those of 4xx and 5xx responses, which serve nobody."""
    ttfb: Sketch = Field(default_factory=Sketch)
    """Seconds from asking to the first byte."""
    total: Sketch = Field(default_factory=Sketch)
    """Seconds from asking to the last byte."""
    cache: dict[Literal["hit", "miss"], NonNegativeInt] = Field(default_factory=dict)
    """Whether the body came from a cache, where the headers said so."""
    cache_states: dict[CacheState, NonNegativeInt] = Field(default_factory=dict)
    """How the cache nearest to the viewer did, where the headers said so (docs/cdn.md)."""
    cache_vendors: dict[Annotated[str, Field(pattern=r"^[a-z_]{1,32}$")], NonNegativeInt] = Field(default_factory=dict)
    """Whose headers were seen: files of ``loadtests/caches``."""
    cache_age: Sketch = Field(default_factory=Sketch)
    """Seconds that responses had spent in caches, as their Age says."""
    lifetimes: dict[Annotated[str, Field(pattern=LIFETIME)], NonNegativeInt] = Field(default_factory=dict)
    """How long a shared cache may keep a response, as Cache-Control says; at most eight kinds per worker, then
    ``other``."""
    retries: NonNegativeInt = 0
    """Asked for again because an earlier try had failed, in the second of asking."""

    @property
    def failed(self) -> int:
        """Requests that ended in an error of any kind."""
        return sum(self.errors.values())


class Players(Frozen):
    """What the viewers of one cohort lived through in one second."""

    viewers: NonNegativeInt = 0
    """Present at the end of the second."""
    joins: NonNegativeInt = 0
    starts: NonNegativeInt = 0
    startup: Sketch = Field(default_factory=Sketch)
    """Seconds from pressing play to the first frame."""
    exits_before_start: NonNegativeInt = 0
    failures: dict[str, NonNegativeInt] = Field(default_factory=dict)
    """Viewers whose player gave up, by reason."""
    abandonments: dict[str, NonNegativeInt] = Field(default_factory=dict)
    """Viewers who had had enough, by reason: ``slow_start``, ``stalls``."""
    leaves: NonNegativeInt = 0
    play_seconds: NonNegativeFloat = 0.0
    stall_seconds: NonNegativeFloat = 0.0
    stalls: NonNegativeInt = 0
    bitrate_seconds: NonNegativeFloat = 0.0
    """Bits of media played: bit rate integrated over play time."""
    rungs: dict[NonNegativeInt, NonNegativeFloat] = Field(default_factory=dict)
    """Of ``play_seconds``: those at each bit rate of the ladder, by bit/s as the master playlist names it."""
    switches: NonNegativeInt = 0
    skipped_segments: NonNegativeInt = 0
    live_latency: Sketch = Field(default_factory=Sketch)
    """Seconds from the live moment to the playhead, sampled at each new segment."""
    reconnects: NonNegativeInt = 0
    """Connections opened because an earlier one had ended."""
    messages_sent: NonNegativeInt = 0
    """Chat messages that these viewers sent; no protocol of ours sends any yet."""
    messages_delivered: NonNegativeInt = 0
    """Chat messages that reached these viewers, each counted once per viewer."""
    message_delay: Sketch = Field(default_factory=Sketch)
    """Seconds from sending a chat message to its arrival at one viewer."""


class Window(Frozen):
    """One second of one region × cohort: ``at <= t < at + 1``."""

    line: Literal["window"] = "window"
    at: NonNegativeInt
    region: str
    cohort: str
    requests: dict[RequestKind, Requests] = Field(default_factory=dict)
    players: Players = Players()

    @property
    def key(self) -> tuple[int, str, str]:
        """What makes two windows mergeable: same second, region and cohort."""
        return (self.at, self.region, self.cohort)

    def merge(self, other: Window) -> Window:
        """The same second as seen by both; commutative and associative."""
        if self.key != other.key:
            raise ValueError(f"cannot merge windows of {self.key} and {other.key}")
        return add(self, other)


class Generator(Frozen):
    """Health of one worker in one second: whether the target was slow, or we were."""

    line: Literal["generator"] = "generator"
    at: NonNegativeInt
    worker: str
    cpu: NonNegativeFloat
    """Share of one core that the process used."""
    lag: Sketch = Field(default_factory=Sketch)
    """Seconds that timed actions started later than due."""
    late: NonNegativeInt = 0
    """Actions started more than `LAG_LIMIT` late."""
    dropped: NonNegativeInt = 0
    """Actions never started (no socket, no port, no memory)."""
    faults: NonNegativeInt = 0
    """Viewers and requests lost to errors of our own since the run began; levels count such viewers as still there."""
    sockets: NonNegativeInt = 0
    viewers: NonNegativeInt = 0
    bytes: NonNegativeInt = 0

    def bottleneck(self) -> Bottleneck | None:
        """Why this second measures the generator instead of the target, or None."""
        if self.faults:
            return Bottleneck("faults", f"{self.faults}", "0")
        if self.dropped:
            return Bottleneck("dropped", f"{self.dropped}", "0")
        if self.cpu > CPU_LIMIT:
            return Bottleneck("cpu", f"{self.cpu:.0%}", f"{CPU_LIMIT:.0%}")
        if self.lag.count and (lag := self.lag.quantile(0.99)) > LAG_LIMIT:
            return Bottleneck("lag", f"{lag * 1000:.0f} ms", f"{LAG_LIMIT * 1000:.0f} ms")
        return None


Told: TypeAlias = Annotated[float, Field(ge=0, allow_inf_nan=False)] | None
"""A figure as a server told it; None where it did not."""


class Target(Frozen):
    """What one node under test said of itself in one look (docs/observing.md). What it did not say is None."""

    line: Literal["target"] = "target"
    at: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    """Run second of the look: half-way between asking and hearing."""
    node: str
    source: str
    """The observer that asked."""
    seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """That its rates (``cpu``, ``sent``, ``requests``) are over, up to ``at``; 0 where none is told."""
    cpu: Told = None
    """Share of the node's CPU that was busy: 1 is all of it."""
    cores: Told = None
    """Cores that all of it is."""
    memory: Told = None
    """Bytes in use."""
    memory_limit: Told = None
    """Bytes that there are."""
    sent: Told = None
    """Bits per second that left the node."""
    network_limit: Told = None
    """Bits per second that may leave it."""
    connections: Told = None
    """Open."""
    requests: Told = None
    """Answered per second, of whatever kind."""
    delay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    """Seconds from asking to hearing: ``at`` is known to half of it."""
    clock_offset: Annotated[float, Field(allow_inf_nan=False)] | None = None
    """Seconds that the node's clock is ahead of ours, where it tells the time."""


class Note(Frozen):
    """Something that happened, for people and for charts."""

    line: Literal["note"] = "note"
    at: NonNegativeFloat
    kind: str
    text: str
    data: dict[str, Any] = Field(default_factory=dict)


class Totals(Frozen):
    """Sums that must equal the sums over the windows."""

    requests: dict[RequestKind, NonNegativeInt] = Field(default_factory=dict)
    errors: NonNegativeInt = 0
    bytes: NonNegativeInt = 0
    head_bytes: NonNegativeInt = 0
    joins: NonNegativeInt = 0
    starts: NonNegativeInt = 0
    stalls: NonNegativeInt = 0

    @classmethod
    def of(cls, windows: Iterable[Window]) -> Totals:
        """The sums over some windows."""
        sums = cls()
        for window in windows:
            kinds = window.requests.values()
            sums = add(
                sums,
                cls(
                    requests={kind: requests.count for kind, requests in window.requests.items()},
                    errors=sum(requests.failed for requests in kinds),
                    bytes=sum(requests.bytes for requests in kinds),
                    head_bytes=sum(requests.head_bytes for requests in kinds),
                    joins=window.players.joins,
                    starts=window.players.starts,
                    stalls=window.players.stalls,
                ),
            )
        return sums


Ending: TypeAlias = Literal["finished", "run_time", "interrupted", "stopped", "worker_lost", "failed", "aborted"]


class Footer(Frozen):
    """Whether the run is whole, and why not."""

    line: Literal["footer"] = "footer"
    complete: bool
    """The planned end was reached, every worker reported to it or its viewers were soon back on others."""
    ending: Ending
    at: NonNegativeFloat
    workers_expected: NonNegativeInt
    workers_heard: NonNegativeInt
    """Workers whose last report arrived."""
    totals: Totals
    gaps: tuple[Gap, ...] = ()
    """Workers that were lost, and how long their viewers were missing."""


def gaps_of(notes: Iterable[Note], footer: Footer | None) -> tuple[Gap, ...]:
    """The gaps of a run: from its footer, or while it has none from its notes; one under way has no end there."""
    if footer is not None:
        return footer.gaps
    gaps: dict[str, Gap] = {}
    for note in notes:
        ends = {"until": UNDER_WAY, "is_open": True} if note.kind in LOSSES else {}
        if ends or note.kind == "rehomed":
            with suppress(ValidationError):  # a note says what it likes
                gap = Gap.model_validate({**note.data, **ends})
                gaps[gap.worker] = gap
    return tuple(gaps.values())


LOSSES: Final = ("worker_lost", "worker_left")
"""Notes that open a gap; `rehomed` closes it."""
UNDER_WAY: Final = 10_000_000
"""The end of a gap that has none yet: no run lasts so long (115 days)."""

Value = TypeVar("Value")
Line: TypeAlias = Annotated[Header | Window | Generator | Target | Note | Footer, Field(discriminator="line")]
LINE: Final[TypeAdapter[Line]] = TypeAdapter(Line)


def add(one: Value, other: Value) -> Value:
    """Sum two values of the same kind, field by field: counts and sketches add, identity fields must be equal."""
    return cast("Value", _sum(one, other))


def _sum(one: Any, other: Any) -> Any:
    match one:
        case Frozen():
            values = {
                name: _sum(getattr(one, name), getattr(other, name))
                for name in type(one).model_fields
                if name not in _IDENTITY
            }
            return one.model_copy(update=values)
        case Sketch():
            return Sketch().merge(one).merge(other)
        case dict():
            return {
                key: _sum(one[key], other[key]) if key in one and key in other else one.get(key, other.get(key))
                for key in {**one, **other}
            }
        case _:
            return one + other


_IDENTITY: Final = frozenset({"line", "at", "region", "cohort"})


def text_of(line: Line) -> str:
    """One line as JSON: the header in full, of the others only what is not zero or empty."""
    data = line.model_dump_json(exclude={"line"}, exclude_defaults=not isinstance(line, Header))
    return f'{{"line":"{line.line}",{data[1:]}'


def schema() -> dict[str, Any]:
    """The JSON Schema of one line, as committed in ``run.schema.json``: what a reader takes, so what may be written."""
    lines = LINE.json_schema(mode="validation")  # in the other mode pydantic leaves out whatever holds a sketch
    for place in lines["discriminator"]["mapping"].values():
        definition = lines["$defs"][place.rpartition("/")[2]]
        definition["required"] = ["line", *definition["required"]]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"surgecast run line, schema version {SCHEMA_VERSION}",
        **lines,
    }
