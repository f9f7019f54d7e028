"""The verdict as Markdown: a pull request's comment, and GitHub's step summary."""

from __future__ import annotations

from typing import Final

from advisor.gate.cells import against, headline, limit, measured, origin, sparkline, worst
from advisor.gate.reports import GateReport
from advisor.gate.sentences import label, plain, told
from advisor.gate.verdict import Gate, Judged

_MARKS: Final = {"PASS": "✅", "FAIL": "❌", "INVALID": "⚠️"}
_COLUMNS: Final = ("verdict", "budget", "where", "limit", "measured", "baseline", "worst", "course")


class Markdown(GateReport):
    """A table with a small chart in each row, then what is wrong and what to do."""

    @property
    def file_name(self) -> str:
        """Beside the other reports."""
        return "verdict.md"

    def render(self, gate: Gate, lang: str) -> str:
        """The comment; without a baseline it has no such column."""
        columns = [name for name in _COLUMNS if name != "baseline" or gate.baselines]
        lines = [
            f"### {_MARKS[gate.state]} {label(gate.state, lang)} · {_escaped(gate.scenario)}",
            "",
            f"{headline(gate, lang)}  ",
            "  \n".join(_escaped(line) for line in origin(gate, lang).splitlines()),
            "",
            _row([label(name, lang) for name in columns]),
            _row(["---"] * len(columns)),
            *(_row([_cells(judged, lang)[name] for name in columns]) for judged in gate.judged),
            *_reasons(gate, lang),
        ]
        return "\n".join(lines) + "\n"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _cells(judged: Judged, lang: str) -> dict[str, str]:
    return {
        "verdict": f"{_MARKS[judged.state]} {label(judged.state, lang)}",
        "budget": f"`{judged.budget.replace('|', '').replace('`', '')}`",
        "where": _escaped(judged.scope),
        "limit": limit(judged),
        "measured": measured(judged),
        "baseline": against(judged),
        "worst": worst(judged, lang),
        "course": sparkline(judged),
    }


def _reasons(gate: Gate, lang: str) -> list[str]:
    lines = []
    for judged in gate.judged:
        if judged.state != "PASS":
            budget = judged.budget.replace("`", "")
            remedy = f" → {told(judged.remedy, lang)}" if judged.remedy else ""
            why = _escaped(told(judged.reason, lang) + remedy)
            lines.append(f"- {_MARKS[judged.state]} `{budget}` ({_escaped(judged.scope)}): {why}")
    return ["", *lines] if lines else []


def _escaped(text: str) -> str:
    """Text that cannot mark up, on one line."""
    text = plain(text)
    for mark in "\\`*_[]<>|#":
        text = text.replace(mark, f"\\{mark}")
    return text
