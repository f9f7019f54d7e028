"""From places on disk to what stands before the gate: a run of ours, in one file or several, or another tool's file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

from advisor.foreign import Outcomes, Source, readers
from advisor.gate.foreign import ForeignRun
from advisor.gate.tally import Tally, read_tally
from loadtests.errors import InputError, RunError

_KNOWN: Final = "a surgecast run, a Locust *_stats_history.csv, a k6 summary or --out json, or a JMeter JTL"


def read_foreign(place: str) -> Outcomes | None:
    """Another tool's file, told by its content; None for a run of ours, RunError for what is neither."""
    path = Path(place)
    if place == "-" or path.is_dir():
        return None
    if not path.exists():
        raise RunError(f"{place}: no such file or run folder", hint=f"give {_KNOWN}")
    if not path.is_file():
        return None  # a pipe: it can be read only once
    source = Source(path)
    head = source.head()
    first = head.partition("\n")[0]
    for reader in readers():
        if reader.knows(head):
            return reader.read(source)
    if first.startswith("{") and '"line"' in first:
        return None
    raise source.wrong(1, repr(first[:60]) if first else "an empty file", _KNOWN)


def read_judgeable(places: Sequence[str], needed: frozenset[str]) -> Tally | ForeignRun:
    """What is to be judged; InputError when another tool's file is one of several."""
    for place in places:
        if found := read_foreign(place):
            if len(places) > 1:
                raise InputError(
                    f"{place} is a {found.tool} file: only files of one surgecast run can be put together",
                    hint="give one file; earlier ones to compare with go behind --baseline",
                )
            return ForeignRun(found)
    return read_tally(places, needed)
