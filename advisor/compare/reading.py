"""From a place on disk to `Outcomes`: our runs, or what another tool wrote, told apart by content."""

from __future__ import annotations

from advisor.compare.ours import NEEDED, outcomes_of
from advisor.foreign import Outcomes
from advisor.gate.reading import read_foreign
from advisor.gate.tally import read_tally


def read_outcomes(place: str) -> Outcomes:
    """Read a run folder, a file of ours or of another tool, or ``-``; RunError says what was expected."""
    return read_foreign(place) or outcomes_of(read_tally([place], NEEDED, weighted=True))
