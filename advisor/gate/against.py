"""A run beside earlier runs: whether it is worse, by more than chance, and by more than allowed.

Two runs of the same thing differ by more than their seconds show: another placement, another hour. That spread
between runs is estimated from the baselines' own differences, moderated by a prior worth `PRIOR_RUNS` runs (Smyth,
"Linear models and empirical Bayes methods", Statistical Applications in Genetics 3, 2004): with one baseline the
prior alone speaks, with more the data take over. Degrees of freedom by Satterthwaite (Biometrics Bulletin 2, 1946).

A budget is broken when the run is surely (99 %) worse than the baseline *and* measured worse by more than allowed.
The allowance says which worsening is worth stopping for, the confidence that there is one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, variance
from typing import Final, NamedTuple

from advisor.gate.estimate import Estimate, student
from loadtests.budgets import Baseline

CHANGE_SURE: Final = 0.99
"""Confidence that there is a change: one pair in a hundred of equal runs may seem changed, before the allowance."""
BETWEEN_RUNS: Final = 0.028
"""Standard deviation between runs of the same thing, as a share of the value, before anything is known (assumed)."""
PRIOR_RUNS: Final = 10
"""How many runs the assumption is worth (assumed)."""
VISIBLE: Final = 0.20
"""A worsening by this share must be visible, or by twice the allowance where that is more; else nothing is said."""


class Change(NamedTuple):
    """How much worse a run is than the baseline, in the metric's unit; ``noise`` could be chance."""

    baseline: float
    worse: float
    noise: float
    allowed: float

    @property
    def is_sure(self) -> bool:
        """Whether there is a change for the worse."""
        return self.worse > self.noise

    @property
    def is_much(self) -> bool:
        """Whether it was measured larger than allowed."""
        return self.worse > self.allowed

    @property
    def is_blind(self) -> bool:
        """Whether even a large worsening could hide in the noise."""
        return self.noise > max(2 * self.allowed, VISIBLE * abs(self.baseline))


def change(candidate: Estimate, baselines: Sequence[Estimate], limit: Baseline, sign: str) -> Change:
    """Compare with one baseline run or several."""
    centre = fmean(one.value for one in baselines)
    k = len(baselines)
    within = fmean(one.error**2 for one in baselines)
    prior = within + (BETWEEN_RUNS * centre) ** 2
    found = variance([one.value for one in baselines]) if k > 1 else 0.0
    per_run = (PRIOR_RUNS * prior + (k - 1) * found) / (PRIOR_RUNS + k - 1)
    shared = max(per_run - within, 0.0) + per_run / k
    own = candidate.error**2
    total = own + shared
    freedom = total**2 / (own**2 / candidate.freedom + shared**2 / (PRIOR_RUNS + k - 1)) if total else math.inf
    worse = candidate.value - centre if sign == "<" else centre - candidate.value
    return Change(centre, worse, student(CHANGE_SURE, freedom) * math.sqrt(total), limit.allowance(centre))
