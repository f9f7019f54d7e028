"""What may change about a stage while it runs: one value, told whole to every node, over the node's standard input.

    Cluster ── one line of JSON, a `Live`, or the word `CRASH` ──► node
            ◄───────────────── `DONE`, once it holds ────────────

Whoever comes up later is told the same value, so a node that was killed serves what the others serve.
"""

from __future__ import annotations

from typing import Final

from pydantic import Field

from loadtests.region import Frozen

CRASH: Final = "crash"
"""Ends a node as a crash does: every connection is reset, nothing is finished."""

DONE: Final = b"done\n"


class Live(Frozen):
    """How a stage is now. Without tokens and keys it is an open stream."""

    secret: str = ""
    """Signs tokens and makes keys; the same on all nodes, another one for each stage."""
    share: float = Field(default=1.0, gt=0, le=1)
    """Of the declared capacity."""
    tokens: float | None = Field(default=None, gt=0)
    """Seconds that a token is good for; None where none is asked for."""
    tokens_since: float = 0.0
    """Tokens issued before are refused; Unix seconds."""
    keys: bool = False
    """Whether segments are encrypted."""
    rotations: tuple[int, ...] = ()
    """Numbers of the segments from which on another key holds, ascending."""
