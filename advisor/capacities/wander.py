"""How far the mean of a wandering rate may be off: seconds that remember their neighbours say less than they are many.

Blocks of five seconds catch a memory of a few seconds; a limit that drifts for longer makes a bootstrap too sure. Two
estimates widen it, and the wider one counts:

- self-normalised (Kiefer, Vogelsang, Bunzel, "Simple robust testing of regression hypotheses", Econometrica 68 (2000)):
  the sums of deviations from the mean, S_t, give B = sum(S_t^2) / n^2, and |mean - truth| <= 5.374 sqrt(B / n) in 90 %
  of all cases, whatever the memory, once there are many seconds;
- a first-order autoregression: its correlation r, corrected for few seconds (Marriott and Pope, Biometrika 41 (1954)),
  leaves n (1 - r) / (1 + r) independent seconds, with Student's t for so many.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from advisor.blocks import Z90

KVB90: Final = 5.374
"""95 % quantile of W(1) / sqrt(integral of the squared Brownian bridge), table II of the paper."""
LEAST: Final = 8
"""Fewest seconds for an estimate of memory."""
FEW: Final = 1.2
"""Both are too sure where a memory of ten seconds meets an overload of twenty; so much wider they hold the truth of
nine in ten towns (calibrated on tests/advisor/test_coverage.py)."""
MOST_MEMORY: Final = 0.95
"""No correlation above this is told apart from a trend in one run (assumed)."""


def half_width(values: Sequence[float]) -> float:
    """Half of a 90 % interval for the mean of what wanders, in the unit of the values; 0 for too few."""
    series = np.asarray(values, dtype=np.float64)
    if len(series) < LEAST or not np.ptp(series):
        return 0.0
    apart = series - series.mean()
    return FEW * max(_self_normalised(apart), _autoregressive(apart))


def _self_normalised(apart: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    count = len(apart)
    spread = float((np.cumsum(apart) ** 2).sum()) / count**2
    return KVB90 * math.sqrt(spread / count)


def _autoregressive(apart: np.ndarray[tuple[int], np.dtype[np.float64]]) -> float:
    count, power = len(apart), float((apart**2).sum())
    seen = float((apart[1:] * apart[:-1]).sum()) / power
    memory = min(MOST_MEMORY, max(0.0, (seen + 1.0 / count) / (1.0 - 3.0 / count)))
    counts_for = min((1.0 + memory) / (1.0 - memory), count / 2)
    variance = power / count / (1.0 - counts_for / count)
    free = max(1.0, count / counts_for - 1.0)
    student = Z90 + (Z90**3 + Z90) / (4.0 * free)
    return student * math.sqrt(variance * counts_for / count)
