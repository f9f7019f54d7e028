"""The verdict as JUnit XML, which Jenkins, GitLab and most other CI systems show as tests.

Kept to what the strictest schema in use allows (windyroad/JUnit-Schema): evidence stands in the failure's or error's
text, and for budgets that were kept in the suite's output.
"""

from __future__ import annotations

import re
from datetime import UTC
from xml.etree import ElementTree as ET

from advisor.gate.cells import against, limit, measured, origin, worst
from advisor.gate.reports import GateReport
from advisor.gate.sentences import label, told
from advisor.gate.verdict import Gate, Judged

_NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd]")


class Junit(GateReport):
    """A budget in a scope is a test case: FAIL is a failure, INVALID an error."""

    @property
    def file_name(self) -> str:
        """Beside the other reports."""
        return "verdict.junit.xml"

    def render(self, gate: Gate, lang: str) -> str:
        """One suite; a case takes no time, for the time was the run's."""
        root = ET.Element("testsuites")
        suite = ET.SubElement(root, "testsuite", _suite(gate))
        properties = ET.SubElement(suite, "properties")
        for name, value in {"run": ",".join(gate.runs), "baseline": ",".join(gate.baselines) or "none"}.items():
            ET.SubElement(properties, "property", {"name": name, "value": _clean(value)})
        for judged in gate.judged:
            _case(suite, judged, lang)
        ET.SubElement(suite, "system-out").text = _clean(_output(gate, lang))
        ET.SubElement(suite, "system-err")
        ET.indent(root, " ")
        return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _suite(gate: Gate) -> dict[str, str]:
    return {
        "id": "0",
        "package": "surgecast",
        "name": _clean(gate.scenario),
        "timestamp": f"{gate.started_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}",
        "hostname": "localhost",
        "tests": str(len(gate.judged)),
        "failures": str(gate.count("FAIL")),
        "errors": str(gate.count("INVALID")),
        "time": str(float(gate.seconds)),
    }


def _case(suite: ET.Element, judged: Judged, lang: str) -> None:
    name = f"{judged.budget} [{judged.scope}]"
    case = ET.SubElement(
        suite, "testcase", {"name": _clean(name), "classname": f"surgecast.{judged.metric}", "time": "0.0"}
    )
    if judged.state == "PASS":
        return
    kind = "failure" if judged.state == "FAIL" else "error"
    found = ET.SubElement(case, kind, {"type": judged.state, "message": _clean(told(judged.reason, lang))})
    found.text = _clean(evidence(judged, lang))


def evidence(judged: Judged, lang: str) -> str:
    """Everything that stands behind a verdict, a line each."""
    lines = {
        "limit": limit(judged),
        "measured": measured(judged),
        "baseline": against(judged),
        "worst": worst(judged, lang),
    }
    told_lines = [f"{label(key, lang)}: {text}" for key, text in lines.items()]
    place = [f"{judged.file}:{judged.line}"] if judged.line else []
    remedy = [told(judged.remedy, lang)] if judged.remedy else []
    return "\n".join([told(judged.reason, lang), *told_lines, *remedy, *place])


def _output(gate: Gate, lang: str) -> str:
    kept = (judged for judged in gate.judged if judged.state == "PASS")
    lines = [f"PASS {judged.budget} [{judged.scope}]: {told(judged.reason, lang)}" for judged in kept]
    return "\n".join([origin(gate, lang), *lines])


def _clean(text: str) -> str:
    return _NOT_XML.sub("?", text)
