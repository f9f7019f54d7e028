"""``surgecast search`` from end to end: the point it finds on the staged origin is where the stage was made to end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from loadtests.run import read_run
from loadtests.scenario import read_scenario
from loadtests.staging.media import load
from surgecast.searching import peak_of, scaled
from tests.real.processes import Started, fresh_port, surgecast
from tests.real.scenarios import plan, write

GATE = ["segment.total p90 < 1s during peak", "error_rate < 5% during peak"]
EGRESS = 24e6


def staged(folder: Path, **changes: object) -> Path:
    port = fresh_port()
    surge = {"shape": "ramp", "baseline": 20, "peak": 40, "ramp": "4s", "hold": "14s", "fall": "1s"}
    data = plan(
        f"http://stage.surgecast.test:{port}/live/master.m3u8",
        target={"resolve": [f"stage.surgecast.test:{port}:127.0.0.1"]},
        surge=surge | {"warm_up": "2s", "quiet": "2s"},
        staging={"egress": f"{EGRESS:.0f}bps"},
        gate=GATE,
        **changes,
    )
    return write(folder, data)


def mean_bitrate(scenario: Path) -> float:
    rates = sorted(float(one.average_bitrate) for one in load()[0].renditions)
    steps = {"lowest": rates[0], "middle": rates[len(rates) // 2], "highest": rates[-1]}
    return sum(
        audience.share * cohort.share * share * steps[step]
        for audience in read_scenario(scenario).regions.values()
        for cohort in audience.cohorts.values()
        for step, share in cohort.renditions.items()
    )


@pytest.mark.slow
def test_the_point_found_is_where_the_stage_runs_out_of_egress(tmp_path: Path) -> None:
    scenario, out = staged(tmp_path), tmp_path / "found"
    words = ("search", scenario, "--levels", "40..400", "--resolution", "0.3", "--out", out)
    with Started(surgecast(*words), tmp_path) as search:
        code = search.wait(480)
        assert code == 0, search.stderr
        table = search.stdout
    found = json.loads((out / "search.json").read_text(encoding="utf-8"))
    full = EGRESS / mean_bitrate(scenario)
    """Viewers that the egress is enough for, once they watch."""
    assert found["found"]["state"] == "found"
    assert found["found"]["held"] <= 1.25 * full
    assert found["found"]["broke"] >= 0.5 * full
    assert f"between {found['found']['held']:,} viewers" in table
    for one in found["tried"]:
        run = read_run(out / one["run"])
        assert run.footer is not None
        assert run.footer.complete
        assert round(peak_of(run.header.scenario)) == one["level"]
        assert (out / one["run"] / "verdict.json").is_file()


def test_nothing_is_searched_on_a_target_that_nobody_claims(tmp_path: Path) -> None:
    scenario = write(tmp_path, plan("http://localhost:9/x.m3u8", target={"owner": ""}, gate=GATE))
    with Started(surgecast("search", scenario, "--out", tmp_path / "out"), tmp_path) as search:
        assert search.wait(60) == 2
        assert "nobody claims the target" in search.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--levels", "many"), "--levels: expected FIRST..MOST viewers, found 'many'"),
        (("--levels", "9..5"), "--levels: expected FIRST..MOST viewers, found '9..5'"),
        (("--levels", "0..5"), "--levels: expected FIRST..MOST viewers, found '0..5'"),
        (("--within", "90"), "expected one of the units"),
    ],
)
def test_bad_words_are_refused(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    scenario = write(tmp_path, plan("http://localhost:9/x.m3u8", gate=GATE))
    with Started(surgecast("search", scenario, "--out", tmp_path / "out", *words), tmp_path) as search:
        assert search.wait(60) == 2
        assert message in search.stderr


def test_without_budgets_there_is_nothing_to_break(tmp_path: Path) -> None:
    scenario = write(tmp_path, plan("http://localhost:9/x.m3u8"))
    with Started(surgecast("search", scenario, "--out", tmp_path / "out"), tmp_path) as search:
        assert search.wait(60) == 2
        assert "no budgets under 'gate:'" in search.stderr


def test_a_level_scales_the_whole_surge_and_brings_other_people(tmp_path: Path) -> None:
    scenario = read_scenario(staged(tmp_path))
    peak = peak_of(scenario)
    third = scaled(scenario, peak, 10, 3)
    assert peak == 40
    assert peak_of(third) == pytest.approx(10)
    assert third.seed == scenario.seed + 2
    assert third.surge.phases() == scenario.surge.phases()
