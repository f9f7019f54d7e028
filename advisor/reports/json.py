"""The advice as JSON, for other programs: ``advice.schema.json`` describes it."""

from __future__ import annotations

from advisor.advice import Advice
from advisor.reports import Report


class Json(Report):
    """All of the advice; its messages carry their English text."""

    @property
    def file_name(self) -> str:
        """Beside the other reports."""
        return "advice.json"

    def render(self, advice: Advice, lang: str) -> str:  # noqa: ARG002 - one file for all languages
        """The same in every language, so that programs need not care."""
        return advice.model_dump_json(indent=1) + "\n"
