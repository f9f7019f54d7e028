"""One budget, parsed: a metric, a limit, where and when it holds."""

from __future__ import annotations

from typing import Final, Literal

from pydantic import model_validator

from loadtests.budgets.metrics import METRICS, Metric
from loadtests.region import Frozen
from loadtests.shapes import PhaseName

EACH: Final = "*"
"""In place of a region or cohort: each of them on its own."""


class BudgetError(ValueError):
    """A budget that cannot be read; ``field`` is the part that is wrong."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field


class Baseline(Frozen):
    """A limit relative to earlier runs: worse by more than the larger of both allowances is too much."""

    share: float = 0.0
    """Of the baseline's value."""
    amount: float = 0.0
    """In the metric's unit."""

    def allowance(self, value: float) -> float:
        """How much worse than the baseline's ``value`` is still allowed."""
        return max(self.share * abs(value), self.amount)


class Budget(Frozen):
    """A limit on one metric. ``text`` is the budget as it was written; it reads back as the same budget."""

    text: str
    metric: str
    stat: str = ""
    """``p95``, ``mean``, ``max``, ``min``; empty where the metric is one number."""
    sign: Literal["<", ">"]
    """Which side of the limit is kept."""
    limit: float | Baseline
    region: str = ""
    """A code, `EACH`, or empty for all pooled."""
    cohort: str = ""
    phases: tuple[PhaseName, ...] = ()
    """Empty: ramp and peak."""
    lasting: float = 0.0
    """``for``: broken only when broken so many seconds without pause."""
    over: float = 0.0
    """``over``: judged on every sliding window of so many seconds."""
    abort: float | None = None
    """Seconds that it must be surely broken before the run is ended early; None never ends it."""

    @property
    def what(self) -> Metric:
        """The metric."""
        return METRICS[self.metric]

    @property
    def percentile(self) -> float | None:
        """The share below which the samples are asked for: 0.95 for ``p95``."""
        return float(self.stat[1:]) / 100 if self.stat.startswith("p") else None

    @model_validator(mode="after")
    def _fits_together(self) -> Budget:
        return check_fit(self)


def check_fit(budget: Budget) -> Budget:
    """The budget; BudgetError when its parts do not fit together."""
    if budget.lasting and budget.over:
        raise BudgetError("for", "a budget has either 'for' or 'over', not both")
    if isinstance(budget.limit, Baseline) and (budget.lasting or budget.over):
        raise BudgetError("for", "a baseline is compared over the whole phase: leave out 'for' and 'over'")
    if isinstance(budget.limit, Baseline) and budget.abort is not None:
        raise BudgetError("abort", "only a budget with a fixed limit can end a run early")
    if isinstance(budget.limit, Baseline) and budget.stat in ("max", "min"):
        raise BudgetError(
            "stat", f"one extreme value says nothing about noise: compare a percentile, not {budget.stat}"
        )
    if budget.what.subject == "generator" and (budget.region or budget.cohort):
        raise BudgetError("region", f"{budget.metric} belongs to the load generator, which has no region or cohort")
    return budget
