"""The picture of the origin behind a CDN: its requests against the cache-hit ratio, with today's point, as inline SVG.

Lines, colours and sizes are those of `advisor.charts`; the axis below is a ratio instead of time.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from markupsafe import Markup

from advisor.behind import Origin
from advisor.cdn import Cdn
from advisor.charts import NARROW, WIDE, Frame, ticks
from advisor.figures import number
from advisor.models import Excuse
from advisor.texts import fill

STEPS: Final = 21
LEAST: Final = 0.8
"""Hit ratio at the left edge, unless today's lies lower: a CDN that hits less does not serve live video well."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Requests per second at hit ratios from ``start`` to 1; a region's demand times the misses."""

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
        return [self.start + (1 - self.start) * step / (STEPS - 1) for step in range(STEPS)]

    @property
    def most(self) -> float:
        """Top of the scale."""
        return max(self.at(self.start), self.collapsed, self.today[1] if self.today else 0.0)


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
    scale = ticks(curve.most)
    top = scale[-1]
    head = Markup('<svg class="{}" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
        "wide" if frame is WIDE else "narrow", frame.width, frame.height, title
    )
    places = [(frame.x(ratio, curve.start, 1.0), frame.y(curve.at(ratio), top)) for ratio in curve.ratios]
    parts = [
        *_axes(curve, frame, scale),
        _line("limit", [(frame.x(end, curve.start, 1.0), frame.y(curve.collapsed, top)) for end in (curve.start, 1.0)]),
        _line("s0", places),
        *_today(curve, frame, top),
    ]
    return head + Markup("").join(parts) + Markup("</svg>")


def _axes(curve: Curve, frame: Frame, scale: Sequence[float]) -> Iterator[Markup]:
    for value in scale:
        y = frame.y(value, scale[-1])
        grid = Markup('<line class="grid" x1="{}" x2="{}" y1="{:.1f}" y2="{:.1f}"/>')
        yield grid.format(frame.left, frame.width - frame.right, y, y)
        yield _text(frame.left - 6, y + 4, "end", number(value))
    for step in range(6):
        ratio = curve.start + (1 - curve.start) * step / 5
        yield _text(frame.x(ratio, curve.start, 1.0), frame.height - frame.bottom + 16, "middle", number(100 * ratio))


def _today(curve: Curve, frame: Frame, top: float) -> Iterator[Markup]:
    if curve.today:
        x, y = frame.x(curve.today[0], curve.start, 1.0), frame.y(curve.today[1], top)
        yield _line("s1", [(x, y - 7), (x, y + 7)])
        yield _line("s1", [(x - 7, y), (x + 7, y)])


def _line(style: str, places: Sequence[tuple[float, float]]) -> Markup:
    path = "L".join(f"{x:.1f},{y:.1f}" for x, y in places)
    return Markup('<path class="line {}" d="M{}"/>').format(style, path)


def _text(x: float, y: float, anchor: str, text: str) -> Markup:
    return Markup('<text x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(x, y, anchor, text)
