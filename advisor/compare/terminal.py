"""The comparison for a terminal: the table that counts, and real differences in single regions."""

from __future__ import annotations

from io import StringIO

from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from advisor.compare.comparison import Comparison, Row
from advisor.compare.show import MARKS, cell, change_bounds, change_size, line, part_name, real_rows, verdict
from advisor.compare.words import fill, told
from advisor.pages.summary import printable

WIDTH = 400
"""Columns: nothing is wrapped in a file or a log; a terminal wraps as it likes."""


def terminal(comparison: Comparison, lang: str) -> str:
    """What ``surgecast compare`` prints. Text from runs can neither mark up nor steer the terminal."""
    first = comparison.tables[0]
    lines = [f"{run.letter}  {run.name} ({run.tool})" for run in comparison.runs]
    lines += [f"! {told(message, lang)}" for message in comparison.warnings]
    lines += [f"· {told(message, lang)}" for message in comparison.remarks]
    lines += ["", f"{line(fill(lang, f'span_{first.span}'), verdict(first, lang), lang)}"]
    head = "\n".join(printable(text) for text in lines)
    return f"{head}\n{_drawn(_grid(comparison, lang))}" + "".join(f"\n{text}" for text in _regions(comparison, lang))


def _grid(comparison: Comparison, lang: str) -> Grid:
    base, *others = comparison.runs
    grid = Grid(box=None, pad_edge=False, header_style="")
    grid.add_column(fill(lang, "compare_measure"))
    for run in comparison.runs:
        grid.add_column(run.letter, justify="right")
    for run in others:
        grid.add_column("")
        grid.add_column(fill(lang, "compare_change", run=run.letter, base=base.letter), justify="right")
        grid.add_column(fill(lang, "col_range", coverage="90%"))
    for row in comparison.tables[0].part(""):
        grid.add_row(*(escape(printable(text)) for text in _cells(row, lang)))
    return grid


def _cells(row: Row, lang: str) -> list[str]:
    cells = [fill(lang, f"measure_{row.measure}"), *(cell(shown, row.unit, lang) for shown in row.shown)]
    for change in row.changes:
        cells += [MARKS[change.verdict], change_size(change, row.unit), change_bounds(change, row.unit)]
    return cells


def _drawn(grid: Grid) -> str:
    sheet = StringIO()
    Console(file=sheet, width=WIDTH, color_system=None, highlight=False).print(grid)
    return "\n".join(line.rstrip() for line in sheet.getvalue().splitlines())


def _regions(comparison: Comparison, lang: str) -> list[str]:
    if not (found := real_rows(comparison.tables[0])):
        return []
    lines = ["", fill(lang, "compare_region_real")]
    for row, place, change in found:
        words = (
            MARKS[change.verdict],
            comparison.runs[place + 1].letter,
            part_name(comparison, row.part, lang),
            fill(lang, f"measure_{row.measure}"),
            change_size(change, row.unit),
        )
        lines.append("  " + printable("  ".join(words)))
    return lines
