"""The advice as JSON, for other programs: ``advice.schema.json`` describes it."""

from __future__ import annotations

import json

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
        return json.dumps(advice.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
