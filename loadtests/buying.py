"""How the nodes of a launch may be paid for, as a scenario says it."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from loadtests.region import Frozen
from loadtests.units import Share

Architecture: TypeAlias = Literal["x86_64", "arm64"]


class Buying(Frozen):
    """What the launch accepts beside nodes on demand."""

    spot: Share = 0.0
    """Most of the nodes that may be spot instances; never more than the headroom can lose. None by default: a spot
    instance can be taken back within minutes, on the night that matters (assumed)."""
    spot_lost: Annotated[Share, Field(gt=0)] = 1.0
    """Share of the spot instances of a region that may be taken back together. All of them by default: they are of one
    shape, and a shortage of it is everybody's (assumed)."""
    savings: bool = False
    """Whether the account has a savings plan, or a committed use, that covers these nodes."""
    architectures: tuple[Architecture, ...] = ()
    """What the image is built for; anything when nothing is said."""
