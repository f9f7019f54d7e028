"""The verdict as OpenMetrics text: GitLab's metrics report shows how each figure moved since the target branch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from advisor.gate.reports import GateReport
from advisor.gate.verdict import Gate, Judged

_STATES: Final = {"PASS": 0.0, "FAIL": 1.0, "INVALID": 2.0}
_FAMILIES: Final[dict[str, tuple[str, Callable[[Judged], float | None]]]] = {
    "surgecast_budget_value": ("What was measured, in the base unit.", lambda judged: judged.value),
    "surgecast_budget_limit": ("What is allowed.", lambda judged: judged.limit),
    "surgecast_budget_state": ("0 kept, 1 broken, 2 could not be judged.", lambda judged: _STATES[judged.state]),
}


class Metrics(GateReport):
    """Three gauges per budget and scope, and one per remark."""

    @property
    def file_name(self) -> str:
        """Beside the other reports."""
        return "verdict.metrics.txt"

    def render(self, gate: Gate, lang: str) -> str:  # noqa: ARG002 - figures have no language
        """Families in order, ended as OpenMetrics wants."""
        lines = []
        for name, (says, read) in _FAMILIES.items():
            lines += [f"# HELP {name} {says}", f"# TYPE {name} gauge"]
            lines += [
                f"{name}{_labels(judged)} {value:.9g}" for judged in gate.judged if (value := read(judged)) is not None
            ]
        return "\n".join([*lines, *_remarks(gate), "# EOF"]) + "\n"


def _remarks(gate: Gate) -> list[str]:
    """What the run does not say, where there is any such thing."""
    name = "surgecast_remark"
    head = [f"# HELP {name} What the run does not say.", f"# TYPE {name} gauge"]
    found = [f'{name}{{remark="{_escaped(remark.text)}"}} 1' for remark in gate.remarks]
    return [*head, *found] if found else []


def _labels(judged: Judged) -> str:
    pairs = {"budget": judged.budget, "region": judged.region or "all", "cohort": judged.cohort or "all"}
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs.items()) + "}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
