"""The cache in front of the origin is emptied."""

from __future__ import annotations

from typing import ClassVar, Self

from loadtests.faults import Argv, CommandOrder, Fault, Need, StageOrder, Step, without_arguments


class CdnFlush(Fault):
    """All that viewers ask for goes through to the origin until the cache is warm again: a stampede if it lets them."""

    command: Argv = ()
    """For a target that is not the stage: what purges its cache. Without it the stage's own edge is emptied."""

    needs: ClassVar[tuple[Need, ...]] = ("staging", "edge")

    def begins(self) -> Step:
        """Empty it."""
        if self.command:
            return Step(f"the cache is emptied by {self.command[0]}", CommandOrder(argv=self.command))
        return Step("the edge's cache is emptied", StageOrder(do="flush"))

    def shown(self) -> Self:
        """Without the command's arguments."""
        return self.model_copy(update={"command": without_arguments(self.command)})
