"""The surge buffer: how much demand may rise before new capacity can serve it. No I/O, no clock."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np


def surge_buffer(curve: Sequence[float], step: float, seconds: float) -> float:
    """Largest rise of a demand curve within ``seconds``: max over t and 0 <= s <= T of D(t + s) - D(t).

    Hotstar's B(T) = max_t [D(t + T) - D(t)] ("Scaling for Tsunami traffic", 2019), taken over every wait up to T: a
    spike that is over before T has passed must be served too. ``curve`` has one value each ``step`` seconds, in any
    unit; the answer is in that unit, zero or more, and never falls as T grows.
    """
    if not step > 0 or not seconds >= 0:
        raise ValueError(f"expected a step above zero and a wait of zero or more, found {step} and {seconds}")
    values = np.asarray(curve, dtype=np.float64)
    reach = min(math.ceil(seconds / step - 1e-9), max(0, len(values) - 1))
    if not reach:
        return 0.0
    padded = np.concatenate([values, np.full(reach, -np.inf)])
    highest = np.lib.stride_tricks.sliding_window_view(padded, reach + 1).max(axis=1)
    return float(np.max(highest - values))
