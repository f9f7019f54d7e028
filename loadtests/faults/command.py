"""Whatever the user's own commands do: a fault for targets that are not the stage."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from loadtests.faults import Argv, CommandOrder, LastingFault, Step, without_arguments


class Command(LastingFault):
    """`start` is run at its time, `stop` after `for` or when the run ends; never without a flag that allows it.

    Each is a program and its arguments, run without a shell, and must end by itself. It counts as applied when its
    exit code is 0.
    """

    start: Argv = Field(min_length=1)
    """What breaks something, such as ``[kubectl, delete, pod, origin-0]``."""
    stop: Argv = ()
    """What mends it; nothing when absent: then it must be over by itself."""

    def begins(self) -> Step:
        """Run `start`."""
        return Step(f"{self.start[0]} was run to break something", CommandOrder(argv=self.start))

    def ends(self) -> Step:
        """Run `stop`."""
        if not self.stop:
            return Step(f"what {self.start[0]} began should be over", None)
        return Step(f"{self.stop[0]} was run to mend it", CommandOrder(argv=self.stop))

    def shown(self) -> Self:
        """Without the arguments."""
        return self.model_copy(update={"start": without_arguments(self.start), "stop": without_arguments(self.stop)})
