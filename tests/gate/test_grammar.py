"""Budgets as people write them, and what is said to those who write them wrongly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.budgets import EACH, METRICS, Baseline, BudgetError, check_scope, read_budget, read_page
from loadtests.errors import InputError
from loadtests.scenario import Scenario, read_scenario

COHORTS = {"id": ("mobile",), "br": ("mobile", "fixed")}
PHASES = read_scenario("viral-goal").surge.phases()


@pytest.mark.parametrize(
    ("sentence", "fields"),
    [
        ("startup p95 < 2s in id during peak", {"limit": 2.0, "region": "id", "phases": ("peak",), "stat": "p95"}),
        ("segment.ttfb p99.9 < 800ms", {"limit": 0.8, "stat": "p99.9"}),
        ("stall_ratio<1% per region", {"limit": 0.01, "region": EACH, "metric": "stall_ratio"}),
        ("live_latency p95 <= 8s", {"limit": 8.0, "sign": "<"}),
        ("error_rate < 0.1% for 10s", {"metric": "request.error_rate", "lasting": 10.0}),
        ("segment.total p95 < 1s over 1m", {"over": 60.0}),
        ("segment.total p95 < 1s within 30s", {"over": 30.0}),
        ("reconnects < 30/min", {"limit": pytest.approx(0.5)}),
        ("bitrate mean > 1.5Mbps cohort mobile", {"limit": 1.5e6, "sign": ">", "cohort": "mobile", "stat": ""}),
        ("cache_hit > 95% per cohort", {"metric": "request.cache_hit", "cohort": EACH}),
        ("generator.cpu max < 80%", {"stat": "max", "limit": 0.8}),
        ("viewers min > 100 during peak + recovery", {"phases": ("peak", "recovery")}),
        ("startup p95 < 2s in in cohort in", {"region": "in", "cohort": "in"}),
        ("startup p95 < 2s abort", {"abort": 5.0}),
        ("startup p95 < 2s abort after 12s", {"abort": 12.0}),
        ("segment.total p95 < baseline + 10%", {"limit": Baseline(share=0.1)}),
        ("segment.total p95 < baseline + 10% or 50ms", {"limit": Baseline(share=0.1, amount=0.05)}),
        ("stall_ratio < baseline + 0.5pp", {"limit": Baseline(amount=0.005)}),
        ("bitrate > baseline - 5%", {"limit": Baseline(share=0.05)}),
    ],
)
def test_a_sentence_is_read(sentence: str, fields: dict[str, object]) -> None:
    budget = read_budget(sentence)
    assert {name: getattr(budget, name) for name in fields} == fields
    assert read_budget(budget.text) == budget


@pytest.mark.parametrize(
    ("mapping", "sentence"),
    [
        (
            {"metric": "startup", "stat": "p95", "below": "2s", "region": "id", "phase": "peak"},
            "startup p95 < 2s in id during peak",
        ),
        ({"metric": "stall_ratio", "below": "1%", "region": "each"}, "stall_ratio < 1% per region"),
        ({"metric": "error_rate", "below": "0.1%", "for": "10s", "abort": True}, "error_rate < 0.1% for 10s abort"),
        ({"metric": "error_rate", "below": "0.1%", "abort": "9s"}, "error_rate < 0.1% abort after 9s"),
        ({"metric": "error_rate", "below": "0.1%", "abort": False}, "error_rate < 0.1%"),
        (
            {"metric": "segment.total", "stat": "p95", "below": "baseline + 10% or 50ms"},
            "segment.total p95 < baseline + 10% or 50ms",
        ),
        (
            {"metric": "bitrate", "above": "1Mbps", "cohort": "each", "over": "30s"},
            "bitrate > 1Mbps per cohort over 30s",
        ),
    ],
)
def test_a_mapping_says_the_same_as_a_sentence(mapping: dict[str, object], sentence: str) -> None:
    assert read_budget(mapping) == read_budget(sentence)


@pytest.mark.parametrize(
    ("source", "field", "says"),
    [
        ("startp p95 < 2s", "metric", "did you mean 'startup'?"),
        ("segment.tfb p95 < 2s", "metric", "did you mean 'segment.ttfb'?"),
        ("target.cpu mean < 80%", "metric", "not recorded yet"),
        ("startup < 2s", "stat", "p95"),
        ("startup p100 < 2s", "stat", "p95"),
        ("stall_ratio p95 < 1%", "stat", "one number"),
        ("startup p95 < 2", "limit", "no unit"),
        ("startup p95 < 2%", "limit", "unit '%'"),
        ("reconnects < 5", "limit", "/s"),
        ("startup p95 < baseline", "limit", "baseline + 10%"),
        ("startup p95 < baseline - 10%", "limit", "worse is '+'"),
        ("startup p95 < baseline + 10% for 10s", "for", "whole phase"),
        ("startup p95 < baseline + 10% abort", "abort", "fixed limit"),
        ("startup max < baseline + 10%", "stat", "percentile"),
        ("startup p95 < 2s during peek", "during", "peak"),
        ("startup p95 < 2s for 1.5s", "for", "whole seconds"),
        ("startup p95 < 2s for 10s over 30s", "for", "not both"),
        ("startup p95 < 2s in id in br", "in", "twice"),
        ("startup p95 < 2s per planet", "per", "per region"),
        ("generator.lag p99 < 50ms in id", "region", "no region"),
        ("startup p95 < 2s during", "during", "no phase"),
        ("startup p95 < 2s in id please", "budget", "please"),
        ("be quick", "budget", "METRIC"),
        (7, "budget", "sentence"),
        ({"metric": "startup", "below": "2s", "colour": 1}, "colour", "unknown key"),
        ({"metric": "startup", "stat": "p95"}, "budget", "below"),
        ({"metric": "startup", "stat": "p95", "below": "2s in id"}, "below", "one quantity"),
        ({"metric": "startup", "stat": "p95", "below": "2s", "region": "id during peak"}, "region", "one word"),
    ],
)
def test_a_wrong_budget_is_refused_by_its_part(source: object, field: str, says: str) -> None:
    with pytest.raises(BudgetError) as told:
        read_budget(source)
    assert told.value.field == field
    assert says in str(told.value)


@pytest.mark.parametrize(
    ("sentence", "field"),
    [
        ("startup p95 < 2s in xx", "in"),
        ("startup p95 < 2s in id cohort fixed", "cohort"),
        ("startup p95 < 2s for 10m", "for"),
        ("startup p95 < 2s over 10m", "over"),
    ],
)
def test_what_the_scenario_has_not_is_refused(sentence: str, field: str) -> None:
    with pytest.raises(BudgetError) as told:
        check_scope(read_budget(sentence), COHORTS, PHASES)
    assert told.value.field == field


def test_a_phase_that_is_missing_or_empty_is_refused() -> None:
    short = PHASES[0].model_copy(update={"name": "peak", "start": 0.2, "end": 0.9})
    for phases, says in ((PHASES[:2], "no phase peak"), ((short,), "empty")):
        with pytest.raises(BudgetError, match=says):
            check_scope(read_budget("stall_ratio < 1% during peak"), COHORTS, phases)


def test_a_page_names_file_and_line() -> None:
    text = "# ours\nbudgets:\n- stall_ratio < 1%\n- metric: startup\n  stat: p95\n  under: 2s\n"
    with pytest.raises(InputError, match=r"b\.yaml:4: under: unknown key"):
        read_page("b.yaml", text)
    placed = read_page("b.yaml", "- stall_ratio < 1%\n- {metric: error_rate, below: 1%}\n")
    assert [one.place.line for one in placed] == [1, 2]


@pytest.mark.parametrize("text", ["", "budgets: []", "budgets: 7", "gates: []", "- [", "- &a [*a]", "just words"])
def test_a_page_without_budgets_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        read_page("b.yaml", text)


@given(st.text(max_size=60))
def test_no_text_is_read_by_accident(text: str) -> None:
    """Any text is a budget that reads back as itself, or a `BudgetError`."""
    try:
        budget = read_budget(text)
    except BudgetError:
        return
    assert read_budget(budget.text) == budget


def test_every_metric_can_be_a_budget() -> None:
    for metric in METRICS.values():
        stat = {"spread": "p95", "level": "max"}.get(metric.kind, "")
        budget = read_budget(f"{metric.name} {stat} < {metric.example}")
        assert budget.what is metric


def test_a_scenario_brings_budgets_along_and_writes_them_again() -> None:
    data = read_scenario("viral-goal").model_dump(mode="json")
    data["gate"] = ["startup p95 < 2s per region", {"metric": "stall_ratio", "below": "1%", "phase": "peak"}]
    scenario = Scenario.model_validate(data)
    assert scenario.model_dump(mode="json")["gate"] == ["startup p95 < 2s per region", "stall_ratio < 1% during peak"]
    assert Scenario.model_validate(scenario.model_dump(mode="json")) == scenario
    with pytest.raises(ValueError, match=r"gate\.0: in: no region 'xx'"):
        Scenario.model_validate({**data, "gate": ["startup p95 < 2s in xx"]})
