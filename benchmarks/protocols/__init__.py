"""Protocols of the benchmarks only. `install` lets scenarios name them, as if they lay among ours."""

from __future__ import annotations

from pathlib import Path

import loadtests.protocols
import loadtests.shapes
from loadtests import plugins


def install() -> None:
    """Add these protocols, and the shape of `benchmarks.shapes`, to those that scenarios may name."""
    for package, folder in ((loadtests.protocols, "protocols"), (loadtests.shapes, "shapes")):
        place = str(Path(__file__).parents[1] / folder)
        if place not in package.__path__:
            package.__path__.append(place)
            plugins.names.cache_clear()
