"""A step: from one moment to the next there are more."""

from __future__ import annotations

from loadtests.shapes import Growth


class Step(Growth):
    r"""From baseline to peak at once: the harshest thing that can be asked, and the easiest to read.

    ::

        peak      |           .--------.
                  |           |         \\
        baseline  |    .------'          '--
                  |  .'
                  +---------------------------
                  warm_up  quiet  hold  fall
    """

    @property
    def growth(self) -> float:
        """None: it is a jump."""
        return 0.0

    def grown(self, after: float) -> float:  # noqa: ARG002 - there is no ramp to be on
        """All of it."""
        return 1.0
