"""What the reports for people share: the cells of a verdict's row, and the lines above the table."""

from __future__ import annotations

from typing import Final

from advisor.gate.sentences import label, plain, told
from advisor.gate.verdict import Gate, Judged, State, show

_BARS: Final = "▁▂▃▄▅▆▇█"


def headline(gate: Gate, lang: str) -> str:
    """How many budgets came to what."""
    counts = {name: str(gate.count(state)) for name, state in _COUNTED.items()}
    return label("sum", lang, all=str(len(gate.judged)), **counts)


_COUNTED: Final[dict[str, State]] = {"passed": "PASS", "failed": "FAIL", "invalid": "INVALID"}


def origin(gate: Gate, lang: str) -> str:
    """Which run, and beside which; then what the run does not say, a line each."""
    key = "runs" if gate.tool == "surgecast" else "file" if gate.seconds else "totals"
    runs, baselines = (plain(", ".join(names)) for names in (gate.runs, gate.baselines))
    line = label(key, lang, runs=runs, seconds=str(gate.seconds), ending=gate.ending, tool=gate.tool)
    beside = label("beside", lang, runs=baselines) if baselines else ""
    return "\n".join([line + beside, *(told(remark, lang) for remark in gate.remarks)])


def limit(judged: Judged) -> str:
    """The limit with its side."""
    return "–" if judged.limit is None else f"{'≤' if judged.sign == '<' else '≥'} {show(judged.limit, judged.unit)}"


def measured(judged: Judged) -> str:
    """The figure and its ends."""
    value = show(judged.value, judged.unit)
    if judged.value is None or judged.low == judged.high:
        return value
    return f"{value} ({show(judged.low, judged.unit)} – {show(judged.high, judged.unit)})"


def worst(judged: Judged, lang: str) -> str:
    """The worst second and its value."""
    if judged.worst is None:
        return "–"
    return f"{judged.worst.at} {label('second', lang)}: {show(judged.worst.value, judged.unit)}"


def against(judged: Judged) -> str:
    """The change, what is allowed, and what could be chance."""
    found = judged.compared
    if found is None:
        return "–"
    change = found.worse if judged.sign == "<" else -found.worse
    parts = [_signed(change, found.value, judged.unit)]
    parts += [f"± {_signed(found.noise, found.value, judged.unit).lstrip('+')}"]
    return " ".join(parts)


def _signed(value: float, baseline: float, unit: str) -> str:
    if unit == "%":
        return f"{value * 100:+.2f}pp"
    return f"{value / abs(baseline):+.1%}" if baseline else show(value, unit)


def sparkline(judged: Judged) -> str:
    """The course of the value as one line of bars; a dot where there is none."""
    known = [value for value in judged.trace if value is not None]
    if not known:
        return ""
    low, span = min(known), (max(known) - min(known)) or 1.0
    return "".join("·" if v is None else _BARS[min(7, int((v - low) / span * 8))] for v in judged.trace)
