"""The verdict on a run: one `Judged` per budget and scope, and what they come to together."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias

from pydantic import FiniteFloat

from advisor.texts import Message
from loadtests.budgets import METRICS
from loadtests.region import Frozen

State: TypeAlias = Literal["PASS", "FAIL", "INVALID"]
UNKNOWN_START: Final = datetime.fromtimestamp(0, UTC)
"""Stands where a file does not say when it was begun."""
EXIT_CODES: Final[dict[State, int]] = {"PASS": 0, "FAIL": 99, "INVALID": 3}


class Worst(Frozen):
    """The second that was furthest on the wrong side."""

    at: int
    value: FiniteFloat


class Compared(Frozen):
    """A value beside the baseline's."""

    value: FiniteFloat
    """Mean over the baseline runs."""
    runs: int
    allowed: FiniteFloat
    """How much worse is allowed, in the metric's unit."""
    worse: FiniteFloat
    """How much worse it was measured; negative when it is better."""
    noise: FiniteFloat
    """A change up to this could be chance (99 %)."""


class Judged(Frozen):
    """One budget in one scope. Values are in seconds, bits per second, per second, or shares between 0 and 1."""

    budget: str
    file: str
    line: int
    metric: str
    stat: str
    sign: Literal["<", ">"]
    region: str
    cohort: str
    phases: tuple[str, ...]
    """Empty where all of a file without phases is judged."""
    state: State
    limit: FiniteFloat | None
    """In absolute terms; None when there is no baseline to take it from."""
    value: FiniteFloat | None
    low: FiniteFloat | None
    """Surely not below (95 %); None when the data set no such end."""
    high: FiniteFloat | None
    samples: int
    seconds: int
    """Judged seconds that were measured."""
    worst: Worst | None = None
    compared: Compared | None = None
    reason: Message
    remedy: Message | None = None
    trace: tuple[FiniteFloat | None, ...] = ()
    """At most sixty values over the judged seconds, the worst of each stretch, for a small chart."""

    @property
    def unit(self) -> str:
        """Unit of its values; ``%`` for a share between 0 and 1."""
        return METRICS[self.metric].unit

    @property
    def scope(self) -> str:
        """Where and when, for people."""
        where = "/".join(part for part in (self.region, self.cohort) if part) or "all"
        return f"{where}, {'+'.join(self.phases)}" if self.phases else where


class Gate(Frozen):
    """All of them, and the run they are about."""

    schema_version: int = 1
    state: State
    exit_code: int
    scenario: str
    """Its name, or that of another tool's file."""
    tool: str = "surgecast"
    """Which tool the run is of."""
    runs: tuple[str, ...]
    started_at: datetime
    """UTC; second zero of 1970 where a file does not say."""
    seconds: int
    """Recorded; 0 where a file holds totals only."""
    ending: str
    """Empty where a file does not say."""
    baselines: tuple[str, ...]
    remarks: tuple[Message, ...] = ()
    """What the run does not say, and how it was judged all the same."""
    judged: tuple[Judged, ...]

    def count(self, state: State) -> int:
        """How many budgets came to ``state``."""
        return sum(one.state == state for one in self.judged)


def together(states: set[State]) -> State:
    """FAIL when anything is surely broken; else INVALID when anything could not be judged."""
    return "FAIL" if "FAIL" in states else "INVALID" if "INVALID" in states else "PASS"


def show(value: float | None, unit: str) -> str:
    """A value with its unit, as people write it."""
    if value is None:
        return "–"
    if unit == "s":
        return f"{value * 1000:.3g} ms" if abs(value) < 1 else f"{value:.3g} s"
    if unit == "%":
        return f"{value * 100:.3g}%"
    if unit == "bps":
        return f"{value / 1e6:.3g} Mbps"
    return f"{value:.4g}{unit}"


def schema() -> dict[str, Any]:
    """The JSON Schema of ``verdict.json``, as committed in ``verdict.schema.json``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "surgecast verdict, schema version 1",
        **Gate.model_json_schema(mode="serialization"),
    }
