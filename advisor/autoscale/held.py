"""How often settings hold when waits turn out one way or another: the surge lived once for each draw.

    settings × draws ─► one sweep ─► share of draws in which no more goes unmet than allowed

The same draws are made for all settings of a region, so that two of them differ by what they are, not by luck.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from advisor.autoscale.draws import Draw
from advisor.autoscale.sweep import Floats, Setting, sweep


@dataclass(frozen=True, slots=True)
class Held:
    """What settings come to over all draws."""

    share: float
    """Of draws, those in which no more went unmet than allowed."""
    unmet: float
    """Share of all demand: nineteen in twenty draws leave less unmet."""
    draws: int


@dataclass(frozen=True, slots=True)
class Question:
    """Settings whose waits are drawn, and what they may leave unmet (a share of all demand)."""

    setting: Setting
    draws: tuple[Draw, ...]
    allowed: float


def hold(demand: Floats, questions: Sequence[Question], lengths: Sequence[int]) -> list[Held]:
    """An answer for each question; ``demand`` and ``lengths`` as a sweep takes them."""
    if not questions:
        return []
    unmet = sweep(demand, [replace(one.setting, draws=one.draws) for one in questions], lengths).unmet_share
    found, first = [], 0
    for one in questions:
        shares = unmet[first : first + len(one.draws)]
        first += len(one.draws)
        worst = float(np.quantile(shares, 0.95, method="higher"))
        found.append(Held(float(np.mean(shares <= one.allowed)), worst, len(shares)))
    return found
