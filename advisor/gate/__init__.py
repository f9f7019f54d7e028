"""The gate: budgets judged on a run, with PASS, FAIL or INVALID for each and for all together."""

from __future__ import annotations

from advisor.gate.foreign import ForeignRun
from advisor.gate.judge import judge
from advisor.gate.reading import read_judgeable
from advisor.gate.tally import Tally, read_tally
from advisor.gate.verdict import Gate, Judged

__all__ = ["ForeignRun", "Gate", "Judged", "Tally", "judge", "read_judgeable", "read_tally"]
