"""One way the waits for new capacity may turn out."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Draw:
    """All waits, in seconds."""

    metric_lag: float
    decision: float
    """Beyond a sync of the HPA."""
    leads: tuple[float, ...]
    """What one node after the other takes, in turn."""
    image: float
    boot: float
