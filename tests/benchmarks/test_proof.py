"""The pure parts of the proof: clusters are what their seeds say, and only N held with N - 1 broken is right."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from advisor.interval import Interval
from benchmarks.proof import judged, shown
from benchmarks.proof.drawn import BAND, NODES, OVERLOAD, ROTATION, Drawn, draw
from benchmarks.proof.experiment import ratio_of
from benchmarks.proof.judged import Answer, Outcome, Ran, Record, Tally
from benchmarks.proof.load import BASELINE, COUNTED, OVER, START, Curve, counted_on, joining, scenario
from benchmarks.proof.nodes import Stage, declared, filled_by
from benchmarks.proof.rolling import GRACE, WINDOW, Rolling
from loadtests.arrivals import arrivals
from loadtests.errors import InputError
from loadtests.playlist import Media, parse
from loadtests.staging.clock import ORIGIN
from loadtests.staging.media import load

STAGE = Stage("http://stage.surgecast.test:8080/live/master.m3u8", "stage.surgecast.test:8080:127.0.0.1")


def ran(nodes: int, outcome: Outcome, why: str = "") -> Ran:
    return Ran(nodes=nodes, outcome=outcome, why=why, viewers=900, per_viewer=1.0, generator_cpu=0.3, attempts=1)


def record(number: int = 0, at_n: Outcome = "held", below: Outcome = "broke", **changes: Any) -> Record:
    whole = Record(
        drawn=draw(number, 1),
        audience=900,
        declared=3.5,
        rehearsal=ran(1, "broke"),
        answer=Answer(nodes=4, ratio=(3.3, 3.6, 3.9), binding="bandwidth"),
        enough=ran(4, at_n),
        too_few=ran(3, below),
    )
    return whole.model_copy(update=changes)


# -- the draw ---------------------------------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_cluster_and_another_gives_another() -> None:
    assert draw(3, 7) == draw(3, 7)
    assert len({draw(3, seed).model_dump_json() for seed in range(20)}) == 20


def test_any_twelve_clusters_cover_every_kind_and_every_resource() -> None:
    drawn = [draw(number, 1) for number in range(len(ROTATION))]
    assert len(drawn) >= 12
    assert {one.kind for one in drawn} == {"embedded", "nginx"}
    assert {one.binds for one in drawn} == {"egress", "requests", "cpu"}
    assert {one.segment for one in drawn} == {2, 4}
    assert {one.shaped for one in drawn} == {True, False}
    assert all(one.segment == 2 for one in drawn if one.kind == "embedded")


@pytest.mark.parametrize("seed", range(30))
def test_full_loads_are_drawn_where_n_can_be_told_from_its_neighbours(seed: int) -> None:
    for number in range(len(ROTATION)):
        drawn = draw(number, seed)
        assert BAND[0] - 0.001 <= drawn.ratio % 1 <= BAND[1] + 0.001
        assert int(drawn.ratio) + 1 in NODES
        assert drawn.rehearsed in (1, 2)
        assert drawn.rehearsed * OVERLOAD < 0.9 * drawn.ratio


def test_what_a_node_declares_is_filled_by_as_many_viewers_as_were_drawn() -> None:
    for number in range(len(ROTATION)):
        drawn = draw(number, 5)
        node = declared(drawn)
        if drawn.binds == "cpu":
            assert node.quota == drawn.quota > 0
            continue
        assert filled_by(drawn, node) == pytest.approx(drawn.fill, rel=0.01)


# -- the load ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("segment", [2, 4])
def test_the_ramp_asks_for_no_more_than_the_hold_does(segment: int) -> None:
    curve = Curve(1000, START[segment] * segment)
    end = curve.warm_up + curve.quiet + curve.ramp + curve.hold
    asked = [curve.viewers(at) + curve.tau * (curve.viewers(at + 1) - curve.viewers(at)) for at in range(int(end) - 1)]
    assert max(asked) <= 1000 * OVER
    assert curve.viewers(curve.warm_up + 6) == pytest.approx(1000 * BASELINE)
    assert curve.viewers(end - 30) == pytest.approx(1000)


def test_the_surge_of_a_scenario_is_the_curve() -> None:
    drawn = draw(0, 1)
    plan = scenario(drawn, STAGE, 3, Curve(800, joining(drawn)), 1)
    curve = Curve(800, joining(drawn))
    for at in range(int(plan.surge.duration)):
        assert plan.surge.viewers(at) == pytest.approx(curve.viewers(at), abs=30)


def test_as_many_viewers_come_as_the_audience_has_and_none_of_them_leaves() -> None:
    plan = counted_on(scenario(draw(0, 1), STAGE, 3, Curve(700, 6), 1), 700)
    viewers = list(arrivals(plan))
    assert len(viewers) == pytest.approx(700, rel=COUNTED)
    assert all(viewer.leave_at == plan.surge.duration for viewer in viewers)


@pytest.mark.parametrize("seconds", [2, 4])
def test_files_roll_on_as_a_live_stream_does(seconds: int, tmp_path: Path) -> None:
    start = ORIGIN + 1_000 * seconds + 0.5
    stream = Rolling(tmp_path, seconds)
    due = stream.write(start)
    assert due == ORIGIN + 1_001 * seconds
    for turn in range(1, 30):
        assert stream.write(start + turn * seconds) == due + turn * seconds
    text = (tmp_path / "live" / "mid" / "index.m3u8").read_text(encoding="ascii")
    playlist = parse(text, "http://stage/live/mid/index.m3u8")
    names = re.findall(r"^(\d+)\.ts$", text, re.MULTILINE)
    assert [int(name) for name in names] == list(range(1028 - WINDOW + 1, 1029))
    assert isinstance(playlist, Media)
    assert playlist.target_duration == seconds
    files = sorted(int(path.stem) for path in (tmp_path / "live" / "mid").glob("*.ts"))
    assert files == list(range(1028 - WINDOW - GRACE + 1, 1029))
    size = (tmp_path / "live" / "mid" / "1028.ts").stat().st_size
    mid = load()[0].renditions[1]
    expected = sum(mid.sizes) if seconds == 4 else mid.sizes[1028 % 2]
    assert size == expected


# -- the judgement ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at_n", "below", "state"),
    [
        ("held", "broke", "right"),
        ("broke", "broke", "wrong"),
        ("held", "held", "wrong"),
        ("broke", "held", "wrong"),
        ("invalid", "broke", "could not measure"),
        ("held", "invalid", "could not measure"),
    ],
)
def test_right_is_only_what_held_at_n_and_broke_below(at_n: Outcome, below: Outcome, state: str) -> None:
    assert record(at_n=at_n, below=below).state == state


def test_an_advisor_without_a_number_is_wrong_and_a_cluster_that_was_not_tried_is_neither() -> None:
    silent = Answer(nodes=None, ratio=None, binding="", why="budgets never held")
    assert record(answer=silent, enough=None, too_few=None).state == "wrong"
    assert record(rehearsal=ran(1, "invalid"), answer=None, enough=None, too_few=None).state == "could not measure"
    assert Record(drawn=draw(1, 1), skipped="needs root").state == "skipped"


def test_eleven_of_twelve_are_enough_and_what_was_not_measured_does_not_count() -> None:
    rights, wrong = [record(number) for number in range(11)], record(11, below="held")
    unmeasured = record(12, at_n="invalid")
    tally = Tally.of([*rights, wrong, unmeasured])
    assert (tally.right, tally.wrong, tally.unmeasured) == (11, 1, 1)
    assert tally.good
    assert not Tally.of([*rights[:10], wrong]).good
    assert not Tally.of([unmeasured]).good


def test_the_predicted_interval_takes_the_far_ends_of_both() -> None:
    demand = Interval(low=90, mid=100, high=110, coverage=0.9, samples=50)
    node = Interval(low=20, mid=25, high=30, coverage=0.9, samples=50)
    assert ratio_of(demand, node) == (3.0, 4.0, 5.5)
    assert record().inside
    assert not record(declared=4.0).inside


# -- resuming ---------------------------------------------------------------------------------------------------------


def test_an_interrupted_benchmark_goes_on_where_it_was(tmp_path: Path) -> None:
    place = tmp_path / "proof.jsonl"
    wanted = [draw(number, 1) for number in range(5)]
    records = [record(0), record(1, below="held"), record(2, at_n="invalid"), Record(drawn=draw(3, 1), skipped="no ip")]
    judged.write(place, records)
    assert judged.read(place) == records
    assert [one.number for one in judged.left(wanted, judged.read(place))] == [2, 3, 4]
    assert [one.number for one in judged.left([draw(n, 2) for n in range(2)], records)] == [0, 1]


def test_a_line_that_was_cut_is_tried_again_and_a_foreign_file_is_refused(tmp_path: Path) -> None:
    place = tmp_path / "proof.jsonl"
    assert judged.read(place) == []
    judged.write(place, [record(0), record(1)])
    place.write_text(place.read_text(encoding="utf-8")[:-40], encoding="utf-8")
    assert judged.read(place) == [record(0)]
    place.write_text("something else\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 1 is no record"):
        judged.read(place)


# -- the table --------------------------------------------------------------------------------------------------------


def test_the_table_shows_the_ratio_declared_beside_the_ratio_predicted() -> None:
    line = shown.markdown([record()]).splitlines()[-1]
    assert "| 3.50 | 3.60 (3.30–3.90) | 4 | held | broke | right |" in line
    assert "skipped: needs root" in shown.terminal([Record(drawn=draw(1, 1), skipped="needs root")])


def test_the_summary_says_what_was_left_out_and_misses_are_told() -> None:
    missed = record(1, below="held")
    text = shown.told([record(0), missed, Record(drawn=draw(2, 1), skipped="needs root")])
    assert "1 of 2 right on both sides" in text
    assert "1 skipped: needs root" in text
    assert "leaves out 55%" in text
    (line,) = shown.misses([record(0), missed])
    assert "cluster 1: wrong" in line
    assert "N−1: held" in line


def test_every_drawn_cluster_makes_a_scenario() -> None:
    for number in range(len(ROTATION)):
        drawn: Drawn = draw(number, 3)
        plan = scenario(drawn, STAGE, 2, Curve(400, joining(drawn)), 1)
        assert plan.target.nodes == 2
        assert (plan.regions[drawn.region].shaping == "full") is drawn.shaped
