"""A surge as scenarios say it: a shape, a preset of one, or shapes within shapes; curves are read from their files."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

from pydantic import PositiveInt

from loadtests import plugins
from loadtests.document import read_yaml
from loadtests.errors import InputError
from loadtests.region import Frozen, Names
from loadtests.shapes import Shape

FOLDER: Final = "loadtests.shapes"
KEY: Final = "shape"
LARGEST: Final = 1 << 20
"""Bytes that a curve's file may have."""
DEEPEST: Final = 16
"""Lists and shapes within shapes."""
HINT: Final = "docs/surges.md shows every shape and preset"


class Part(Frozen):
    """What a scenario says beside the name of a preset."""

    preset: str
    peak: PositiveInt
    """Viewers that take the place of the preset's own peak."""
    time_by: float = 1.0
    """Times as long as the preset."""


def read_surge(settings: object) -> Shape:
    """A shape from scenario text: ``{shape: NAME, …}``, or ``{preset: NAME, peak: N}``, which is resolved."""
    if isinstance(settings, dict) and "preset" in settings:
        part = Part.model_validate(settings)
        return load_preset(part.preset).at(part.peak, part.time_by)
    shape = plugins.build(FOLDER, KEY, settings)
    assert isinstance(shape, Shape)
    return shape


Surge: TypeAlias = Annotated[Shape, *plugins.plugin_field(FOLDER, KEY, read_surge)]
"""A field that holds a shape."""


# -- presets ----------------------------------------------------------------------------------------------------------


class Preset(Frozen):
    """A surge that was seen or is recommended, in its own numbers, with where they are from."""

    name: str
    summary: Names
    source: str
    as_of: str
    confidence: Literal["measured", "derived", "assumed"]
    peak: PositiveInt
    """The viewers that a scenario's ``peak`` takes the place of; everything else follows in proportion."""
    surge: Surge

    def at(self, peak: int, time_by: float = 1.0) -> Shape:
        """The surge with another peak, as a shape that says so: it stands in the header of the run."""
        settings = {KEY: "scale", "of": self.surge, "viewers_by": peak / self.peak, "time_by": time_by}
        shape = plugins.build(FOLDER, KEY, settings)
        assert isinstance(shape, Shape)
        return shape


@cache
def preset_names() -> tuple[str, ...]:
    """Names of the presets that ship with surgecast, sorted."""
    folder = resources.files("loadtests") / "surges"
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")))


@cache
def load_preset(name: str) -> Preset:
    """The preset called ``name``; ValueError when no file holds it."""
    if name not in preset_names():
        raise ValueError(f"no preset called {name!r} (known: {', '.join(preset_names())})")
    text = (resources.files("loadtests") / "surges" / f"{name}.yaml").read_text(encoding="utf-8")
    return Preset.model_validate(read_yaml(f"surges/{name}.yaml", text))


# -- curves from files ------------------------------------------------------------------------------------------------


def with_curves(settings: object, folder: Path, deep: int = 0) -> object:
    """Scenario text of a surge with the points of every `replay` read from its CSV file, sought from ``folder`` on.

    Raises InputError for a file that is no curve, and for shapes that nest without end.
    """
    if deep > DEEPEST:
        raise InputError(
            f"surge: shapes nest deeper than {DEEPEST}", hint="write the surge with fewer shapes in shapes"
        )
    if isinstance(settings, list):
        return [with_curves(one, folder, deep + 1) for one in settings]
    if not isinstance(settings, dict):
        return settings
    inner = {name: with_curves(settings[name], folder, deep + 1) for name in ("of", "parts") if name in settings}
    file = settings.get("file")
    if settings.get(KEY) == "replay" and isinstance(file, str) and file and not settings.get("points"):
        column, points = read_curve(folder / file)
        inner |= {"points": points, "column": settings.get("column", column), "file": Path(file).name}
        if inner["column"] != column:
            raise InputError(f"{file}: the scenario asks for {inner['column']!r}, the file has {column!r}", hint=HINT)
    return {**settings, **inner}


def read_curve(file: Path) -> tuple[str, list[tuple[float, float]]]:
    """The second column's name and the points of a CSV file; InputError with the line that is wrong."""
    lines = csv.reader(_text(file).splitlines())
    header = [cell.strip().lower() for cell in next(lines, [])]
    if header not in (["time", "viewers"], ["time", "arrivals"]):
        raise _wrong(file, 1, f"expected the columns time,viewers or time,arrivals, found {','.join(header)!r}")
    points = list(_points(file, lines, header[1]))
    if len(points) < 2:
        raise InputError(f"{file}: expected two rows or more below the columns, found {len(points)}", hint=HINT)
    return header[1], points


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > LARGEST:
            size = f"{file.stat().st_size:,} bytes"
            raise InputError(
                f"{file}: expected at most {LARGEST:,} bytes, found {size}", hint="keep a row per second or less"
            )
        return file.read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read: {error}", hint="the path starts at the scenario's folder") from error


def _points(file: Path, lines: Iterator[list[str]], column: str) -> Iterator[tuple[float, float]]:
    before = float("-inf")
    for line, cells in enumerate(lines, 2):
        if not any(cell.strip() for cell in cells):
            continue
        try:
            time, value = map(float, cells)
        except ValueError:
            raise _wrong(file, line, f"expected two numbers, found {','.join(cells)!r}") from None
        if not (abs(time) < float("inf") and abs(value) < float("inf")):
            raise _wrong(file, line, f"expected two finite numbers, found {','.join(cells)!r}")
        if time <= before:
            raise _wrong(file, line, f"times must rise, found {time:g} after {before:g}")
        if value < 0:
            raise _wrong(file, line, f"{column} cannot be negative, found {value:g}")
        before = time
        yield time, value


def _wrong(file: Path, line: int, what: str) -> InputError:
    return InputError(f"{file}:{line}: {what}", hint=HINT)
