"""The ledger: every advice in one line, appended when it is given, so that later runs can show how right it was.

``LEDGER_FILE`` in a folder of its own. A line holds what was predicted and for what, and nothing of the report: no
second of a run, no person, no secret (of the target, only its host). ``ledger.schema.json`` is the contract.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal
from urllib.parse import urlsplit

from pydantic import AwareDatetime, Field, NonNegativeInt, PositiveInt, ValidationError

from advisor.advice import Advice, RegionAdvice
from advisor.interval import Interval
from advisor.models import Unit
from advisor.plans.plan import Plan
from loadtests.errors import InputError
from loadtests.region import Frozen, Names

LEDGER_FILE: Final = "ledger.jsonl"
SCHEMA_VERSION: Final = 1
UNITS: Final[tuple[Unit, ...]] = ("bit/s", "requests/s", "joins/s", "connections", "messages/s")
_HINT: Final = "a ledger is the ledger.jsonl that `surgecast advise --ledger` appends to; docs/ledger.md describes it"


class Promise(Frozen):
    """What one node was said to carry of one resource."""

    model: str
    unit: Unit
    per_node: Interval
    saturated: bool
    """True: this is the limit. False: a node carries at least this."""


class Promised(Frozen):
    """What was said of one region."""

    code: str
    name: Names
    audience: PositiveInt
    """Peak concurrent viewers that were planned for."""
    demand: dict[Unit, Interval]
    """At that audience's peak."""
    per_viewer: dict[Literal["bit/s", "requests/s"], Interval]
    """Of one who watches."""
    nodes: PositiveInt | None
    """None when an excuse was given instead."""
    expected: PositiveInt | None
    """Nodes that would do if every middle were true: the low end of what was said, as ``nodes`` is its high end."""
    bound: Literal["needed", "at_most"] | None
    binding: str | None
    """The model whose resource asks for most nodes."""


class Entry(Frozen):
    """One advice."""

    schema_version: int = SCHEMA_VERSION
    recorded_at: AwareDatetime
    software: str
    """Version of surgecast that advised."""
    scenario: str
    target: str
    """Host of the target, without port, path or user."""
    runs: tuple[str, ...] = Field(min_length=1)
    """Run ids that it was made from."""
    nodes_tested: NonNegativeInt
    tested_viewers: float
    simulated: bool = False
    """Whether it was made from a calculation: it is held against no measurement."""
    capacities: tuple[Promise, ...]
    regions: tuple[Promised, ...]

    @property
    def audience(self) -> int:
        """Viewers over all regions."""
        return sum(region.audience for region in self.regions)

    @property
    def nodes(self) -> int | None:
        """Nodes over all regions; None when any has an excuse."""
        counts = [region.nodes for region in self.regions]
        return None if None in counts else sum(count for count in counts if count is not None)


def entry_of(advice: Advice, now: datetime, software: str) -> Entry:
    """What the ledger keeps of an advice."""
    return Entry(
        recorded_at=now,
        software=software,
        scenario=advice.scenario,
        target=urlsplit(advice.target).hostname or "",
        runs=tuple(run.facts.run_id for run in advice.runs),
        nodes_tested=advice.nodes_tested,
        tested_viewers=advice.tested_viewers,
        simulated=any(warning.key == "warn_simulated" for warning in advice.warnings),
        capacities=tuple(
            Promise(model=one.model, unit=one.unit, per_node=one.per_node, saturated=one.saturated)
            for one in advice.capacities.found
        ),
        regions=tuple(_promised(region) for region in advice.regions),
    )


def _promised(region: RegionAdvice) -> Promised:
    demand, plan = region.demand, region.nodes if isinstance(region.nodes, Plan) else None
    return Promised(
        code=region.code,
        name=region.name,
        audience=region.audience,
        demand={unit: found for unit in UNITS if (found := demand.of(unit)) is not None},
        per_viewer={"bit/s": demand.wire_per_viewer, "requests/s": demand.requests_per_viewer},
        nodes=plan.nodes if plan else None,
        expected=plan.expected if plan else None,
        bound=plan.bound if plan else None,
        binding=plan.binding if plan else None,
    )


def line_of(entry: Entry) -> str:
    """An entry as it is kept."""
    return entry.model_dump_json() + "\n"


def record(entry: Entry, folder: Path) -> Path:
    """Append to the ledger in ``folder`` (made when missing); its file. InputError when it cannot be written.

    One `write` to a file opened for appending: lines of writers at the same time never mix, and a kill loses at most
    the line under way. What such a kill left of a line is ended first, so that it spoils nothing but itself.
    """
    path = folder / LEDGER_FILE
    text = line_of(entry)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            size = os.fstat(file).st_size
            cut = size > 0 and os.pread(file, 1, size - 1) != b"\n"
            line = (("\n" if cut else "") + text).encode()
            if os.write(file, line) != len(line):
                raise OSError(None, "the disk is full")
        finally:
            os.close(file)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror}", hint="give --ledger a folder") from error
    return path


@dataclass(frozen=True, slots=True)
class Ledger:
    """Past advice, in the order of its recording."""

    entries: tuple[Entry, ...]
    cut: tuple[int, ...] = ()
    """Lines that a killed writer left unfinished: they are left out."""


def read_ledger(place: Path) -> Ledger:
    """A ledger by its folder or file; InputError names file, line and what is wrong there."""
    path = place / LEDGER_FILE if place.is_dir() else place
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise InputError(f"{place}: no ledger here ({error.strerror})", hint=_HINT) from error
    entries, cut = [], []
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            data = json.loads(line)
        except ValueError as error:
            if not _is_start(line):
                raise InputError(f"{path}: line {number} is not JSON: {error}", hint=_HINT) from error
            cut.append(number)
            continue
        entries.append(_entry(f"{path}: line {number}", data, line))
    return ledger_of(entries, cut)


def ledger_of(entries: Iterable[Entry], cut: Iterable[int] = ()) -> Ledger:
    """Entries in the order of their recording."""
    return Ledger(tuple(sorted(entries, key=lambda entry: entry.recorded_at)), tuple(cut))


def entry_from(place: str, text: bytes) -> Entry:
    """One entry that was kept alone; InputError when it is none."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise InputError(f"{place}: is not JSON: {error}", hint=_HINT) from error
    return _entry(place, data, text)


def _is_start(line: bytes) -> bool:
    """Whether a line is the beginning of an entry: all that a killed writer can leave."""
    start = b'{"schema_version":'
    return line.startswith(start) or start.startswith(line)


def _entry(place: str, data: Any, line: bytes) -> Entry:
    version = data.get("schema_version", 1) if isinstance(data, dict) else None
    if isinstance(version, int) and version > SCHEMA_VERSION:
        raise InputError(
            f"{place}: written with ledger schema {version}, this surgecast reads up to {SCHEMA_VERSION}",
            hint="upgrade surgecast where you read it",
        )
    try:
        return Entry.model_validate_json(line)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise InputError(f"{place}: {where or 'entry'}: {problem['msg']}", hint=_HINT) from error


def schema_text() -> str:
    """The JSON Schema of a line, as committed in ``ledger.schema.json``."""
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **Entry.model_json_schema(mode="validation"),
        "title": f"surgecast ledger line, schema version {SCHEMA_VERSION}",
    }
    return json.dumps(schema, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
