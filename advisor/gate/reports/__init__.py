"""Reports of a verdict: one renderer per file, each a pure function from a `Gate` to text."""

from __future__ import annotations

from abc import abstractmethod
from pathlib import Path
from typing import Final

from advisor.gate.verdict import Gate
from loadtests import plugins
from loadtests.plugins import Plugin

REPORTS: Final = "advisor.gate.reports"


class GateReport(Plugin):
    """One kind of text."""

    @property
    @abstractmethod
    def file_name(self) -> str:
        """Where it is written, inside the folder of the reports; empty for what is only printed."""

    @abstractmethod
    def render(self, gate: Gate, lang: str) -> str:
        """The whole text."""


def reports() -> dict[str, GateReport]:
    """Every renderer in the folder, by its name."""
    found = {name: plugins.find(REPORTS, name)() for name in plugins.names(REPORTS)}
    return {name: report for name, report in found.items() if isinstance(report, GateReport)}


def write_reports(gate: Gate, folder: Path, lang: str = "en") -> list[Path]:
    """Write every report that is a file into ``folder`` (made when missing) and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for report in reports().values():
        if report.file_name:
            path = folder / report.file_name
            path.write_text(report.render(gate, lang), encoding="utf-8")
            paths.append(path)
    return paths
