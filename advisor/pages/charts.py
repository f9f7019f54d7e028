"""Line charts over the seconds of a run, as inline SVG: phases shaded, axes with units, gaps where nothing was seen.

Colours are classes (``s0`` … ``s5``, ``limit``) that the page's style sheet fills for light, dark and print; lines also
differ by dash, so that colour is never the only difference. All words are outside the drawing, in the legend, except
tick labels, which are spaced by their width, and phase names, which are left out where they do not fit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, TypeVar

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray

from advisor.figures import number

Values: TypeAlias = Sequence[float | None]
Number = TypeVar("Number", float, NDArray[np.float64])


@dataclass(frozen=True, slots=True)
class Line:
    """One curve; ``style`` is a class of the style sheet."""

    label: str
    values: Values
    style: str


@dataclass(frozen=True, slots=True)
class Shade:
    """A stretch of time: a phase (``name`` is printed) or seconds that were cut (no name)."""

    start: float
    end: float
    style: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart as data. ``times`` are the seconds of every value."""

    title: str
    unit: str
    times: Sequence[int]
    lines: tuple[Line, ...]
    shades: tuple[Shade, ...] = ()
    limits: tuple[Line, ...] = ()
    """Horizontal lines: one value each."""
    bands: tuple[tuple[Values, Values, str], ...] = ()
    """Areas between two curves."""


@dataclass(frozen=True, slots=True)
class Frame:
    """The drawing in its own units; text is 12 high."""

    width: int
    height: int
    left: int = 52
    right: int = 14
    top: int = 22
    bottom: int = 30

    def x(self, at: Number, start: float, end: float) -> Number:
        """Where a second is."""
        return self.left + (at - start) / max(1e-9, end - start) * (self.width - self.left - self.right)

    def y(self, value: Number, top: float) -> Number:
        """Where a value is."""
        return self.height - self.bottom - value / top * (self.height - self.top - self.bottom)


WIDE: Final = Frame(width=560, height=220)
NARROW: Final = Frame(width=350, height=200, left=46, right=10)
LETTER: Final = 6.6
"""Width of a Latin letter at 12 units; a Chinese one is 12 wide."""


def ticks(most: float, count: int = 4) -> list[float]:
    """Round steps (1, 2, 2.5, 5 times a power of ten) from zero to at least ``most``."""
    if most <= 0:
        return [0.0, 1.0]
    rough = most / count
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 2.5, 5, 10) if factor * power >= rough * (1 - 1e-9))
    return [index * step for index in range(math.ceil(most / step - 1e-9) + 1)]


def time_ticks(start: float, end: float, count: int) -> list[float]:
    """Seconds to print under the axis."""
    step = next(
        (step for step in (5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600) if (end - start) / step <= count), 7200
    )
    first = math.ceil(start / step) * step
    return [float(at) for at in range(int(first), int(end) + 1, step)]


def draw(chart: Chart, frame: Frame) -> Markup:
    """The chart as one ``<svg>``."""
    times = chart.times or (0, 1)
    start, end = float(times[0]), float(times[-1]) + 1
    scale = ticks(_most(chart))
    parts = [
        *_shades(chart, frame, start, end),
        *grid(frame, scale),
        *_time_axis(frame, start, end),
        *(_band(frame, chart.times, band, (start, end, scale[-1])) for band in chart.bands),
        *(_limit(frame, line, scale[-1]) for line in chart.limits),
        *(_curve(frame, chart.times, line, (start, end, scale[-1])) for line in chart.lines),
    ]
    head = Markup('<svg class="{}" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
        "wide" if frame is WIDE else "narrow", frame.width, frame.height, chart.title
    )
    return head + Markup("").join(parts) + Markup("</svg>")


def _most(chart: Chart) -> float:
    curves = [*chart.lines, *chart.limits]
    return max((value for line in curves for value in line.values if value is not None), default=0.0)


def _shades(chart: Chart, frame: Frame, start: float, end: float) -> Iterator[Markup]:
    for shade in chart.shades:
        left, right = (frame.x(min(max(at, start), end), start, end) for at in (shade.start, shade.end))
        if right <= left:
            continue
        rect = Markup('<rect class="{}" x="{:.1f}" y="{}" width="{:.1f}" height="{}"/>')
        yield rect.format(shade.style, left, frame.top, right - left, frame.height - frame.top - frame.bottom)
        if shade.name and text_width(shade.name) + 4 <= right - left:
            yield text((left + right) / 2, frame.top - 7, "middle", shade.name)


def text_width(text: str) -> float:
    """Estimated width at 12 units."""
    return sum(12.0 if ord(letter) > 0x2E7F else LETTER for letter in text)


def text(x: float, y: float, anchor: str, words: str) -> Markup:
    """Words at a place of the drawing."""
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(x, y, anchor, words)


def grid(frame: Frame, scale: Sequence[float]) -> Iterator[Markup]:
    """Lines across with their values at the left."""
    for value in scale:
        y = frame.y(value, scale[-1])
        line = Markup('<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>')
        yield line.format(frame.left, frame.width - frame.right, y, y)
        yield text(frame.left - 6, y + 4, "end", number(value))


def _time_axis(frame: Frame, start: float, end: float) -> Iterator[Markup]:
    for at in time_ticks(start, end, 12 if frame.width > 500 else 6):
        yield text(frame.x(at, start, end), frame.height - frame.bottom + 16, "middle", f"{at:g}")


def _points(frame: Frame, times: Sequence[int], values: Values, box: tuple[float, float, float]) -> list[list[str]]:
    """Stretches of points; a second without a value, or one that is missing, parts two stretches.

    Where several seconds share a column of the drawing, its first, lowest, highest and last are drawn: no peak is lost.
    """
    at = np.asarray(times, dtype=np.int64)
    amounts = np.array([math.nan if value is None else value for value in values], dtype=np.float64)
    known = np.flatnonzero(~np.isnan(amounts))
    if not len(known):
        return []
    parts = np.split(known, np.flatnonzero((np.diff(known) > 1) | (np.diff(at[known]) != 1)) + 1)
    dense = len(times) > DENSE * (frame.width - frame.left - frame.right)
    found = []
    for part in parts:
        middles: NDArray[np.float64] = np.asarray(at[part] + 0.5, dtype=np.float64)
        x, y = frame.x(middles, box[0], box[1]), frame.y(amounts[part], box[2])
        shown = _thinned(x, amounts[part]) if dense else np.arange(len(part))
        pairs = zip(x[shown].tolist(), y[shown].tolist(), strict=True)
        found.append([f"{one:.1f},{other:.1f}" for one, other in pairs])
    return found


DENSE: Final = 2
"""Seconds per unit of width beyond which they are thinned: nobody sees two points on one spot."""


def _thinned(x: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Of the points of each column of the drawing: the first, the lowest, the highest, the last."""
    column = x.astype(np.int64)
    ends = np.flatnonzero(np.append(np.diff(column) != 0, True))
    starts = np.append(0, ends[:-1] + 1)
    by_value = np.lexsort((values, column))
    return np.unique(np.concatenate([starts, ends, by_value[starts], by_value[ends]]))


def _curve(frame: Frame, times: Sequence[int], line: Line, box: tuple[float, float, float]) -> Markup:
    stretches = _points(frame, times, line.values, box)
    paths = ("M" + "L".join(points if len(points) > 1 else points * 2) for points in stretches)
    return Markup('<path class="line {}" d="{}"/>').format(line.style, "".join(paths))


def _band(
    frame: Frame, times: Sequence[int], band: tuple[Values, Values, str], box: tuple[float, float, float]
) -> Markup:
    low, high, style = band
    lower, upper = _points(frame, times, low, box), _points(frame, times, high, box)
    paths = ("M" + "L".join([*above, *reversed(below)]) + "Z" for above, below in zip(upper, lower, strict=True))
    return Markup('<path class="band {}" d="{}"/>').format(style, "".join(paths))


def _limit(frame: Frame, line: Line, top: float) -> Markup:
    y = frame.y(line.values[0] or 0.0, top)
    path = Markup('<path class="line {}" d="M{},{:.1f}L{},{:.1f}"/>')
    return path.format(line.style, frame.left, y, frame.width - frame.right, y)
