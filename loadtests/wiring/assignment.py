"""What one worker is told to drive, and what it reports back each second."""

from __future__ import annotations

from loadtests.region import Frozen
from loadtests.results import LINE, Line, text_of
from loadtests.scenario import Scenario


class Assignment(Frozen):
    """A worker's share of a run: viewers whose number is ``index`` modulo ``workers``."""

    run_id: str
    scenario: Scenario
    index: int
    workers: int
    worker: str
    """The name that this worker's reports carry."""
    epoch: float
    """UTC time of run second zero, seconds since 1970."""


class Report(Frozen):
    """What a worker recorded since its last report."""

    run_id: str
    worker: str
    until: int
    """Every second before this one is whole."""
    lines: tuple[str, ...]
    """Windows and generator lines, as they go into the run file."""
    last: bool = False

    @classmethod
    def of(cls, assignment: Assignment, until: int, lines: list[Line], *, last: bool) -> Report:
        """Pack lines for the way to the director."""
        texts = tuple(text_of(line) for line in lines)
        return cls(run_id=assignment.run_id, worker=assignment.worker, until=until, lines=texts, last=last)

    def unpack(self) -> list[Line]:
        """The lines again."""
        return [LINE.validate_json(text) for text in self.lines]
