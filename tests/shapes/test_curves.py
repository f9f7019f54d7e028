"""Curves from CSV files and presets, as scenarios name them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from loadtests.errors import InputError
from loadtests.flow import planned
from loadtests.scenario import BUNDLED, Scenario, read_scenario
from loadtests.shapes.replay import Replay
from loadtests.shapes.scale import Scale
from loadtests.surge import LARGEST, load_preset, preset_names, read_curve

CURVE = "time,viewers\n0,100\n60,900\n300,200\n"


def scenario(folder: Path, surge: object) -> Path:
    data: dict[str, Any] = read_scenario(BUNDLED).model_dump(mode="json")
    data["surge"], data["gate"] = surge, []
    folder.mkdir(exist_ok=True)
    place = folder / "mine.yaml"
    place.write_text(yaml.safe_dump(data), encoding="utf-8")
    return place


def refused(folder: Path, surge: object) -> str:
    with pytest.raises(InputError) as caught:
        read_scenario(scenario(folder, surge))
    assert caught.value.exit_code == 2
    assert caught.value.hint
    return caught.value.message


def test_a_curve_lies_beside_its_scenario_and_stands_in_the_run(tmp_path: Path) -> None:
    (tmp_path / "curve.csv").write_text(CURVE, encoding="utf-8")
    plan = read_scenario(scenario(tmp_path, {"shape": "replay", "file": "curve.csv"}))
    assert isinstance(plan.surge, Replay)
    assert list(plan.surge.points) == [(0, 100), (60, 900), (300, 200)]
    assert plan.surge.viewers(30) == 500
    (tmp_path / "curve.csv").unlink()
    assert Scenario.model_validate(plan.model_dump(mode="json")) == plan
    again = tmp_path / "again.yaml"
    again.write_text(yaml.safe_dump(plan.model_dump(mode="json")), encoding="utf-8")
    assert read_scenario(again) == plan


def test_a_curve_of_arrivals_within_other_shapes(tmp_path: Path) -> None:
    text = "\ufeffTime, Arrivals\n\n1764000000,1\n1764000100,3\n1764000200,0\n"
    (tmp_path / "rates.csv").write_text(text, encoding="utf-8")
    raid = {"shape": "raid", "baseline": 10, "peak": 50}
    surge = {"shape": "sum", "parts": [raid, {"shape": "scale", "of": {"shape": "replay", "file": "rates.csv"}}]}
    plan = read_scenario(scenario(tmp_path, surge))
    assert plan.surge.arrivals(50) == 2
    assert planned(plan)(100) > plan.surge.viewers(100) > 0


ROWS: list[tuple[str, str]] = [
    ("", ":1: expected the columns time,viewers or time,arrivals, found ''"),
    ("time;viewers\n0;5\n", ":1: expected the columns time,viewers or time,arrivals, found 'time;viewers'"),
    ("viewers,time\n5,0\n", ":1: expected the columns"),
    ("0,5\n60,5\n", ":1: expected the columns"),
    ("time,viewers\n", ": expected two rows or more below the columns, found 0"),
    ("time,viewers\n0,5\n", ": expected two rows or more below the columns, found 1"),
    ("time,viewers\n0,5\n60,5\n\n50,5\n", ":5: times must rise, found 50 after 60"),
    ("time,viewers\n0,5\n0,6\n", ":3: times must rise, found 0 after 0"),
    ("time,viewers\n0,5\n60,-5\n", ":3: viewers cannot be negative, found -5"),
    ("time,arrivals\n0,5\n60,-5\n", ":3: arrivals cannot be negative, found -5"),
    ("time,viewers\n0,5\n60,many\n", ":3: expected two numbers, found '60,many'"),
    ("time,viewers\n0,5\n60\n", ":3: expected two numbers, found '60'"),
    ("time,viewers\n0,5\n60,5,5\n", ":3: expected two numbers, found '60,5,5'"),
    ("time,viewers\n0,5\n60,nan\n", ":3: expected two finite numbers, found '60,nan'"),
    ("time,viewers\n0,5\ninf,5\n", ":3: expected two finite numbers, found 'inf,5'"),
    ("time,viewers\n" + "0" * LARGEST, ": expected at most 1,048,576 bytes, found 1,048,589 bytes"),
    ("time,viewers\n0,0\n600,0\n", "surge.points: nobody comes: all viewers are zero"),
    ("time,viewers\n0,5\n30,5\n", "surge: the curve lasts 30 s, expected more than warm_up and quiet together (40 s)"),
]


@pytest.mark.parametrize(("text", "message"), ROWS)
def test_a_file_that_is_no_curve_is_refused_with_its_line(text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "curve.csv").write_text(text, encoding="utf-8")
    found = refused(tmp_path, {"shape": "replay", "file": "curve.csv"})
    assert message in found
    assert "curve.csv" in found or "mine.yaml" in found


def test_a_missing_file_a_folder_and_bytes_are_refused(tmp_path: Path) -> None:
    assert "none.csv: cannot be read" in refused(tmp_path, {"shape": "replay", "file": "none.csv"})
    assert "cannot be read" in refused(tmp_path, {"shape": "replay", "file": "."})
    (tmp_path / "bytes.csv").write_bytes(b"time,viewers\n\xff,\xfe\n")
    assert "bytes.csv: cannot be read" in refused(tmp_path, {"shape": "replay", "file": "bytes.csv"})


def test_a_file_of_the_other_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "curve.csv").write_text(CURVE, encoding="utf-8")
    surge = {"shape": "replay", "file": "curve.csv", "column": "arrivals"}
    assert "the scenario asks for 'arrivals', the file has 'viewers'" in refused(tmp_path, surge)


def test_a_surge_within_itself_is_refused(tmp_path: Path) -> None:
    place = scenario(tmp_path, {})
    text = place.read_text(encoding="utf-8").replace("surge: {}", "surge: &again {shape: scale, of: *again}")
    place.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match="shapes nest deeper than 16"):
        read_scenario(place)


def test_a_mistake_in_a_part_is_told_with_its_place(tmp_path: Path) -> None:
    surge = {"shape": "scale", "of": {"shape": "ramp", "baseline": -5, "peak": 10}}
    assert "surge.of.baseline: Input should be greater than or equal to 0" in refused(tmp_path, surge)


def test_columns_and_points_come_as_they_are(tmp_path: Path) -> None:
    file = tmp_path / "curve.csv"
    file.write_text(CURVE, encoding="utf-8")
    assert read_curve(file) == ("viewers", [(0, 100), (60, 900), (300, 200)])


# -- presets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_says_where_it_is_from_and_is_resolved_in_the_run(name: str, tmp_path: Path) -> None:
    preset = load_preset(name)
    assert preset.name == name
    assert len(preset.source) > 20
    assert preset.as_of.startswith("20")
    assert preset.summary.en
    assert preset.summary.zh
    plan = read_scenario(scenario(tmp_path, {"preset": name, "peak": 3000}))
    assert isinstance(plan.surge, Scale)
    assert plan.model_dump(mode="json")["surge"]["of"]["shape"] != "scale"
    assert Scenario.model_validate(plan.model_dump(mode="json")) == plan


@pytest.mark.parametrize("name", set(preset_names()) - {"push_stampede"})
def test_the_peak_asked_for_is_reached(name: str) -> None:
    shape = load_preset(name).at(3000)
    assert max(shape.viewers(at / 2) for at in range(int(2 * shape.duration))) == pytest.approx(3000)


def test_hotstar_grows_by_its_million_a_minute() -> None:
    preset = load_preset("hotstar_2019")
    whole = preset.at(preset.peak)
    steepest = max(whole.viewers(at + 60.0) - whole.viewers(float(at)) for at in range(181, int(whole.duration) - 800))
    assert steepest == pytest.approx(1.1e6, rel=0.03)


def test_the_recipe_of_aws_is_steps_then_half_in_a_minute_then_a_hold() -> None:
    shape = load_preset("aws_mediatailor").at(1000)
    steps = [shape.viewers(at) for at in (300.0, 500.0, 800.0, 1100.0, 1400.0)]
    assert steps == pytest.approx([100, 200, 300, 400, 500])
    assert (shape.viewers(1559.0), shape.viewers(1621.0)) == pytest.approx((500, 1000))
    assert shape.viewers(1621.0 + 1790) == pytest.approx(1000)


def test_a_preset_can_be_played_faster(tmp_path: Path) -> None:
    plan = read_scenario(scenario(tmp_path, {"preset": "goal", "peak": 300, "time_by": 0.1}))
    assert plan.surge.duration == pytest.approx(load_preset("goal").surge.duration / 10)
