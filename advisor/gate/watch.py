"""A run judged while it grows: whether a budget that may end it is surely broken, and stays so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from advisor.gate.evidence import Evidence
from advisor.gate.judge import finding, trials
from advisor.gate.tally import Tally
from advisor.gate.verdict import show
from loadtests.budgets import Placed
from loadtests.run import RUN_FILE


@dataclass(slots=True)
class Watch:
    """Follows the run in ``folder``. ``look`` now and then: it answers with why to end the run, or with nothing.

    Every look is another chance for noise to seem sure, so a budget must be surely broken at every look for its
    grace period before it counts.
    """

    folder: Path
    budgets: Sequence[Placed]
    _tally: Tally = field(init=False)
    _offset: int = 0
    _seen: int = 0
    _broken_since: dict[tuple[str, str, str], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.budgets = [one for one in self.budgets if one.budget.abort is not None]
        self._tally = Tally(frozenset(one.budget.metric for one in self.budgets))
        self._tally.open(str(self.folder))

    def look(self) -> str:
        """Read what is new; the budget that is broken and how, empty while there is none."""
        self._read()
        if not self.budgets or self._tally.seconds <= self._seen:
            return ""
        self._seen = self._tally.seconds
        evidence = self._tally.evidence()
        return next((why for one in self.budgets if (why := self._judge(evidence, one))), "")

    def _read(self) -> None:
        path = self.folder / RUN_FILE
        if not path.is_file():
            return
        with path.open("rb") as lines:
            lines.seek(self._offset)
            for line in lines:
                if not line.endswith(b"\n"):
                    break  # being written
                self._offset += len(line)
                self._tally.add(line)

    def _judge(self, evidence: Evidence, placed: Placed) -> str:
        budget = placed.budget
        for trial in trials(evidence, budget):
            key = (budget.text, *trial.scope)
            found = finding(trial, live=True)
            if found.state != "FAIL":
                self._broken_since.pop(key, None)
                continue
            since = self._broken_since.setdefault(key, self._seen)
            if self._seen - since >= (budget.abort or 0.0):
                where = "/".join(part for part in trial.scope if part) or "all"
                value = show(found.figure.value, budget.what.unit)
                return f"{placed.place}: {budget.text} ({where}): {value}, surely broken for {self._seen - since} s"
        return ""
