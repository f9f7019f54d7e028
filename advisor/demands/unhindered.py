"""Seconds in which viewers were given all that they asked for: of them alone what a viewer costs is learned.

A target that has reached its limit keeps its budgets for a while, for queues fill first and players live on their
buffers. What it delivers then is its own limit and not what viewers asked for: shared by more and more of them, it
would make a viewer look cheaper than one is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np

from advisor.blocks import BLOCK
from advisor.capacities.plateau import overload_seconds, settled
from advisor.measured.measure import APART, JUDGED, LOADED, Measurement
from advisor.measured.seconds import Second

NEAR: Final = 0.95
"""Of the mean rate in the overload: a block of seconds with as much is at the limit (assumed)."""
RATES: Final[tuple[Callable[[Second], float], ...]] = (lambda one: one.wire_bits, lambda one: float(one.served))


def unhindered(measurement: Measurement) -> list[Second]:
    """Seconds under load in which budgets held and the target was not at its limit, over all regions and runs."""
    loaded, held_back = measurement.whole(LOADED), set[int]()
    overload = overload_seconds(measurement.whole(JUDGED))
    for run in sorted({second.at // APART for second in overload}):
        held_back |= hindered(
            [one for one in loaded if one.at // APART == run], [one for one in overload if one.at // APART == run]
        )
    return [second for second in loaded if not second.broken and second.at not in held_back]


def hindered(loaded: Sequence[Second], overload: list[Second]) -> set[int]:
    """From when the rate of the overload was reached to the last broken second."""
    first, last = overload[0].at, overload[-1].at
    limits = [NEAR * float(np.mean([rate(second) for second in settled(overload)])) for rate in RATES]

    def is_full(seconds: Sequence[Second]) -> bool:
        means = (np.mean([rate(one) for one in seconds]) for rate in RATES)
        return any(mean >= limit for mean, limit in zip(means, limits, strict=True))

    begin = before = sum(second.at < first for second in loaded)
    while begin and is_full(loaded[begin - 1 : begin - 1 + BLOCK]):
        begin -= 1
    while begin < before and not is_full(loaded[begin : begin + 1]):  # the block was full for what came later in it
        begin += 1
    return {second.at for second in loaded[begin:] if second.at <= last}
