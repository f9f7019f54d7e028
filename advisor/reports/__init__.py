"""Reports of an advice: one renderer per file, each a pure function from an `Advice` to text."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial
from pathlib import Path
from typing import Final

from advisor.advice import Advice
from advisor.beside import beside
from loadtests import plugins
from loadtests.plugins import Plugin

REPORTS: Final = "advisor.reports"


class Report(Plugin):
    """One kind of file."""

    @property
    @abstractmethod
    def file_name(self) -> str:
        """Where it is written, inside the folder of the reports."""

    @abstractmethod
    def render(self, advice: Advice, lang: str) -> str:
        """The whole file."""

    def write(self, advice: Advice, lang: str, path: Path) -> None:
        """Write it."""
        path.write_text(self.render(advice, lang), encoding="utf-8")


def reports() -> tuple[Report, ...]:
    """Every renderer in the folder."""
    found = (plugins.find(REPORTS, name)() for name in plugins.names(REPORTS))
    return tuple(report for report in found if isinstance(report, Report))


def write_reports(advice: Advice, folder: Path, lang: str = "en") -> list[Path]:
    """Write every report into ``folder`` (made when missing), the page beside all others, and return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    longest, *others = reports()
    with beside(partial(longest.render, advice, lang)) as rendered:
        for report in others:
            report.write(advice, lang, folder / report.file_name)
        (folder / longest.file_name).write_text(rendered(), encoding="utf-8")
    return [folder / report.file_name for report in (longest, *others)]
