"""How a comparison reads: figures, changes and marks as text, the same in every report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from advisor import figures
from advisor.compare.comparison import Change, Comparison, Row, Shown, Table, Verdict
from advisor.compare.measures import Unit
from advisor.compare.words import fill
from advisor.interval import Interval
from advisor.texts import name_of

MARKS: Final[dict[Verdict, str]] = {
    "better": "✓",
    "worse": "✕",
    "higher": "▲",
    "lower": "▼",
    "unclear": "=",
    "untested": "?",
}


def quantity(value: float, unit: Unit) -> str:
    """A figure with its unit; a difference keeps its sign."""
    sign, size = ("-", -value) if value < 0 else ("", value)
    match unit:
        case "bit/s":
            return sign + figures.bits(size)
        case "share":
            return sign + figures.percent(size)
        case "s":
            return sign + figures.seconds(size)
        case "requests/s":
            return f"{sign}{figures.number(size)} req/s"
        case "1/s":
            return f"{sign}{figures.number(size)}/s"
        case "viewers":
            return sign + figures.number(size)


def line(head: str, text: str, lang: str) -> str:
    """A heading and what it says, on one line."""
    return fill(lang, "compare_line", head=head, text=text)


def _both(interval: Interval | None, unit: Unit, text: Callable[[float, Unit], str]) -> tuple[str, str]:
    return (text(interval.low, unit), text(interval.high, unit)) if interval else ("", "")


def _ends(low: str, high: str) -> str:
    """The unit once, if both ends have the same; nothing for ends that read the same."""
    if low == high:
        return ""
    same = low.partition(" ")[2] == high.partition(" ")[2]
    return f"{low.partition(' ')[0] if same else low} … {high}"


def _points(value: float, unit: Unit) -> str:
    """A difference: of shares it is in percentage points."""
    text = quantity(value, unit)
    return f"{text.removesuffix('%')} pp" if unit == "share" else text


def cell(shown: Shown, unit: Unit, lang: str) -> str:
    """A figure of one run."""
    if shown.value is None:
        return fill(lang, f"compare_{shown.basis}")
    value = quantity(shown.value, unit)
    return fill(lang, "compare_cell_reported", value=value) if shown.basis == "reported" else value


def bounds(shown: Shown, unit: Unit) -> str:
    """The ends of its interval; empty without one, or when they are the figure."""
    return _ends(*_both(shown.interval, unit, quantity))


def change_size(change: Change, unit: Unit) -> str:
    """A difference, and its share of the base's figure where that says something."""
    if change.difference is None:
        return ""
    size = ("+" if change.difference > 0 else "") + _points(change.difference, unit)
    if change.relative is None or unit == "share" or not change.difference:
        return size
    return f"{size} ({change.relative:+.0%})" if abs(change.relative) < 10 else f"{size} (×{1 + change.relative:.0f})"


def change_bounds(change: Change, unit: Unit) -> str:
    """The ends of the difference's interval."""
    return _ends(*_both(change.interval, unit, _points))


def part_name(comparison: Comparison, code: str, lang: str) -> str:
    """A region by the name that people call it; the whole in words."""
    if not code:
        return fill(lang, "compare_whole")
    return name_of(comparison.names[code], lang) if code in comparison.names else code


def verdict(table: Table, lang: str) -> str:
    """What the table shows, in one sentence."""
    found = [change.verdict for row in table.rows for change in row.changes if change.real]
    if not table.tested:
        return fill(lang, "compare_untested")
    if not found:
        return fill(lang, "compare_none", count=str(table.tested))
    worse, better = found.count("worse"), found.count("better")
    counts = {"worse": worse, "better": better, "other": len(found) - worse - better}
    texts = {name: str(count) for name, count in counts.items()}
    return fill(lang, "compare_found", count=str(len(found)), tested=str(table.tested), **texts)


def real_rows(table: Table) -> Sequence[tuple[Row, int, Change]]:
    """What is real in a region and is not real for the whole: the row, the run's place after the base, the change."""
    whole = {row.measure: [change.verdict for change in row.changes] for row in table.part("")}
    rows = [(row, place, change) for row in table.rows if row.part for place, change in enumerate(row.changes)]
    return [found for found in rows if found[2].real and whole[found[0].measure][found[1]] != found[2].verdict]
