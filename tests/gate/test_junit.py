"""The JUnit file is valid by the schema that others published, and says what the verdict says.

The schema is windyroad/JUnit-Schema's (Apache-2.0), the strictest in use, as the ReFrame package ships it. What it
allows, the other common one (junit-10.xsd of Jenkins' xUnit plugin) allows as well, but for signs in times.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from importlib.metadata import distribution
from typing import Any

import pytest
from lxml import etree

from advisor.gate import Gate
from advisor.gate.reports.junit import Junit
from tests.gate.simulated import Made, verdict

BUDGETS = """segment.total p95 < 200ms during peak
segment.total p95 < 1s per region
cache_hit > 95%
error_rate < 1% for 10s"""


@cache
def schema() -> Any:
    return etree.XMLSchema(etree.parse(str(distribution("reframe-hpc").locate_file("reframe/schemas/junit.xsd"))))


def valid(gate: Gate, lang: str = "en") -> Any:
    """The document's root, when the schema takes it; else the test fails with the schema's words."""
    root = etree.fromstring(Junit().render(gate, lang).encode())
    schema().assertValid(root)
    return root


@pytest.fixture(scope="module")
def gate(tmp_path_factory: pytest.TempPathFactory) -> Gate:
    found = verdict([Made(latencies=(0.3,) * 40).write(tmp_path_factory.mktemp("gate"))], BUDGETS)
    assert {judged.state for judged in found.judged} == {"PASS", "FAIL", "INVALID"}
    return found


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_file_is_valid_and_counts_what_is_in_it(gate: Gate, lang: str) -> None:
    (suite,) = valid(gate, lang)
    cases = suite.findall("testcase")
    assert int(suite.get("tests")) == len(cases) == len(gate.judged)
    assert int(suite.get("failures")) == len(suite.findall("testcase/failure")) == gate.count("FAIL")
    assert int(suite.get("errors")) == len(suite.findall("testcase/error")) == gate.count("INVALID")
    assert datetime.fromisoformat(suite.get("timestamp") + "+00:00") == gate.started_at
    assert suite.get("time").replace(".", "").isdigit()
    assert len({case.get("name") for case in cases}) == len(cases)
    (failure,) = suite.findall("testcase/failure")
    assert "b.yaml:1" in failure.text
    assert "301 ms" in failure.text


def test_the_file_is_valid_whatever_the_names_are(gate: Gate) -> None:
    odd = gate.judged[0].model_copy(update={"budget": "a < b & \x00\ud800\"'", "region": "<x>"})
    (suite,) = valid(gate.model_copy(update={"judged": (odd,), "scenario": "\x01"}))
    assert suite.find("testcase").get("name").startswith("a < b & ??\"' [<x>")


def test_a_verdict_on_nothing_is_valid(gate: Gate) -> None:
    assert valid(gate.model_copy(update={"judged": (), "baselines": ()}))[0].get("tests") == "0"


SPOILT: dict[str, Callable[[Any], object]] = {
    "an attribute is missing": lambda suite: suite.attrib.pop("hostname"),
    "an attribute is unknown": lambda suite: suite.set("colour", "red"),
    "a count is no number": lambda suite: suite.set("tests", "many"),
    "a time has a zone": lambda suite: suite.set("timestamp", "2026-12-01T00:00:00Z"),
    "a name is empty": lambda suite: suite.set("name", ""),
    "an element is missing": lambda suite: suite.remove(suite.find("system-err")),
    "the order is another": lambda suite: suite.append(suite[0]),
    "a case came to two ends": lambda suite: suite.find("testcase").extend(suite.findall("testcase/*")),
    "an element is unknown": lambda suite: etree.SubElement(suite.find("testcase"), "passed"),
}


@pytest.mark.parametrize("what", SPOILT)
def test_the_schema_refuses_a_file_in_which(what: str, gate: Gate) -> None:
    root = valid(gate)
    SPOILT[what](root[0])
    assert not schema().validate(root)
