"""From a place on disk to `Outcomes`: our runs, or what another tool wrote, told apart by content."""

from __future__ import annotations

from pathlib import Path

from advisor.compare.ours import outcomes_of
from advisor.foreign import Outcomes, Source, readers
from loadtests.errors import RunError
from loadtests.run import read_run

_KNOWN = "a surgecast run, a Locust *_stats_history.csv, a k6 summary or --out json, or a JMeter JTL"


def read_outcomes(place: str) -> Outcomes:
    """Read a run folder, a file of ours or of another tool, or ``-``; RunError says what was expected."""
    path = Path(place)
    if place == "-" or path.is_dir():
        return outcomes_of(read_run(place))
    if not path.is_file():
        raise RunError(f"{place}: no such file or run folder", hint=f"give {_KNOWN}")
    source = Source(path)
    head = source.head()
    first = head.partition("\n")[0]
    for reader in readers():
        if reader.knows(head):
            return reader.read(source)
    if first.startswith("{") and '"line"' in first:
        return outcomes_of(read_run(place))
    raise source.wrong(1, repr(first[:60]) if first else "an empty file", _KNOWN)
