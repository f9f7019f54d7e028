"""The whole pipe: a golden answer, the committed schema, the same bytes twice, and honest warnings."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import jsonschema
import pytest

from advisor.advice import Advice, schema_text
from advisor.advising import advise
from advisor.models import Excuse
from advisor.plans.plan import Plan
from advisor.reports.json import Json
from loadtests.run import Run
from tests.advisor.conftest import Maker
from tests.advisor.runs import Town

GOLDEN = Path(__file__).parent / "golden" / "advice.json"
REFRESH = "python -m tests.advisor.golden"


def short(advice: Advice) -> dict[str, object]:
    """What a reader would miss first."""
    return {
        "state": advice.verdict.state,
        "binding": advice.capacities.binding.model,
        "sureness": advice.sureness,
        "per_node": {
            one.model: round(one.per_node.mid, -3 if one.unit == "bit/s" else 0) for one in advice.capacities.found
        },
        "nodes": {r.code: r.nodes.nodes if isinstance(r.nodes, Plan) else None for r in advice.regions},
        "mbits": {region.code: round(region.cdn.peak.mid / 1e6) for region in advice.regions},
        "warnings": sorted({warning.key for warning in advice.warnings}),
    }


def numbers(value: object) -> Iterator[float]:
    match value:
        case dict():
            for part in value.values():
                yield from numbers(part)
        case list():
            for part in value:
                yield from numbers(part)
        case float() | int():
            yield value


def test_the_golden_advice(advice: Advice) -> None:
    assert short(advice) == json.loads(GOLDEN.read_text()), f"if this is meant: {REFRESH}"


def test_the_same_run_gives_the_same_bytes(advice: Advice, saturated: Run) -> None:
    assert Json().render(advise([saturated]), "en") == Json().render(advice, "zh")


def test_an_advice_reads_back_and_keeps_to_its_schema(advice: Advice) -> None:
    text = Json().render(advice, "en")
    assert Advice.model_validate_json(text) == advice
    jsonschema.validate(json.loads(text), json.loads(schema_text()))


def test_the_schema_is_committed() -> None:
    committed = (resources.files("advisor") / "advice.schema.json").read_text(encoding="utf-8")
    assert committed == schema_text(), f"if this is meant, think of SCHEMA_VERSION, then: {REFRESH}"


def test_no_number_is_nan_or_infinite(advice: Advice) -> None:
    assert all(math.isfinite(number) for number in numbers(json.loads(Json().render(advice, "en"))))


def test_a_saturated_run_is_extrapolated_with_its_assumption_in_sight(advice: Advice) -> None:
    assert advice.factor > 2
    assert all(isinstance(region.nodes, Plan) for region in advice.regions)
    assert advice.totals.nodes == sum(r.nodes.nodes for r in advice.regions if isinstance(r.nodes, Plan))
    assert {"warn_linear"} <= {warning.key for warning in advice.warnings}
    assert {"assume_linear", "assume_price", "assume_one_run"} <= {one.key for one in advice.assumptions}


def test_an_unsaturated_run_says_what_to_rehearse_instead(quiet: Run) -> None:
    found = advise([quiet])
    assert found.sureness == "bound"
    assert found.verdict.state == "held"
    assert [warning.key for warning in found.warnings][:1] == ["warn_unsaturated"]
    assert all(isinstance(region.nodes, Excuse) for region in found.regions)
    assert found.totals.nodes is None
    assert all(region.cdn.peak.mid > 0 for region in found.regions)


def test_an_unsaturated_run_bounds_a_small_launch(quiet: Run) -> None:
    found = advise([quiet], {"id": 40})
    (region,) = found.regions
    assert isinstance(region.nodes, Plan)
    assert region.nodes.bound == "at_most"


def test_the_verdict_names_what_broke_first_where_and_when(advice: Advice, saturated: Run) -> None:
    first = advice.verdict.first
    assert first
    assert first.value > first.limit
    assert first.at == min(region.first.at for region in advice.verdict.regions if region.first)
    assert advice.verdict.state == "broke"
    assert all(region.held < region.judged for region in advice.verdict.regions)


def test_several_runs_make_one_advice(make: Maker, saturated: Run) -> None:
    again = make(Town(seed=3, audience={"id": 40000, "in": 25000, "br": 12000}))
    found = advise([saturated, again])
    assert len(found.runs) == 2
    assert "assume_one_run" not in {one.key for one in found.assumptions}


ENTERED = ("advisor", "advisor.advice", "advisor.reports", "advisor.pages.summary", "advisor.pages.page")


@pytest.mark.parametrize("module", ENTERED)
def test_importing_the_advisor_brings_no_locust_and_no_gevent(module: str) -> None:
    code = f"import sys, {module}; sys.exit(', '.join({{'locust', 'gevent', 'zmq'}} & set(sys.modules)) or 0)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stderr) == (0, "")
