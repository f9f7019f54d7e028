"""Other tools' files before the gate: what they say is judged, what they cannot say is said."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from advisor.foreign import Percentiles, Point
from advisor.gate.reported import bracketed
from advisor.gate.reports import reports
from advisor.gate.sentences import told
from loadtests.errors import InputError, SurgecastError
from surgecast.cli import surgecast
from tests.gate.foreign_files import (
    Latencies,
    bucket,
    jmeter_log,
    judged,
    k6_percentile,
    k6_samples,
    k6_summary,
    locust_history,
    locust_percentile,
    steady,
)
from tests.gate.simulated import Made
from tests.house.tree import rows

Writer = Callable[..., str]
SAMPLES = Path(__file__).parents[1] / "foreign" / "samples"
WRITERS: dict[str, Writer] = {
    "k6": k6_samples,
    "k6_summary": k6_summary,
    "locust": locust_history,
    "jmeter": jmeter_log,
}
FAST, SLOW = steady(0.1), steady(0.3)
P95 = "request.total p95 < 250ms"


def written(folder: Path, tool: str, latencies: Latencies, name: str = "run", **changes: Any) -> Path:
    file = folder / name
    file.write_text(WRITERS[tool](latencies, **changes), encoding="utf-8")
    return file


ALL = ("k6", "k6_summary", "locust", "jmeter")
SAMPLED = ("k6", "jmeter")
VERDICTS = [
    *[(tool, FAST, P95, "PASS") for tool in ALL],
    *[(tool, SLOW, P95, "FAIL") for tool in ALL],
    *[(tool, FAST, "request.total p95 < 139ms", "INVALID") for tool in ALL],
    *[(tool, FAST, "request.total max < 1s", "PASS") for tool in ALL],
    *[(tool, FAST, "request.total max < 100ms", "FAIL") for tool in ALL],
    *[(tool, FAST, "error_rate < 0%", "PASS") for tool in ALL],
    *[(tool, FAST, "request.rate > 50/s", "PASS") for tool in ALL],
    *[(tool, FAST, "request.rate > 80/s", "FAIL") for tool in ALL],
    *[(tool, FAST[:1], P95.replace("95", "99"), "INVALID") for tool in ALL],  # sixty samples are no p99
    *[(tool, FAST, "request.total mean < 150ms", "PASS") for tool in SAMPLED],
    ("k6_summary", FAST, "request.total mean < 150ms", "INVALID"),
    ("locust", FAST, "request.total mean < 150ms", "INVALID"),
    ("locust", FAST, "request.total p97 < 1s", "INVALID"),  # not among those that Locust reports
    ("locust", FAST, "error_rate < 1% for 5s", "PASS"),
    *[(tool, FAST, "segment.total p95 < 250ms over 10s", "PASS") for tool in SAMPLED],
    *[(tool, SLOW, "segment.total p95 < 250ms for 10s", "FAIL") for tool in SAMPLED],
    *[(tool, FAST, "segment.ttfb p95 < 250ms", "PASS") for tool in SAMPLED],
    *[(tool, FAST, "segment.error_rate < 1%", "PASS") for tool in SAMPLED],
    *[(tool, FAST, "egress > 10Mbps", "PASS") for tool in SAMPLED],
    *[(tool, FAST, "playlist.total p95 < 1s", "INVALID") for tool in SAMPLED],  # no address of one
    ("k6_summary", FAST, "segment.total p95 < 1s", "INVALID"),
    ("k6_summary", FAST, "egress > 1Mbps", "INVALID"),
]


@pytest.mark.parametrize(("tool", "latencies", "budget", "state"), VERDICTS)
def test_a_verdict(tool: str, latencies: Latencies, budget: str, state: str, tmp_path: Path) -> None:
    gate = judged(written(tmp_path, tool, latencies), budget)
    (found,) = gate.judged
    assert found.state == state, found.reason.text
    assert (found.remedy is not None) == (state == "INVALID")
    assert (found.phases, found.scope, gate.tool) == ((), "all", tool.partition("_")[0])


@pytest.mark.parametrize("tool", ALL)
def test_failed_requests_break_a_budget(tool: str, tmp_path: Path) -> None:
    failed = 200 if tool == "k6_summary" else 5
    gate = judged(written(tmp_path, tool, FAST, failed=failed), "error_rate < 1%")
    assert gate.state == "FAIL"


@pytest.mark.parametrize("tool", SAMPLED)
def test_where_every_request_failed_there_is_no_time_to_judge(tool: str, tmp_path: Path) -> None:
    gate = judged(written(tmp_path, tool, FAST, failed=60), f"{P95}\nsegment.ttfb mean < 1s\nerror_rate < 1%")
    assert [one.reason.key for one in gate.judged] == ["nothing", "nothing", "broken"]


NEVER = {
    "request.total p95 < 1s during peak": "have no phases: leave out 'during peak'",
    "request.total p95 < 1s in id": "have no regions: leave out 'in id'",
    "request.total p95 < 1s per region": "have no regions: leave out 'per region'",
    "request.total p95 < 1s cohort mobile": "have no cohorts: leave out 'cohort mobile'",
    "startup p95 < 2s": "never hold startup",
    "stall_ratio < 1%": "never hold stall_ratio",
    "viewers min > 1": "never hold viewers",
    "generator.cpu max < 90%": "never hold generator.cpu",
    "cache_hit > 90%": "never hold request.cache_hit",
    "master.total p95 < 1s": "never hold master.total",
    "error_rate < 1% for 300s": "leave out 'for 300s'|'for 300s' is longer than the 4[01] s",
}


@pytest.mark.parametrize("tool", ALL)
@pytest.mark.parametrize(("budget", "says"), NEVER.items(), ids=NEVER.keys())
def test_what_no_such_file_can_say_is_bad_input(tool: str, budget: str, says: str, tmp_path: Path) -> None:
    file = written(tmp_path, tool, FAST)
    with pytest.raises(InputError, match=says) as caught:
        judged(file, f"error_rate < 1%\n{budget}")
    assert str(caught.value).startswith(f"b.yaml:2: {budget}: ")
    assert "run holds" in (caught.value.hint or "")
    assert "request.total" in (caught.value.hint or "")
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("tool", "budget"),
    [
        ("locust", "segment.total p95 < 1s"),
        ("locust", "egress > 1Mbps"),
        ("locust", f"{P95} for 10s"),
        ("locust", f"{P95} over 10s"),
        ("k6_summary", f"{P95} over 10s"),
        ("k6_summary", "error_rate < 1% for 10s"),
        ("k6", "egress > 1Mbps for 10s"),  # k6 counts bytes when an iteration ends
    ],
)
def test_what_one_kind_of_file_can_never_say_is_bad_input(tool: str, budget: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"b\.yaml:1: "):
        judged(written(tmp_path, tool, FAST), budget)


@pytest.mark.parametrize(
    ("tool", "changes", "budget", "remedy"),
    [
        ("k6_summary", {"shares": (0.90, 0.95)}, "request.total p99 < 1s", "--summary-trend-stats"),
        ("k6_summary", {}, "segment.total p95 < 1s", "--out json"),
        ("k6_summary", {}, "request.total p95 < 139ms", "--out json"),
        ("k6", {"url": "http://a/other"}, "segment.total p95 < 1s", "system tag url"),
        ("jmeter", {"url": ""}, "segment.total p95 < 1s", "jmeter.save.saveservice.url"),
        ("locust", {"full": True}, P95, "without --csv-full-history"),
        ("locust", {}, "request.total p97 < 1s", "PERCENTILES_TO_REPORT"),
    ],
)
def test_what_could_have_been_recorded_says_how(
    tool: str, changes: dict[str, Any], budget: str, remedy: str, tmp_path: Path
) -> None:
    (found,) = judged(written(tmp_path, tool, FAST, **changes), budget).judged
    assert found.state == "INVALID"
    assert found.remedy
    assert remedy in found.remedy.text
    assert told(found.remedy, "zh") != found.remedy.text


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("tool", ALL)
def test_every_report_says_what_is_not_known(tool: str, lang: str, tmp_path: Path) -> None:
    gate = judged(written(tmp_path, tool, FAST), P95)
    keys = [remark.key for remark in gate.remarks]
    assert keys[0] == ("remark_totals" if tool == "k6_summary" else "remark_all_seconds")
    assert keys[1] == "remark_unwatched"
    assert ("remark_reported" in keys) == (tool in ("k6_summary", "locust"))
    for name, report in reports().items():
        text = report.render(gate, "en" if name in ("json", "metrics") else lang)
        for remark in gate.remarks:
            said = told(remark, "en" if name in ("json", "metrics") else lang)
            assert said.replace("%", "%25") in text or said in text, name


@pytest.mark.parametrize("tool", ALL)
def test_a_baseline_of_the_same_tool(tool: str, tmp_path: Path) -> None:
    before, now = written(tmp_path, tool, FAST, "before"), written(tmp_path, tool, steady(0.15, seed=2))
    same = written(tmp_path, tool, steady(0.1, seed=3), "same")
    budget = "request.total p95 < baseline + 20%"
    (worse,), (equal,) = judged(now, budget, [before]).judged, judged(same, budget, [before]).judged
    if tool in SAMPLED:
        assert (worse.state, equal.state) == ("FAIL", "PASS")
    else:
        assert (worse.state, worse.reason.key, equal.state) == ("INVALID", "no_noise", "INVALID")
    if tool != "k6_summary":
        assert judged(same, "request.rate > baseline - 20%", [before]).state == "PASS"


def test_a_baseline_of_another_tool_or_kind_of_file_is_bad_input(tmp_path: Path) -> None:
    files = {tool: written(tmp_path, tool, FAST, tool) for tool in ALL}
    files["ours"] = Path(Made().write(tmp_path / "ours"))
    for tool, file in files.items():
        for other, earlier in files.items():
            if tool != other:
                with pytest.raises(InputError, match=r"^baseline .* is .* is "):
                    judged(file, "error_rate < baseline + 10%", [earlier])


def test_only_files_of_one_run_of_ours_can_be_put_together(tmp_path: Path) -> None:
    file, budgets = written(tmp_path, "k6", FAST), tmp_path / "b.yaml"
    budgets.write_text(f"- {P95}\n", encoding="utf-8")
    for words in (["gate", str(file), str(file), "--budgets", str(budgets)], ["gate", str(file)]):
        result = CliRunner().invoke(surgecast, words, env={"GITHUB_ACTIONS": ""})
        assert isinstance(result.exception, SurgecastError)
        assert result.exception.exit_code == 2


@pytest.mark.parametrize(("latencies", "code"), [(FAST, 0), (SLOW, 99), (FAST[:1], 3)])
def test_the_command_judges_a_file_and_writes_beside_it(latencies: Latencies, code: int, tmp_path: Path) -> None:
    file, budgets = written(tmp_path, "k6_summary", latencies), tmp_path / "b.yaml"
    budgets.write_text(f"- {P95}\n- request.total p99 < 10s\n", encoding="utf-8")
    result = CliRunner().invoke(surgecast, ["gate", str(file), "--budgets", str(budgets)], env={"GITHUB_ACTIONS": ""})
    assert result.exit_code == code, result.output
    assert json.loads((tmp_path / "verdict.json").read_text(encoding="utf-8"))["exit_code"] == code


@pytest.mark.parametrize("name", sorted(path.name for path in SAMPLES.iterdir()))
def test_recorded_samples_are_judged(name: str) -> None:
    gate = judged(SAMPLES / name, "request.rate > 1/min\nrequest.total p95 < 1h")
    assert {one.state for one in gate.judged} <= {"PASS", "INVALID"}
    assert gate.runs == (name,)


def test_locusts_recorded_percentiles_are_bracketed_by_their_neighbours() -> None:
    """Of 544 requests p95 is Wilson's 93.2 to 96.3 %: between p90 (160 ms) and p98 (190 ms), each off by 5 ms."""
    (found,) = judged(SAMPLES / "locust_stats_history.csv", "request.total p95 < 1s").judged
    assert (found.state, found.samples, found.value) == ("PASS", 544, 0.18)
    assert [found.low, found.high] == pytest.approx([0.155, 0.195])


HOSTILE = "a|`<img src=x>`[x](y) \x1b[31m\n::error::pwned\n# b"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_a_files_name_can_neither_mark_up_nor_steer(lang: str, tmp_path: Path) -> None:
    gate = judged(written(tmp_path, "k6", FAST, HOSTILE.replace("/", "")), f"{P95}\nrequest.total p95 < 1ms")
    texts = {name: report.render(gate, lang) for name, report in reports().items()}
    assert not [name for name, text in texts.items() if "\x1b" in text]
    assert not re.search(r"(?m)^::error::", texts["annotations"] + texts["terminal"] + texts["markdown"])
    assert not re.search(r"(?m)^# b", texts["markdown"])
    assert "<img" not in texts["markdown"].replace("\\<img", "")
    assert ET.fromstring(texts["junit"]).find("testsuite") is not None
    assert json.loads(texts["json"])["runs"] == [gate.runs[0]]


# -- the bracket ------------------------------------------------------------------------------------------------------


@given(
    st.lists(st.floats(0.001, 70), min_size=60, max_size=400),
    st.sampled_from([0.5, 0.9, 0.95]),
    st.lists(st.sampled_from([0.5, 0.66, 0.75, 0.8, 0.9, 0.95, 0.98, 0.99]), max_size=8),
)
def test_the_bracket_holds_the_samples_own_percentile(
    tmp_path_factory: pytest.TempPathFactory, samples: list[float], share: float, others: list[float]
) -> None:
    folder, ordered = tmp_path_factory.mktemp("bracket"), sorted(samples)
    own = ordered[max(0, int(np.ceil(share * len(ordered))) - 1)]
    texts = {"k6_summary": k6_summary([samples], shares=sorted({share, *others})), "locust": locust_history([samples])}
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
        (found,) = judged(folder / name, f"request.total p{share * 100:g} < 1h").judged
        assert found.low is not None
        slack = 1e-7 * own + 1e-9
        assert found.low - slack <= own
        assert found.high is None or own <= found.high + slack


CLOSE = (0.90, 0.91, 0.92, 0.93, 0.935, 0.94, 0.95, 0.96, 0.965, 0.97, 0.98)


@pytest.mark.parametrize(
    ("tool", "changes"), [("k6_summary", {}), ("k6_summary", {"shares": CLOSE}), ("locust", {})], ids=str
)
def test_the_bracket_holds_the_truth_as_often_as_it_says(tool: str, changes: dict[str, Any], tmp_path: Path) -> None:
    """The true p95 of independent samples lies outside less often than one time in ten; here in 100 files."""
    true, outside = 0.1 * float(np.exp(0.2 * 1.6448536)), 0
    for seed in range(100):
        file = written(tmp_path, tool, steady(0.1, 1, 600, seed), **changes)
        (found,) = judged(file, "request.total p95 < 1h").judged
        assert found.low is not None
        outside += not (found.low <= true and (found.high is None or true <= found.high))
    assert outside <= 10


def percentiles(*shares: float, samples: int = 10_000) -> Percentiles:
    return Percentiles(samples, tuple(Point(share, *[share] * 3) for share in shares), "do_locust")


def test_the_ends_are_the_reported_neighbours_of_wilsons_interval() -> None:
    """p95 of 10,000 is 94.6 to 95.4 %."""
    assert bracketed(percentiles(0.5, 0.9, 0.95, 0.98, 1.0), 0.95, 1.645)[:3] == (0.95, 0.9, 0.98)
    assert bracketed(percentiles(0.946, 0.95, 0.954), 0.95, 1.645)[:3] == (0.95, 0.946, 0.954)
    assert bracketed(percentiles(0.947, 0.95, 0.953), 0.95, 1.645)[:3] == (0.95, 0.0, np.inf), "none is outside"
    assert bracketed(percentiles(0.95, 1.0), 0.95, 1.645)[:3] == (0.95, 0.0, 1.0), "the largest sample ends it"


COUNTED = """
from locust.stats import PERCENTILES_TO_REPORT, bucket_response_time, calculate_response_time_percentile
print([bucket_response_time(value / 7) for value in range(1, 200_000, 37)])
buckets = {value: 1 + value % 5 for value in range(10, 400, 10)}
count = sum(buckets.values())
print([calculate_response_time_percentile(buckets, count, share) for share in PERCENTILES_TO_REPORT])
"""


def test_locust_rounds_and_ranks_as_these_tests_think() -> None:
    done = subprocess.run([sys.executable, "-c", COUNTED], capture_output=True, text=True, check=True)
    rounded, ranked = (json.loads(line) for line in done.stdout.splitlines()[-2:])
    assert rounded == [bucket(value / 7) for value in range(1, 200_000, 37)]
    buckets = {value: 1 + value % 5 for value in range(10, 400, 10)}
    shares = (0.50, 0.66, 0.75, 0.80, 0.90, 0.95, 0.98, 0.99, 0.999, 0.9999, 1.0)
    assert ranked == [locust_percentile(buckets, sum(buckets.values()), share) for share in shares]


def test_k6_weighs_the_samples_next_to_a_rank() -> None:
    """The recorded summary is of these three requests."""
    trend = json.loads((SAMPLES / "k6_summary_export.json").read_text(encoding="utf-8"))["metrics"]["http_req_duration"]
    for share, name in ((0.5, "med"), (0.9, "p(90)"), (0.95, "p(95)")):
        assert k6_percentile([3.5, 12.25, 203.625], share) == pytest.approx(trend[name])


PAGE = Path(__file__).parents[2] / "docs" / "foreign-results.md"
SHOWN = {
    "`request.total` with `pNN`": ["request.total p95 < 1s"],
    "`request.total` with `min`, `max`": ["request.total max < 1s", "request.total min > 1ms"],
    "`request.total mean`": ["request.total mean < 1s"],
    "`request.ttfb`": ["request.ttfb p95 < 1s"],
    "`error_rate`, `request.rate`": ["error_rate < 1%", "request.rate > 1/s"],
    "`segment` and `playlist` metrics": ["segment.total p95 < 1s", "segment.rate > 1/s", "segment.error_rate < 1%"],
    "`egress`": ["egress > 1Mbps"],
    "`for`, `over`": ["error_rate < 1% for 5s", "request.rate < 1000/s over 5s"],
    "`baseline`": ["request.rate > baseline - 50%"],
    "players, viewers, the generator, caches, `master`, `init`": [
        "stalls < 1/s",
        "generator.late < 1/s",
        "joins > 1/s",
    ],
    "`in`, `per`, `cohort`, `during`": ["error_rate < 1% in id", "error_rate < 1% per cohort"],
}
COLUMNS = {"k6": 1, "k6_summary": 2, "jmeter": 3, "locust": 4}


@pytest.mark.parametrize("tool", ALL)
def test_the_page_says_what_the_gate_does(tool: str, tmp_path: Path) -> None:
    file, said = written(tmp_path, tool, FAST), {row[0]: row[COLUMNS[tool]] for row in rows(PAGE) if row[0] in SHOWN}
    assert said.keys() == SHOWN.keys()
    for name, budgets in SHOWN.items():
        for budget in budgets:
            found = "exit code 2"
            with suppress(InputError):
                found = judged(file, budget, [file] if "baseline" in budget else []).state
            assert found == ("PASS" if said[name] not in ("INVALID", "exit code 2") else said[name]), (name, budget)
