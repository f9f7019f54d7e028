"""The verdict on a terminal: a row per budget, and under those not kept the reason and what to do."""

from __future__ import annotations

import unicodedata
from typing import Final

from advisor.gate.cells import against, headline, limit, measured, origin, worst
from advisor.gate.reports import GateReport
from advisor.gate.sentences import label, plain, told
from advisor.gate.verdict import Gate, Judged

_COLUMNS: Final = ("verdict", "budget", "where", "limit", "measured", "baseline", "worst")


class Terminal(GateReport):
    """Plain text in columns, the verdict first and last. Text from runs cannot steer the terminal."""

    @property
    def file_name(self) -> str:
        """Printed only."""
        return ""

    def render(self, gate: Gate, lang: str) -> str:
        """The table and its sum."""
        columns = [name for name in _COLUMNS if name != "baseline" or gate.baselines]
        head = [label(name, lang) for name in columns]
        table = [[_cells(judged, lang)[name] for name in columns] for judged in gate.judged]
        widths = [max(_width(row[i]) for row in [head, *table]) for i in range(len(columns))]
        lines = [*origin(gate, lang).splitlines(), "", _line(head, widths)]
        for row, judged in zip(table, gate.judged, strict=True):
            lines += [_line(row, widths), *_why(judged, lang)]
        lines += ["", f"{label(gate.state, lang)}: {headline(gate, lang)}"]
        return "\n".join(map(plain, lines)) + "\n"


def _cells(judged: Judged, lang: str) -> dict[str, str]:
    return {
        "verdict": label(judged.state, lang),
        "budget": judged.budget,
        "where": judged.scope,
        "limit": limit(judged),
        "measured": measured(judged),
        "baseline": against(judged),
        "worst": worst(judged, lang),
    }


def _why(judged: Judged, lang: str) -> list[str]:
    if judged.state == "PASS":
        return []
    remedy = [f"  → {told(judged.remedy, lang)}"] if judged.remedy else []
    return [f"  {told(judged.reason, lang)}", *remedy]


def _line(cells: list[str], widths: list[int]) -> str:
    padded = (cell + " " * (width - _width(cell)) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()


def _width(text: str) -> int:
    """Columns that a text takes: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(mark) in "WF" else 1 for mark in text)
