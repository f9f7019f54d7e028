"""What a capacity stands on: load steps, the breach that shows the limit, and how explanations did on data held out."""

from __future__ import annotations

from pydantic import Field, FiniteFloat

from advisor.measured.seconds import Budget
from loadtests.region import Frozen


class Step(Frozen):
    """One load step as it was seen; rates are of the whole target, in the model's unit."""

    viewers: FiniteFloat
    """Mean viewers offered."""
    rate: FiniteFloat
    """Mean delivered."""
    low: FiniteFloat
    """Lowest mean of `BLOCK` seconds in it."""
    high: FiniteFloat
    """Highest one."""
    broken: FiniteFloat
    """Share of its seconds in which a budget was broken."""
    seconds: int
    span: tuple[int, int]
    """First and last second; others may lie between."""
    is_held_out: bool = False
    """Whether explanations were judged on it instead of fitted to it."""


class Limiting(Frozen):
    """The start of the breach that shows the limit."""

    budget: Budget
    value: FiniteFloat
    """Median over the broken ones of its first `BLOCK` seconds: seconds (p95) or a share."""
    limit: FiniteFloat
    samples: int
    """Observations behind the value: segments, start-ups, viewers or requests in these seconds."""
    span: tuple[int, int]
    """These seconds, in their run."""
    viewers: FiniteFloat
    """Mean viewers offered in them."""
    step: int | None = None
    """Which load step that is, from 0; None where no whole step has them."""


class Contest(Frozen):
    """Explanations of a rate, fitted to the lower load steps and judged on the top ones."""

    winner: str
    error: FiniteFloat
    """Of the winner: median relative error of the rate in the blocks held out."""
    wrong: FiniteFloat
    """Of the winner: share of these blocks for which it foretold wrongly whether they break."""
    blocks: int
    """Blocks of `BLOCK` seconds held out."""
    fitted: int
    """Blocks that it was fitted to."""
    rivals: dict[str, FiniteFloat] = Field(default_factory=dict)
    """Score of every explanation, the winner's too: error + share foretold wrongly; the lowest wins."""
