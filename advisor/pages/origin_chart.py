"""The picture of the origin behind a CDN: its requests against the cache-hit ratio, with today's point, as inline SVG.

Lines, colours and sizes are those of `advisor.pages.charts`; the axis below is a ratio instead of time, the one beside
it counts in powers of ten: with request collapsing the load is often a thousandth.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from advisor.demands.behind import Origin
from advisor.demands.cdn import Cdn
from advisor.figures import number
from advisor.models import Excuse
from advisor.pages.charts import NARROW, WIDE, Frame
from advisor.texts import fill

STEPS: Final = 41
MOST: Final = 0.999
"""Hit ratio at the right edge; at 1 there is no power of ten left."""
LEAST: Final = 0.8
"""Hit ratio at the left edge, unless today's lies lower: a CDN that hits less does not serve live video well."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Requests per second at hit ratios from ``start`` to `MOST`; a region's demand times the misses."""

    start: float
    asked: float
    """Requests per second of all viewers."""
    collapsed: float
    """Requests per second of one edge location with request collapsing."""
    today: tuple[float, float] | None
    """Hit ratio and requests per second at the rehearsal's hit ratios."""

    def at(self, ratio: float) -> float:
        """Requests per second without request collapsing."""
        return self.asked * (1 - ratio)

    @property
    def ratios(self) -> list[float]:
        """Where the curve is drawn."""
        return [self.start + (MOST - self.start) * step / (STEPS - 1) for step in range(STEPS)]

    @property
    def decades(self) -> range:
        """Powers of ten that hold every point."""
        values = [self.at(self.start), self.at(MOST), self.collapsed, *([self.today[1]] if self.today else [])]
        known = [value for value in values if value > 0]
        low, high = min(known, default=1.0), max(known, default=1.0)
        return range(math.floor(math.log10(low)), max(math.ceil(math.log10(high)), math.floor(math.log10(low)) + 1) + 1)

    def place(self, frame: Frame, ratio: float, requests: float) -> tuple[float, float]:
        """Where a point is; what lies below the scale stands on its foot."""
        decades = self.decades
        height = math.log10(max(requests, 10.0 ** decades[0])) - decades[0]
        return frame.x(min(ratio, MOST), self.start, MOST), frame.y(height, float(decades[-1] - decades[0]))


def curve_of(cdn: Cdn) -> Curve | None:
    """What the picture shows of one region; None where nothing is known of its origin."""
    if not isinstance(cdn.origin, Origin):
        return None
    today = None if isinstance(cdn.origin.today, Excuse) else cdn.origin.today
    point = (today.hit_ratio.mid, today.requests.mid) if today else None
    start = LEAST if point is None else max(0.0, min(LEAST, int(point[0] * 10) / 10))
    return Curve(start, cdn.requests.mid, cdn.origin.location.requests.mid, point)


def picture(cdn: Cdn, lang: str) -> Markup:
    """Both sizes of the drawing; nothing where there is no curve."""
    curve = curve_of(cdn)
    if curve is None:
        return Markup("")
    title = fill(lang, "chart_origin")
    return Markup("").join(_draw(curve, frame, title) for frame in (WIDE, NARROW))


def _draw(curve: Curve, frame: Frame, title: str) -> Markup:
    head = Markup('<svg class="{}" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
        "wide" if frame is WIDE else "narrow", frame.width, frame.height, title
    )
    parts = [
        *_axes(curve, frame),
        _line("limit", [curve.place(frame, end, curve.collapsed) for end in (curve.start, MOST)]),
        _line("s0", [curve.place(frame, ratio, curve.at(ratio)) for ratio in curve.ratios]),
        *([_cross(*curve.place(frame, *curve.today))] if curve.today else []),
    ]
    return head + Markup("").join(parts) + Markup("</svg>")


def _axes(curve: Curve, frame: Frame) -> Iterator[Markup]:
    for power in curve.decades:
        _, y = curve.place(frame, curve.start, 10.0**power)
        grid = Markup('<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>')
        yield grid.format(frame.left, frame.width - frame.right, y, y)
        yield _text(frame.left - 6, y + 4, "end", number(10.0**power))
    for step in range(5):
        ratio = curve.start + (1 - curve.start) * step / 5
        yield _text(frame.x(ratio, curve.start, MOST), frame.height - frame.bottom + 16, "middle", number(100 * ratio))
    yield _text(frame.width - frame.right, frame.height - frame.bottom + 16, "end", number(100 * MOST))


def _cross(x: float, y: float) -> Markup:
    path = Markup('<path class="line s1" style="stroke-dasharray:none" d="M{:.1f},{:.1f}v14M{:.1f},{:.1f}h14"/>')
    return path.format(x, y - 7, x - 7, y)


def _line(style: str, places: Sequence[tuple[float, float]]) -> Markup:
    path = "L".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return Markup('<path class="line {}" d="M{}"/>').format(style, path)


def _text(x: float, y: float, anchor: str, text: str) -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(x, y, anchor, text)
