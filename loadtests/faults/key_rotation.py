"""The stream is encrypted with a new key from now on."""

from __future__ import annotations

from typing import ClassVar

from loadtests.faults import Fault, Need, StageOrder, Step


class KeyRotation(Fault):
    """The next segment has a new EXT-X-KEY: every viewer fetches the same small file within a segment's time."""

    needs: ClassVar[tuple[Need, ...]] = ("staging", "keys")
    """Of the stage."""

    def begins(self) -> Step:
        """Rotate."""
        return Step("a new key from the next segment on", StageOrder(do="rotate"))
