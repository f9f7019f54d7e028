"""Throughput of good responses over viewers, load step by load step: a cross-check of the plateau, not a capacity.

The plateau says what is delivered under overload; it cannot say whether fewer viewers would have been served better.
Here the steps stand beside each other: throughput that falls from a lower step to the top one is retrograde (coherency
above zero in the USL). It limits no plan of its own: what stands still at a peak is the resource that the models of
`advisor.models` name, and as a model beside them the same plateau would vote twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import numpy as np

from advisor.blocks import BLOCK, COVERAGE, Z90, small_sample
from advisor.capacities.laws import USL
from advisor.capacities.plateau import LEAST_SPREAD
from advisor.interval import Interval
from advisor.measured.levels import Level, levels
from advisor.measured.measure import Measurement
from advisor.measured.seconds import Second
from advisor.models import Excuse
from advisor.texts import say
from loadtests.region import Frozen

LEAST_STEPS: Final = 3
"""The USL has three coefficients."""
GROWN: Final = 2.0
"""The top step must be so many times the lowest: less shows noise, not growth (assumed)."""
FOLLOWING: Final = 0.5
"""Throughput that grew by more than this share of the viewers' growth, over the upper half of the steps, is rising."""

Shape: TypeAlias = Literal["rising", "flat", "retrograde"]


class LoadStep(Frozen):
    """One load step."""

    viewers: float
    """Mean viewers offered."""
    rate: Interval
    """Good responses per second."""
    broken: float
    """Share of its seconds in which a budget was broken."""


class Concurrency(Frozen):
    """How throughput went with the viewers."""

    steps: tuple[LoadStep, ...]
    shape: Shape
    best: LoadStep
    """The step with most good responses."""
    lost: float
    """Share of the best that the top step no longer delivered; 0 unless retrograde."""
    contention: float
    """Of the USL over all steps, per viewer."""
    coherency: float
    """Of the USL over all steps, per pair of viewers; above zero where throughput bends down."""


def concurrency(measurement: Measurement) -> Concurrency | Excuse:
    """The shape of throughput over the load steps, or why they cannot tell."""
    return shape_of([_step(level) for level in levels(measurement)])


def shape_of(steps: Sequence[LoadStep]) -> Concurrency | Excuse:
    """The same from steps in order of load."""
    known = [one for one in steps if one.rate.mid > 0]
    if len(known) < LEAST_STEPS or known[-1].viewers < GROWN * known[0].viewers:
        return Excuse(
            about="concurrency",
            reason=say("excuse_few_steps", steps=str(len(known)), least=str(LEAST_STEPS), grown=f"{GROWN:g}"),
            remedy=say("remedy_few_steps"),
        )
    best, top = max(known, key=lambda one: one.rate.mid), known[-1]
    falls = best is not top and top.rate.high < best.rate.low
    contention, coherency = _usl(known)
    return Concurrency(
        steps=tuple(known),
        shape="retrograde" if falls else "rising" if _rises(known) else "flat",
        best=best,
        lost=round(1.0 - top.rate.mid / best.rate.mid, 3) if falls else 0.0,
        contention=contention,
        coherency=coherency,
    )


def _served(second: Second) -> float:
    return float(second.served)


def _step(level: Level) -> LoadStep:
    """Blocks of a step do not overlap, so their mean has the standard error of independent ones."""
    means = np.array(level.means(_served))
    middle, count = float(means.mean()), len(means)
    deviation = float(means.std(ddof=1)) if count > 1 else middle * LEAST_SPREAD
    half = Z90 * small_sample(count * BLOCK) * deviation / max(1, count) ** 0.5
    half = max(half, LEAST_SPREAD * middle)
    rate = Interval(
        low=max(0.0, middle - half), mid=middle, high=middle + half, coverage=COVERAGE, samples=count * BLOCK
    )
    return LoadStep(viewers=level.viewers, rate=rate, broken=level.broken)


def _rises(steps: Sequence[LoadStep]) -> bool:
    """Whether throughput still followed the viewers from half of the top load to the top."""
    top = steps[-1]
    lower = max(
        (one for one in steps[:-1] if one.viewers <= top.viewers / 2), key=lambda one: one.viewers, default=steps[0]
    )
    return top.rate.mid / lower.rate.mid - 1.0 > FOLLOWING * (top.viewers / lower.viewers - 1.0)


def _usl(steps: Sequence[LoadStep]) -> tuple[float, float]:
    loads, rates = np.array([one.viewers for one in steps]), np.array([one.rate.mid for one in steps])
    constant, contention, coherency = (float(one) for one in USL.fit(loads, rates, np.ones((1, len(steps))))[0])
    return contention / constant, coherency / constant
