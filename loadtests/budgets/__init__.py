"""Budgets: what a run must keep, as sentences or YAML. Pure parsing: no file, no clock, no network.

``startup p95 < 2s in id during peak`` becomes a `Budget`; docs/budgets.md is the grammar on one page.
"""

from __future__ import annotations

from loadtests.budgets.budget import EACH, Baseline, Budget, BudgetError
from loadtests.budgets.grammar import read_budget
from loadtests.budgets.metrics import METRICS, Metric
from loadtests.budgets.page import Place, Placed, read_page
from loadtests.budgets.scope import check_page, check_scope, seconds_of

__all__ = [  # noqa: RUF022 - constants last, as in every package here
    "Baseline",
    "Budget",
    "BudgetError",
    "Metric",
    "Place",
    "Placed",
    "check_page",
    "check_scope",
    "read_budget",
    "read_page",
    "seconds_of",
    "EACH",
    "METRICS",
]
