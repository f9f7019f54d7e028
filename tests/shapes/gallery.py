"""Draws the gallery of shapes: ``python -m tests.shapes.gallery`` writes docs/images/shapes/NAME.svg.

The curve is what viewers are expected to be there by the code that plans a run, for the default stay; the dashed one is
arrivals per second on a scale of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import numpy as np

from loadtests.flow import Series, expected, solve_flow
from loadtests.scenario import Stay
from loadtests.shapes import Shape
from loadtests.surge import load_preset, preset_names
from tests.shapes.examples import EXAMPLES, PLACES, example

FOLDER: Final = Path(__file__).parents[2] / "docs" / "images" / "shapes"
WIDTH, HEIGHT, LEFT, TOP, BOTTOM = 560, 180, 8, 20, 24
POINTS: Final = 280
COLOURS: Final = ("#0b6e99", "#b3541e", "#4d7c0f")
SHADES: Final = {
    "warm_up": "#eeeeee",
    "baseline": "#f7f7f7",
    "ramp": "#fdeedd",
    "peak": "#fbdcdc",
    "recovery": "#e4f0e4",
}


def drawings() -> dict[str, str]:
    """Every picture of the gallery by the name of its file."""
    pictures = {f"{name}.svg": picture(example(name)) for name in EXAMPLES}
    pictures |= {f"preset_{name}.svg": picture(load_preset(name).at(3000)) for name in preset_names()}
    return pictures


def picture(shape: Shape) -> str:
    """One shape as an SVG; a shape that regions live differently as a curve for each."""
    lived = {name: shape.lived(place) for name, place in PLACES.items()}
    alike = len(set(lived.values())) == 1
    curves = {"": shape} if alike else lived
    heads = {name: expected(one, Stay()) for name, one in curves.items()}
    top = max(float(one.max()) for one in heads.values())
    across = _across(shape.duration)
    parts = [*_phases(shape, across)]
    if alike:
        rate = solve_flow(shape, Stay()).rate
        parts.append(_line(rate, float(rate.max()), '#888888" stroke-dasharray="3 3'))
        parts.append(_text(WIDTH - LEFT, TOP - 6, f"at most {rate.max():,.0f} joins/s", "end"))
    for number, (name, one) in enumerate(heads.items()):
        parts.append(_line(one, top, COLOURS[number]))
        parts.append(_text(LEFT + 150 + 110 * number, TOP - 6, name, "start", COLOURS[number]) if name else "")
    parts.append(_text(LEFT, TOP - 6, f"{top:,.0f} viewers", "start"))
    body = "\n".join(part for part in parts if part)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
        f'font-size="11">\n<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>\n{body}\n</svg>\n'
    )


def _across(duration: float) -> Callable[[float], float]:
    return lambda at: LEFT + at / duration * (WIDTH - 2 * LEFT)


def _phases(shape: Shape, across: Callable[[float], float]) -> list[str]:
    parts = []
    for phase in shape.phases():
        left, right = across(phase.start), across(phase.end)
        parts.append(
            f'<rect x="{left:.1f}" y="{TOP}" width="{right - left:.1f}" height="{HEIGHT - TOP - BOTTOM}" '
            f'fill="{SHADES[phase.name]}"/>'
        )
        if right - left > 6.5 * len(phase.name):
            parts.append(_text((left + right) / 2, HEIGHT - BOTTOM + 13, phase.name.replace("_", " "), "middle"))
    return [*parts, _text(WIDTH - LEFT, HEIGHT - 1, _length(shape.duration), "end")]


def _length(seconds: float) -> str:
    if seconds < 600:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _line(values: Series, top: float, colour: str) -> str:
    """The highest of each stretch, so that a short peak is not lost."""
    last, high = len(values) - 1, HEIGHT - TOP - BOTTOM
    edges = np.unique(np.linspace(0, last, min(POINTS, last + 1)).round().astype(int))
    dots = []
    for before, at in zip([edges[0], *edges[:-1]], edges, strict=True):
        value = float(values[before + 1 : at + 1].max()) if at > before else float(values[at])
        x = LEFT + at / last * (WIDTH - 2 * LEFT)
        dots.append(f"{x:.1f},{HEIGHT - BOTTOM - value / top * (high - 2):.1f}")
    return f'<polyline fill="none" stroke="{colour}" stroke-width="1.6" points="{" ".join(dots)}"/>'


def _text(x: float, y: float, text: str, anchor: str, colour: str = "#333333") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{text}</text>'


def main() -> None:
    """Write every picture."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, text in drawings().items():
        (FOLDER / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
