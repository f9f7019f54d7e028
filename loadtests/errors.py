"""Every error that reaches a user, with the exit code it means.

    SurgecastError            1  our failure
    ├── InputError            2  what the user gave is wrong: file, field, found, expected, remedy
    │   ├── TargetError       2  the target is not what a rehearsal needs (VOD, 403, unresolvable …)
    │   └── RunError          2  a run file cannot be read
    └── CannotMeasure         3  the data cannot carry an answer: INVALID, never a pass

Foreign exceptions are translated where they enter and chained with ``from``.
"""

from __future__ import annotations


class SurgecastError(Exception):
    """Something failed. ``hint`` says what to do next; ``exit_code`` is what the command returns."""

    exit_code = 1

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n  → {self.hint}" if self.hint else self.message


class InputError(SurgecastError):
    """The user's input is wrong; nothing was started."""

    exit_code = 2


class TargetError(InputError):
    """The target cannot be rehearsed against; no load was sent."""


class RunError(InputError):
    """A run file cannot be read as a run."""


class CannotMeasure(SurgecastError):  # noqa: N818 - it is a verdict, not a fault
    """The measurement is too weak for the answer that was asked: exit code 3, INVALID."""

    exit_code = 3
