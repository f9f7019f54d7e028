"""The comparison as a value: what every report shows, and what ``compare.json`` holds."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from pydantic import FiniteFloat

from advisor.compare.measures import Better, Unit
from advisor.interval import Interval
from advisor.texts import Message
from loadtests.region import Frozen, Names
from loadtests.shapes import PhaseName

FORMAT: Final = 1
"""Version of this contract; ``compare.schema.json`` describes it."""

SpanName: TypeAlias = Literal["judged", "all"] | PhaseName
"""``judged`` is ramp and peak; ``all`` is every second but a warm-up, where a run has no phases."""

Verdict: TypeAlias = Literal["better", "worse", "higher", "lower", "unclear", "untested"]
"""The first four are real differences; ``unclear`` is one that chance may have made; ``untested`` has no interval."""

Basis: TypeAlias = Literal["estimated", "exact", "reported", "silent", "empty"]
"""``estimated`` has an interval; ``exact`` is an extreme, or over too few seconds to have one; ``reported`` is the
tool's own figure; ``silent`` is not recorded by the tool; ``empty`` is recorded, but nothing happened."""


class Shown(Frozen):
    """One figure of one run."""

    basis: Basis
    value: FiniteFloat | None = None
    interval: Interval | None = None


class Change(Frozen):
    """What a run has more (or less) than the base."""

    verdict: Verdict
    difference: FiniteFloat | None = None
    interval: Interval | None = None
    relative: FiniteFloat | None = None
    """Share of the base's figure."""
    chance: FiniteFloat | None = None
    """How often chance alone makes a difference this large."""
    adjusted: FiniteFloat | None = None
    """The same, with all differences of the table in view (Holm)."""

    @property
    def real(self) -> bool:
        """Whether chance is ruled out."""
        return self.verdict not in ("unclear", "untested")


class Row(Frozen):
    """One measure of one part."""

    part: str
    """Region code; empty for the whole."""
    measure: str
    unit: Unit
    better: Better
    shown: tuple[Shown, ...]
    """One per run, the base first."""
    changes: tuple[Change, ...]
    """One per run after the base."""


class Table(Frozen):
    """One stretch of the runs. Its differences are corrected for being looked at together."""

    span: SpanName
    seconds: tuple[int, ...]
    """Compared, per run."""
    tested: int
    """Differences that the correction is over."""
    rows: tuple[Row, ...]

    def part(self, code: str) -> tuple[Row, ...]:
        """The rows of one region, or of the whole."""
        return tuple(row for row in self.rows if row.part == code)


class RunCard(Frozen):
    """Which run is which."""

    letter: str
    name: str
    tool: str
    started_at: datetime | None
    seconds: int
    cut: int
    """Seconds left out because a generator was the limit."""
    unfinished: str


class Comparison(Frozen):
    """Runs side by side."""

    format: int = FORMAT
    runs: tuple[RunCard, ...]
    paired: bool
    """Whether the runs follow one schedule and are compared second by second."""
    names: dict[str, Names]
    """Of the regions, by code."""
    warnings: tuple[Message, ...]
    """Why the runs may not be comparable."""
    remarks: tuple[Message, ...]
    """What a tool measures otherwise, or cannot say."""
    tables: tuple[Table, ...]
    """The first is the one that counts."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The whole, then the regions."""
        return tuple(dict.fromkeys(row.part for row in self.tables[0].rows))


def schema() -> dict[str, Any]:
    """The JSON Schema, as committed in ``compare.schema.json``."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"surgecast comparison, format {FORMAT}",
        **Comparison.model_json_schema(mode="serialization"),
    }
