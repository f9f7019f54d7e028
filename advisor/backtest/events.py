"""Real events as evidence: a CSV or YAML file, one row per region of an event (docs/ledger.md)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from pydantic import AwareDatetime, PositiveFloat, PositiveInt, ValidationError

from loadtests.document import read_yaml
from loadtests.errors import InputError
from loadtests.region import Frozen

_HINT: Final = "columns: event, at, scenario, region, viewers, nodes, held, egress_gbits, requests_per_second"


class Event(Frozen):
    """What one region of a real event showed. Only what is known need be given."""

    event: str
    at: AwareDatetime
    """When it began, with its time zone: advice recorded later is not held against it."""
    scenario: str
    """Name of the scenario that rehearsed it."""
    region: str
    viewers: PositiveInt
    """Peak concurrent viewers."""
    nodes: PositiveInt | None = None
    """Nodes that served this region."""
    held: bool | None = None
    """Whether viewers were served well, by whatever you judge it."""
    egress_gbits: PositiveFloat | None = None
    """Peak egress, Gbit/s."""
    requests_per_second: PositiveFloat | None = None
    """At the peak."""


def read_events(place: Path) -> tuple[Event, ...]:
    """The rows of a file; InputError names the row, the column and what was found."""
    try:
        text = place.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{place}: cannot be read: {error}", hint=_HINT) from error
    rows = _table(text) if place.suffix.lower() == ".csv" else _list(place, text)
    return tuple(_event(where, row) for where, row in rows)


def _table(text: str) -> Iterator[tuple[str, Any]]:
    reader = csv.DictReader(io.StringIO(text))
    for row in reader:
        yield f"line {reader.line_num}", {name: value for name, value in row.items() if value not in ("", None)}


def _list(place: Path, text: str) -> Iterator[tuple[str, Any]]:
    data = read_yaml(str(place), text)
    if not isinstance(data, list):
        raise InputError(f"{place}: expected a list of events, found {type(data).__name__}", hint=_HINT)
    for number, row in enumerate(data, 1):
        yield f"event {number}", row


def _event(where: str, row: Any) -> Event:
    try:
        return Event.model_validate(row)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        name = ".".join(str(part) for part in problem["loc"])
        found = f", found {problem['input']!r}" if problem["type"] not in ("missing", "extra_forbidden") else ""
        raise InputError(f"events: {where}: {name}: {problem['msg']}{found}", hint=_HINT) from error
