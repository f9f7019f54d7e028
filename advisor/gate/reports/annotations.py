"""The verdict as GitHub workflow commands: a broken budget is marked at its line of the budgets file."""

from __future__ import annotations

from advisor.gate.cells import measured
from advisor.gate.reports import GateReport
from advisor.gate.sentences import label, plain, told
from advisor.gate.verdict import Gate, Judged


class Annotations(GateReport):
    """``::error`` for FAIL, ``::warning`` for INVALID, one ``::notice`` when all is kept, and one for each remark."""

    @property
    def file_name(self) -> str:
        """Printed only."""
        return ""

    def render(self, gate: Gate, lang: str) -> str:
        """One command per line."""
        lines = [_command(judged, lang) for judged in gate.judged if judged.state != "PASS"]
        title = _property(f"surgecast {label(gate.state, lang)}")
        kept = f"::notice title={title}::{_data(plain(', '.join(gate.runs)))}"
        remarks = [f"::notice title={title}::{_data(told(remark, lang))}" for remark in gate.remarks]
        return "\n".join([*(lines or [kept]), *remarks]) + "\n"


def _command(judged: Judged, lang: str) -> str:
    kind = "error" if judged.state == "FAIL" else "warning"
    title = f"{label(judged.state, lang)}: {judged.budget}"
    fields = [f"file={_property(judged.file)}", f"line={judged.line}"] if judged.line else []
    fields += [f"title={_property(title)}"]
    remedy = f" → {told(judged.remedy, lang)}" if judged.remedy else ""
    text = f"{judged.scope}: {measured(judged)}: {told(judged.reason, lang)}{remedy}"
    return f"::{kind} {','.join(fields)}::{_data(text)}"


def _data(text: str) -> str:
    """As actions/toolkit escapes the text of a command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """As actions/toolkit escapes a property of a command."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
