"""How many nodes, when nobody knows how many it takes: the count that is regretted least.

Each draw says how many nodes it took, y. Having bought N is regretted by (N - y) when that is too many, and by
weight × (y - N) when it is too few. The mean over the draws is least at the quantile weight ÷ (1 + weight) of y: the
critical ratio of the newsvendor (Arrow, Harris, Marschak, Econometrica 19, 1951). Netflix's open planner weighs by
((x - y) × cost)^exponent with 1.25 and 1.2 (service-capacity-modeling, read 2026-08-21); here the exponent is 1, so
that the weight reads as a quantile, and a weight of 1 is the plain median.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from advisor.blocks import Floats
from loadtests.region import Frozen

POINTS: Final = 41
"""Counts for which the report draws the regret."""
TAIL: Final = 0.01
"""The picture leaves out this share of the draws at either end."""


class Regret(Frozen):
    """What a count of nodes is expected to be regretted by, in nodes too many; one too few counts by the weight."""

    nodes: int
    too_many: float
    """Mean of the nodes that nobody needs."""
    too_few: float
    """Mean of the nodes that are missing, times the weight."""


def critical_ratio(weight: float) -> float:
    """Share of the draws that the best count is enough for: weight ÷ (1 + weight)."""
    return weight / (1.0 + weight)


def rank_of(share: float, count: int) -> int:
    """Index, in rising order, of the least value that is enough for ``share`` of ``count`` draws."""
    return min(count - 1, max(0, math.ceil(share * count - 1e-9) - 1))


def regrets(needed: Floats, chosen: int, weight: float, step: int) -> tuple[Regret, ...]:
    """The curve around ``chosen`` in multiples of ``step``: of draws that are sorted and whole."""
    count = len(needed)
    low = min(chosen, int(needed[rank_of(TAIL, count)]))
    high = max(chosen, int(needed[rank_of(1 - TAIL, count)]))
    stride = step * max(1, math.ceil((high - low) / step / (POINTS - 1)))
    first = chosen - stride * ((chosen - low) // stride)
    return tuple(_regret(needed, nodes, weight) for nodes in range(first, high + 1, stride))


def _regret(needed: Floats, nodes: int, weight: float) -> Regret:
    beyond = needed - nodes
    return Regret(
        nodes=nodes,
        too_many=float(np.maximum(-beyond, 0.0).mean()),
        too_few=float(weight * np.maximum(beyond, 0.0).mean()),
    )
