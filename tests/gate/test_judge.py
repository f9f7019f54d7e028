"""Verdicts on runs whose truth is known."""

from __future__ import annotations

from pathlib import Path

import pytest

from loadtests.errors import InputError, RunError
from loadtests.results import Footer, Generator, Totals, Window
from loadtests.run import RUN_FILE
from tests.gate.simulated import Made, verdict, write_lines

STEADY = (0.1,) * 40
SLOW = "segment.total p95 < 200ms during peak"


@pytest.mark.parametrize(
    ("made", "budget", "state"),
    [
        (Made(), SLOW, "PASS"),
        (Made(latencies=(0.3,) * 40), SLOW, "FAIL"),
        (Made(latencies=(0.3,) * 40), "segment.total p95 < 200ms during warm_up", "INVALID"),  # one second: too few
        (Made(latencies=(0.1, 0.3) * 20), SLOW, "FAIL"),
        (Made(latencies=(0.1,) * 38 + (0.3,) * 2), SLOW, "INVALID"),  # five in a hundred: nobody can tell
        (Made(count=1), "segment.total p95 < 200ms during peak", "INVALID"),  # forty samples are no p95
        (Made(count=1), "segment.total p50 < 200ms during peak", "PASS"),
        (Made(), "segment.total mean < 150ms", "PASS"),
        (Made(latencies=(*STEADY[:-1], 9.0)), "segment.total max < 5s during peak", "FAIL"),
        (Made(), "segment.total min > 50ms", "PASS"),
        (Made(errors=(0,) * 40), "error_rate < 0.5%", "PASS"),
        (Made(errors=(2,) * 40), "error_rate < 1% during peak", "FAIL"),
        (Made(errors=(1,)), "error_rate < 0% during peak", "FAIL"),
        (Made(), "error_rate <= 0%", "PASS"),
        (Made(), "bitrate mean > 0.9Mbps", "PASS"),
        (Made(), "bitrate mean > 1.1Mbps", "FAIL"),
        (Made(), "request.rate > 90/s during peak", "PASS"),
        (Made(), "request.rate > 110/s during peak", "FAIL"),
        (Made(), "viewers min > 900 during peak", "PASS"),
        (Made(), "cache_hit > 95%", "INVALID"),  # no header said so
        (Made(), "generator.cpu max < 80%", "PASS"),
        (Made(busy=range(10, 12)), "generator.cpu max < 80%", "INVALID"),  # the generator's fault, not the target's
        # saturated seconds are cut while they are few
        (Made(latencies=(0.1,) * 8 + (0.9,) * 3 + (0.1,) * 29, busy=range(11, 14)), SLOW, "PASS"),
        (Made(latencies=(0.3,) * 40, busy=range(5, 25)), SLOW, "INVALID"),
        # viewers that were not there
        (Made(present=0.7), SLOW, "INVALID"),
        (Made(present=0.7, latencies=(0.3,) * 40), SLOW, "FAIL"),
        # runs that are not whole
        (Made(footer=False), SLOW, "INVALID"),
        (Made(ending="interrupted"), SLOW, "INVALID"),
        (Made(ending="worker_lost", workers=4, latencies=(0.3,) * 40), SLOW, "INVALID"),
        (Made(ending="run_time", stop=20), SLOW, "INVALID"),
        (Made(ending="aborted", stop=20), SLOW, "INVALID"),
        (Made(ending="aborted", stop=20, latencies=(0.3,) * 40), SLOW, "FAIL"),
        # without pause
        (Made(latencies=(0.1,) * 10 + (0.3,) * 9 + (0.1,) * 21), SLOW + " for 10s", "PASS"),
        (Made(latencies=(0.1,) * 10 + (0.3,) * 10 + (0.1,) * 20), SLOW + " for 10s", "FAIL"),
        (Made(latencies=(0.1,) * 10 + (0.3,) * 5 + (0.1,) + (0.3,) * 5 + (0.1,) * 19), SLOW + " for 10s", "PASS"),
        (Made(latencies=(0.1,) * 10 + (0.3,) * 12 + (0.1,) * 18, busy=range(18, 19)), SLOW + " for 10s", "PASS"),
        # in every window
        (Made(latencies=(0.1,) * 10 + (0.3,) * 10 + (0.1,) * 20), SLOW + " over 10s", "FAIL"),
        (Made(latencies=(0.1,) * 10 + (0.3,) * 10 + (0.1,) * 20), "segment.total mean < 400ms over 10s", "PASS"),
        (Made(), SLOW + " over 10s", "PASS"),
    ],
)
def test_a_verdict(made: Made, budget: str, state: str, tmp_path: Path) -> None:
    gate = verdict([made.write(tmp_path)], budget)
    (judged,) = gate.judged
    assert judged.state == state, judged.reason.text
    assert gate.exit_code == {"PASS": 0, "FAIL": 99, "INVALID": 3}[state]
    assert state != "INVALID" or judged.remedy is not None


def test_what_is_broken_outranks_what_cannot_be_told(tmp_path: Path) -> None:
    place = Made(latencies=(0.3,) * 40).write(tmp_path)
    gate = verdict([place], f"{SLOW}\ncache_hit > 95%\nsegment.total p95 < 1s")
    assert (gate.state, [one.state for one in gate.judged]) == ("FAIL", ["FAIL", "INVALID", "PASS"])


def test_each_region_is_judged_on_its_own(tmp_path: Path) -> None:
    place = Made(regions=("id", "in")).write(tmp_path)
    gate = verdict(
        [place], "segment.total p95 < 200ms per region\nsegment.total p95 < 1s in in\nstall_ratio < 1% per cohort"
    )
    assert [(one.region, one.cohort) for one in gate.judged] == [
        ("id", ""),
        ("in", ""),
        ("in", ""),
        ("", "fixed"),
        ("", "mobile"),
    ]
    assert gate.judged[0].samples == 100 * 41


def test_the_worst_second_and_the_ends_are_told(tmp_path: Path) -> None:
    made = Made(latencies=(0.1,) * 20 + (0.5,) + (0.1,) * 19)
    (judged,) = verdict([made.write(tmp_path)], SLOW).judged
    assert judged.worst is not None
    assert judged.worst.at == 23
    assert judged.worst.value == pytest.approx(0.5, rel=0.01)
    assert judged.low is not None
    assert judged.high is not None
    assert judged.value is not None
    assert judged.low <= judged.value <= judged.high
    assert len(judged.trace) == 40


def test_the_verdict_is_the_same_for_one_process_four_workers_and_several_files(tmp_path: Path) -> None:
    """A quarter of each window, four times: in one file, line by line, and in four files."""
    quarter = Made(latencies=tuple(0.1 + 0.02 * (at % 7) for at in range(40)), errors=(1, 0) * 20, present=0.25)
    header, *rest, last = quarter.lines()
    assert isinstance(last, Footer)
    windows = [line for line in rest if isinstance(line, Window)]
    health = [line for line in rest if isinstance(line, Generator)]
    whole_windows = [window.merge(window).merge(window.merge(window)) for window in windows]
    footer = last.model_copy(update={"totals": Totals.of(whole_windows)})
    budgets = "\n".join(
        (
            "segment.total p95 < 200ms",
            "error_rate < 0.5%",
            "error_rate < 0.1% for 2s",
            "segment.total mean < 200ms over 10s",
            "bitrate mean > 1Mbps",
            "viewers min > 900",
        )
    )
    one = write_lines(tmp_path / "one", [header, *whole_windows, *health, footer])
    shuffled = [window for part in range(4) for window in windows[part:] + windows[:part]]
    four = write_lines(tmp_path / "four", [header, *shuffled, *health, footer])
    parts = [write_lines(tmp_path / f"part{part}", [header, *windows, *health, last]) for part in range(4)]
    told = verdict([one], budgets).judged
    assert {judged.state for judged in told} >= {"PASS", "FAIL"}
    assert verdict([four], budgets).judged == told
    assert verdict(parts, budgets).judged == told


def test_files_of_different_runs_are_not_merged(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not parts of one run"):
        verdict([Made().write(tmp_path / "a"), Made(latencies=(0.1,) * 30).write(tmp_path / "b")], SLOW)


def test_a_budget_about_what_the_run_has_not_is_bad_input(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"b\.yaml:1: in: no region 'br'"):
        verdict([Made().write(tmp_path)], "stall_ratio < 1% in br")


@pytest.mark.parametrize(
    ("damage", "says"),
    [
        (lambda text: "", "empty"),
        (lambda text: text.replace('"line":"window"', '"line":"widow"', 1), "line 2"),
        (lambda text: text.replace('"at":3,', '"at":"x",', 1), "line"),
        (lambda text: text.replace('"at":3,', '"at":99999999,', 1), "expected 0 to 604,800 seconds"),
        (lambda text: text.replace('"at":3,', '"at":-3,', 1), "greater than or equal to 0"),
        (lambda text: text.replace('"count":100', '"count":99', 1), "add up"),
        (lambda text: "not json\n" + text, "line 1"),
        (lambda text: text.replace('"schema_version":1', '"schema_version":99', 1), "schema 99"),
    ],
)
def test_a_damaged_file_is_refused(damage: object, says: str, tmp_path: Path) -> None:
    file = tmp_path / RUN_FILE
    Made().write(tmp_path)
    file.write_text(damage(file.read_text(encoding="utf-8")), encoding="utf-8")  # type: ignore[operator]
    with pytest.raises(RunError, match=says):
        verdict([str(tmp_path)], SLOW)


def test_a_file_cut_in_its_last_line_is_not_whole(tmp_path: Path) -> None:
    file = tmp_path / RUN_FILE
    Made().write(tmp_path)
    file.write_text(file.read_text(encoding="utf-8")[:-20], encoding="utf-8")
    (judged,) = verdict([str(tmp_path)], SLOW).judged
    assert (judged.state, judged.reason.key) == ("INVALID", "incomplete")


# -- baselines ----------------------------------------------------------------------------------------------------

WORSE = "segment.total p95 < baseline + 10% during peak"


def around(level: float) -> tuple[float, ...]:
    return tuple(level * (1 + 0.02 * (at % 3 - 1)) for at in range(40))


@pytest.mark.parametrize(
    ("now", "before", "budget", "state"),
    [
        (0.1, [0.1], WORSE, "PASS"),
        (0.13, [0.1], WORSE, "FAIL"),
        (0.13, [0.1, 0.101, 0.099], WORSE, "FAIL"),
        (0.108, [0.1], "segment.total p95 < baseline + 5% during peak", "INVALID"),
        (0.05, [0.1], WORSE, "PASS"),
        (0.13, [0.1], "segment.total p95 < baseline + 10% or 60ms during peak", "PASS"),
        (0.13, [0.1], "segment.total p95 < baseline + 50% during peak", "PASS"),
        (0.13, [0.1, 0.16, 0.07], WORSE, "INVALID"),
        (0.1, [0.1], "request.rate > baseline - 5% during peak", "PASS"),
        (0.1, [], WORSE, "INVALID"),
    ],
)
def test_a_baseline(now: float, before: list[float], budget: str, state: str, tmp_path: Path) -> None:
    earlier = [Made(latencies=around(level)).write(tmp_path / f"{i}") for i, level in enumerate(before)]
    (judged,) = verdict([Made(latencies=around(now)).write(tmp_path / "now")], budget, earlier).judged
    assert judged.state == state, judged.reason.text
    assert (judged.compared is not None) == bool(before)


def test_a_baseline_that_is_no_good_or_of_another_scenario_is_told(tmp_path: Path) -> None:
    place = Made().write(tmp_path / "now")
    (judged,) = verdict([place], WORSE, [Made(busy=range(40)).write(tmp_path / "busy")]).judged
    assert (judged.state, judged.reason.key) == ("INVALID", "bad_baseline")
    with pytest.raises(InputError, match=r"scenario\.surge"):
        verdict([place], WORSE, [Made(latencies=(0.1,) * 30).write(tmp_path / "other")])
