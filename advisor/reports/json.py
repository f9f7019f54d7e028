"""The advice as JSON, for other programs: ``advice.schema.json`` describes it."""

from __future__ import annotations

from pathlib import Path

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
        return self._bytes(advice).decode()

    def write(self, advice: Advice, lang: str, path: Path) -> None:  # noqa: ARG002 - one file for all languages
        """As bytes: twenty megabytes for half an hour in ten regions, of which no text is made."""
        path.write_bytes(self._bytes(advice))

    @staticmethod
    def _bytes(advice: Advice) -> bytes:
        return advice.__pydantic_serializer__.to_json(advice, indent=1) + b"\n"
