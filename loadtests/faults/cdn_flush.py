"""The cache in front of the origin is emptied."""

from __future__ import annotations

from typing import Self

from pydantic import Field

from loadtests.faults import Argv, CommandOrder, Fault, Step, without_arguments


class CdnFlush(Fault):
    """All that viewers ask for goes through to the origin until the cache is warm again: a stampede if it lets them.

    The embedded stage has no cache, so a command of the user's own does it, under the same flag as `command`.
    """

    command: Argv = Field(min_length=1)
    """Program and arguments that purge the cache; no shell reads them."""

    def begins(self) -> Step:
        """Empty it."""
        return Step(f"the cache is emptied by {self.command[0]}", CommandOrder(argv=self.command))

    def shown(self) -> Self:
        """Without the command's arguments."""
        return self.model_copy(update={"command": without_arguments(self.command)})
