"""The picture of a track record: each check a row, its predicted interval a bar, what was observed a dot.

All figures of a row are over the predicted middle, so that rows of different units share one axis.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from advisor.backtest.track import Check

ROWS: Final = 40
"""The newest: more are in the table and in backtest.json."""
WIDTH: Final = 640
LEFT: Final = 250
ROW: Final = 20
REACH: Final = 2.0
"""The axis ends at this many times the prediction; what lies beyond is drawn at its end."""


def picture(checks: Sequence[Check], labels: Sequence[str], title: str) -> Markup:
    """The newest checks with figures as one ``<svg>``; empty when there is none."""
    chosen = [(one, label) for one, label in zip(checks, labels, strict=True) if one.kind != "nodes"][-ROWS:]
    if not chosen:
        return Markup("")
    height = ROW * len(chosen) + 34
    parts = [_axis(height), *(_row(one, label, ROW * row + 18) for row, (one, label) in enumerate(chosen))]
    head = Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">').format(WIDTH, height, title)
    return head + Markup("").join(parts) + Markup("</svg>")


def _x(ratio: float) -> float:
    return LEFT + max(0.0, min(ratio, REACH)) / REACH * (WIDTH - LEFT - 16)


def _axis(height: int) -> Markup:
    lines = []
    for tick in (0.0, 0.5, 1.0, 1.5, 2.0):
        line = Markup('<line class="grid" x1="{0:.1f}" x2="{0:.1f}" y1="6" y2="{1}"/>')
        text = Markup('<text x="{:.1f}" y="{}" text-anchor="middle">{:.0f}%</text>')
        lines += [line.format(_x(tick), height - 22), text.format(_x(tick), height - 6, 100 * tick)]
    return Markup("").join(lines)


def _row(check: Check, label: str, y: int) -> Markup:
    middle = check.predicted.mid or 1.0
    low, high, seen = (_x(value / middle) for value in (check.predicted.low, check.predicted.high, check.observed.mid))
    text = Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(LEFT - 8, y + 4, label)
    bar = Markup('<rect class="{}" x="{:.1f}" y="{}" width="{:.1f}" height="8"/>')
    shape = Markup('<circle class="{0}" cx="{1:.1f}" cy="{2}" r="4"/>') if check.held else _cross()
    state = "hit" if check.held else "miss"
    return text + bar.format("said", low, y - 4, max(2.0, high - low)) + shape.format(state, seen, y)


def _cross() -> Markup:
    """A miss differs by its form too, not by its colour alone."""
    return Markup('<path class="{0}" transform="translate({1:.1f} {2})" d="M-4,-4L4,4M-4,4L4,-4"/>')
