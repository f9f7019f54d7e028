"""The report as one HTML file that needs nothing else: no script, no request, no font."""

from __future__ import annotations

from advisor.advice import Advice
from advisor.pages.page import page
from advisor.reports import Report


class Html(Report):
    """For people, on screen and on paper."""

    @property
    def file_name(self) -> str:
        """Beside the other reports."""
        return "report.html"

    def render(self, advice: Advice, lang: str) -> str:
        """The page in one language; every value is escaped."""
        return page("report.html.j2", advice, lang, html=True)
