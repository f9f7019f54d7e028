"""What director and workers say to each other through Locust, and the forms that it takes on the way."""

from __future__ import annotations

from typing import Final

from loadtests.errors import SurgecastError, TargetError
from loadtests.homes import Homes
from loadtests.preflight import Look
from loadtests.region import Frozen
from loadtests.scenario import Scenario

BEGIN, FINISH, REPORT = "surgecast_begin", "surgecast_finish", "surgecast_report"
CALL, HERE_I_AM = "surgecast_call", "surgecast_here"
"""The director calls the roll before a run, each worker answers with its labels."""
LOOK, SEEN = "surgecast_look", "surgecast_seen"
"""A target that only its region reaches is looked at from there."""
HEARD: Final = "surgecast_heard"
"""The director has heard a worker's report: the worker's lease goes on."""
REHOME: Final = "surgecast_rehome"
"""A worker was lost: these are the homes now."""


class Call(Frozen):
    """Answered with `Present`."""

    run_id: str


class Present(Frozen):
    """A worker that is there, before the run begins."""

    run_id: str
    labels: tuple[str, ...]


class LookThere(Frozen):
    """Look at a region's target; answered with `SeenThere`."""

    run_id: str
    scenario: Scenario
    region: str


class SeenThere(Frozen):
    """What a worker saw, or why nothing."""

    run_id: str
    region: str
    seen: Look | None = None
    problem: str = ""
    hint: str = ""

    def look(self) -> Look:
        """What was seen; TargetError where that was nothing."""
        if self.seen is None:
            raise TargetError(self.problem, hint=self.hint)
        return self.seen

    @classmethod
    def refused(cls, wanted: LookThere, error: SurgecastError) -> SeenThere:
        """The answer where the target cannot be rehearsed against."""
        return cls(run_id=wanted.run_id, region=wanted.region, problem=error.message, hint=error.hint)


class Heard(Frozen):
    """The newest report that has come from a worker."""

    run_id: str
    sent_at: float


class Rehome(Frozen):
    """The homes, now that a worker is lost."""

    run_id: str
    homes: Homes
