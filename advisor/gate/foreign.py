"""Another tool's file before the gate: what it holds as columns, and remarks on what it cannot say."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from advisor.foreign import Count, Floats, Outcomes
from advisor.gate.evidence import Column, Evidence, Pairs
from advisor.gate.reported import Rate, Reports, Share
from advisor.gate.sentences import say
from advisor.texts import Message

_COUNTED: Final[Mapping[str, tuple[Count, Count]]] = {
    "request": ("requests", "failed"),
    "segment": ("segment_requests", "segment_failed"),
    "playlist": ("playlist_requests", "playlist_failed"),
}
"""By kind of request: those that ended, and of them those that failed."""


@dataclass(frozen=True, slots=True)
class ForeignRun:
    """One file of another tool; all its samples are in one cell."""

    outcomes: Outcomes

    def evidence(self) -> Evidence:
        """As it is judged: nothing was planned that anybody knows of."""
        outcomes = self.outcomes
        columns = dict(self._columns())
        return Evidence(
            name=outcomes.name,
            tool=outcomes.tool,
            runs=(outcomes.name,),
            started_at=outcomes.started_at,
            seconds=outcomes.seconds,
            columns=columns,
            cells={("", ""): 0},
            recordable=outcomes.recordable,
            whole_only=outcomes.whole_only,
            remarks=tuple(self._remarks(columns)),
        )

    def _remarks(self, columns: Mapping[str, Column]) -> Iterator[Message]:
        yield (
            say("remark_all_seconds", seconds=str(self.outcomes.seconds))
            if self.outcomes.seconds
            else say("remark_totals")
        )
        yield say("remark_unwatched", tool=self.outcomes.tool)
        if any(isinstance(column, Reports) for column in columns.values()):
            yield say("remark_reported", tool=self.outcomes.tool)

    def _columns(self) -> Iterator[tuple[str, Column]]:
        for timing, timings in self.outcomes.whole.timings.items():
            yield timing.replace("_", "."), timings.samples
        yield from self._by_second(self.outcomes.whole.counts)
        yield from self._reported()

    def _by_second(self, counts: Mapping[Count, Floats]) -> Iterator[tuple[str, Column]]:
        for kind, (ended, failed) in _COUNTED.items():
            if ended in counts:
                yield f"{kind}.rate", _pairs(counts[ended])
            if ended in counts and failed in counts:
                yield f"{kind}.error_rate", _pairs(counts[failed], counts[ended])
        if "wire_bits" in counts:
            yield "egress", _pairs(counts["wire_bits"])

    def _reported(self) -> Iterator[tuple[str, Column]]:
        outcomes, totals = self.outcomes, self.outcomes.totals
        remedy = outcomes.recordable.get("request.total", "")
        if outcomes.percentiles:
            yield "request.total", Reports(outcomes.percentiles, remedy)
        if "requests" in totals and outcomes.lasted:
            yield "request.rate", Reports(Rate(totals["requests"], outcomes.lasted), remedy)
        if "requests" in totals and "failed" in totals:
            yield "request.error_rate", Reports(Share(totals["failed"], totals["requests"]), remedy)


def _pairs(parts: Floats, wholes: Floats | None = None) -> Pairs:
    """One entry a second."""
    pairs, count = Pairs(), len(parts)
    pairs.at, pairs.cells = array("i", range(count)), array("H", bytes(2 * count))
    pairs.parts = array("d", parts.tobytes())
    pairs.wholes = array("d", (np.zeros(count) if wholes is None else wholes).tobytes())
    return pairs
