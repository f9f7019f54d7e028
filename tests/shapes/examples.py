"""One example of every shape: drawn in the gallery, held to the laws, followed by simulated viewers."""

from __future__ import annotations

from typing import Final

from loadtests.shapes import Place, Shape
from loadtests.surge import load_preset, preset_names, read_surge

EXAMPLES: Final[dict[str, dict[str, object]]] = {
    "step": {"baseline": 500, "peak": 3000},
    "ramp": {"baseline": 500, "peak": 3000},
    "staircase": {"baseline": 500, "peak": 3000, "steps": 5, "climb": "10s", "rest": "50s"},
    "flash_crowd": {"baseline": 500, "peak": 3000},
    "logistic": {"baseline": 500, "peak": 3000, "rise": "60s"},
    "bass": {"baseline": 500, "peak": 3000, "p": 0.1, "q": 2.0},
    "push": {"baseline": 500, "notified": 50_000, "opens": "5%", "hold": "4m"},
    "raid": {"baseline": 500, "peak": 3000, "land": "10s"},
    "kick_off": {"baseline": 500, "peak": 3000, "warm_up": "2m", "quiet": "5m", "fall": "3m"},
    "evening": {"peak": 3000, "lasts": "24h", "warm_up": "10m", "quiet": "10m"},
    "replay": {
        "points": [[0, 500], [60, 600], [120, 1900], [150, 1700], [210, 3000], [300, 2700], [330, 1200], [420, 900]],
    },
    "sum": {
        "parts": [
            {"shape": "ramp", "baseline": 500, "peak": 1500, "ramp": "2m", "hold": "5m"},
            {"shape": "shift", "by": "4m", "of": {"shape": "raid", "baseline": 0, "peak": 1500, "hold": "1m"}},
        ]
    },
    "scale": {"of": {"shape": "flash_crowd", "baseline": 500, "peak": 3000}, "viewers_by": 0.5, "time_by": 0.5},
    "shift": {"of": {"shape": "flash_crowd", "baseline": 500, "peak": 3000}, "by": "1m"},
    "repeat": {"of": {"shape": "raid", "baseline": 500, "peak": 3000, "remain": "20%"}, "times": 3},
}
"""Settings by the shape's name."""
PLACES: Final = {
    "Jakarta": Place("id", 19.5 * 3600),
    "Kolkata": Place("in", 18.0 * 3600),
    "São Paulo": Place("br", 9.5 * 3600),
}
"""Clocks at 19:30 in Jakarta."""


def example(name: str) -> Shape:
    """The shape of an example."""
    return read_surge({"shape": name, **EXAMPLES[name]})


def shapes() -> dict[str, Shape]:
    """All examples, and all presets at 3,000 viewers."""
    presets = {f"preset {name}": load_preset(name).at(3000) for name in preset_names()}
    return {name: example(name) for name in EXAMPLES} | presets
