"""What one worker is told to drive, and what it reports back each second."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from loadtests.errors import SurgecastError
from loadtests.homes import Homes
from loadtests.limits import NOTHING, Need
from loadtests.region import Frozen
from loadtests.results import LINE, Line, text_of
from loadtests.scenario import Scenario
from loadtests.wiring.losses import Taken

GRIEF: Final = "the worker came to grief"


class Assignment(Frozen):
    """A worker's share of a run: the viewers whose home it is."""

    run_id: str
    scenario: Scenario
    homes: Homes
    worker: str
    """The name that this worker's reports carry."""
    late: float = 0.0
    """Its place among the workers, from 0 to 1: they do not all report in the same moment."""
    need: Need = NOTHING
    """Of this share."""
    leased: bool = False
    """Whether it may drive viewers only while the director hears it."""
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
    sent_at: float = 0.0
    """Run seconds."""
    taken: tuple[Taken, ...] = ()
    """Viewers of lost workers that are back here."""
    leaving: str = ""
    """Why this worker drives nobody from now on, while the run goes on."""
    failure: str = ""
    """Why this worker drives nobody, or nobody any more; the run is over then."""
    exit_code: int = 0
    """What Locust returns on account of that."""

    @classmethod
    def of(cls, assignment: Assignment, until: int, lines: Iterable[Line] = (), **more: Any) -> Report:
        """Pack lines for the way to the director."""
        texts = tuple(text_of(line) for line in lines)
        return cls(run_id=assignment.run_id, worker=assignment.worker, until=until, lines=texts, **more)

    @classmethod
    def of_failure(cls, assignment: Assignment, failure: str, exit_code: int = SurgecastError.exit_code) -> Report:
        """The last word of a worker that cannot go on."""
        named = {"run_id": assignment.run_id, "worker": assignment.worker}
        return cls(**named, until=0, lines=(), last=True, failure=failure, exit_code=exit_code)

    def unpack(self) -> list[Line]:
        """The lines again."""
        return [LINE.validate_json(text) for text in self.lines]
