"""The verdict as JSON, for other programs: ``advisor/gate/verdict.schema.json`` describes it."""

from __future__ import annotations

import json

from advisor.gate.reports import GateReport
from advisor.gate.verdict import Gate


class Json(GateReport):
    """All of the verdict; its messages carry their English text."""

    @property
    def file_name(self) -> str:
        """Beside the other reports."""
        return "verdict.json"

    def render(self, gate: Gate, lang: str) -> str:  # noqa: ARG002 - one file for all languages
        """The same in every language, so that programs need not care."""
        return json.dumps(gate.model_dump(mode="json"), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
