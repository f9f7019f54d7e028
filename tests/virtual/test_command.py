"""`surgecast simulate` as its user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from advisor.advising import advise
from advisor.gate import judge, read_tally
from advisor.measured.measure import measure
from loadtests.budgets import read_page
from loadtests.errors import InputError
from loadtests.run import read_run
from loadtests.scenario import Scenario
from surgecast.cli import surgecast
from surgecast.simulating import SimulateOptions, nodes_of, sized, weight_of
from tests.virtual.worlds import scenario


def typed(*words: object) -> Result:
    return CliRunner().invoke(surgecast, ["simulate", *map(str, words)])


def written(folder: Path, one: Scenario) -> Path:
    file = folder / "plan.yaml"
    file.write_text(yaml.safe_dump(one.model_dump(mode="json")), encoding="utf-8")
    return file


def test_a_simulation_is_advised_on_and_judged_as_one(tmp_path: Path) -> None:
    plan = written(tmp_path, scenario(400))
    done = typed(plan, "--nodes", 2, "--egress", "30Mbps", "--out", tmp_path / "run")
    assert done.exit_code == 0, done.output
    assert "Simulated, not measured" in done.stdout
    run = read_run(tmp_path / "run")
    advice = advise([run], {"id": 4000, "in": 2000, "br": 1000})
    assert advice.warnings[0].key == "warn_simulated"
    budgets = read_page("budgets", "- error_rate < 0.5% during ramp+peak")
    gate = judge(read_tally([str(tmp_path / "run")], frozenset({"request.error_rate"})), budgets)
    assert [remark.key for remark in gate.remarks] == ["remark_simulated"]
    told = json.loads((tmp_path / "run" / "simulation.json").read_text(encoding="utf-8"))
    assert told["weight"] == 3
    assert told["phases"][-1]["phase"] == "recovery"


def test_a_verdict_counts_each_simulated_sample_once(tmp_path: Path) -> None:
    plan = written(tmp_path, scenario(400))
    samples = []
    for weight in (1, 8):
        out = tmp_path / str(weight)
        assert typed(plan, "--weight", weight, "--out", out).exit_code == 0
        budgets = read_page("budgets", "- segment.total p95 < 1s during peak")
        (judged,) = judge(read_tally([str(out)], frozenset({"segment.total"})), budgets).judged
        samples.append(judged.samples)
    assert samples[1] == pytest.approx(samples[0] / 8, rel=0.2)


def test_a_simulation_is_never_pooled_with_a_measurement(tmp_path: Path) -> None:
    plan = written(tmp_path, scenario(200))
    assert typed(plan, "--out", tmp_path / "run").exit_code == 0
    one = read_run(tmp_path / "run")
    real = one.__class__(
        one.header.model_copy(update={"simulated": None}), one.windows, one.generators, one.notes, one.footer
    )
    with pytest.raises(InputError, match="one was measured, the other simulated"):
        measure([one, real])


def test_the_error_against_a_run_of_itself_is_none(tmp_path: Path) -> None:
    plan = written(tmp_path, scenario(200))
    assert typed(plan, "--weight", 1, "--out", tmp_path / "run").exit_code == 0
    text = (tmp_path / "run" / "run.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    head = json.loads(text[0]) | {"simulated": None}
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "run.jsonl").write_text("".join([json.dumps(head) + "\n", *text[1:]]), encoding="utf-8")
    done = typed(plan, "--against", tmp_path / "real", "--out", tmp_path / "again")
    assert done.exit_code == 0, done.output
    told = json.loads((tmp_path / "again" / "simulation.json").read_text(encoding="utf-8"))["against"]
    assert [figure["error"] for figure in told["figures"]] == [0.0] * 4
    slower = typed(plan, "--egress", "5Mbps", "--against", tmp_path / "real", "--out", tmp_path / "slow")
    assert slower.exit_code == 99
    assert "too far off" in slower.stdout


def test_the_audience_sets_sizes_and_shares() -> None:
    asked = sized(scenario(200), SimulateOptions(audience="id=600,in=300,br=100"))
    assert max(asked.surge.viewers(at + 0.5) for at in range(55)) == pytest.approx(1000, rel=0.01)
    assert asked.regions["id"].share == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--weight", "0"), "--weight: expected a number from 1 on, or auto"),
        (("--weight", "999"), "the peak has 200 viewers"),
        (("--nodes", "none"), "--nodes: expected a number of nodes"),
        (("--nodes", "id=2"), "--nodes: expected every region"),
        (("--audience", "id=5"), "--audience: expected every region"),
        (("--viewers", "5", "--audience", "id=5"), "--viewers and --audience are both given"),
        (("--against", "nowhere"), "no run here"),
    ],
)
def test_bad_input_is_told_before_anything_is_simulated(words: tuple[str, ...], told: str, tmp_path: Path) -> None:
    out = tmp_path / "run"
    done = typed(written(tmp_path, scenario(200)), *words, "--out", out)
    assert isinstance(done.exception, InputError)
    assert told in str(done.exception)
    assert not out.exists()


def test_weights_and_nodes_are_read() -> None:
    assert weight_of("auto", 10_000) == 67
    assert weight_of("auto", 1_000_000) == 667
    assert weight_of("auto", 100) == 1
    assert nodes_of(scenario(200), "") == {"*": 2}
    assert nodes_of(scenario(200), "id=3,in=2,br=1") == {"id": 3, "in": 2, "br": 1}
