"""The report as Markdown, for pull requests, job summaries and wikis."""

from __future__ import annotations

from advisor.advice import Advice
from advisor.pages.page import page
from advisor.reports import Report


class Markdown(Report):
    """Tables and sentences of the HTML report, without its charts."""

    @property
    def file_name(self) -> str:
        """Beside the other reports."""
        return "report.md"

    def render(self, advice: Advice, lang: str) -> str:
        """The report in one language; values cannot mark up."""
        return page("report.md.j2", advice, lang, html=False)
