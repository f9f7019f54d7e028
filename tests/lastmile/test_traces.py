"""Recorded last miles: read to the bit, replayed from a place of the viewer's own, and refused with their line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from loadtests.errors import InputError
from loadtests.lastmile import LastMiles, deliver
from loadtests.results import Header
from loadtests.scenario import BUNDLED, Scenario, read_scenario
from loadtests.traces import LARGEST_FILE, Trace, read_trace
from tests.contract.lines import a_header
from tests.lastmile.scenes import person, scene

PERIODS = [
    {"duration_ms": 1500, "bandwidth_kbps": 2000, "latency_ms": 20},
    {"duration_ms": 500, "bandwidth_kbps": 0, "latency_ms": 20},
    {"duration_ms": 1000, "bandwidth_kbps": 5000.4, "latency_ms": 20},
]


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text, encoding="utf-8")
    return file


def test_sabre_periods_become_seconds(tmp_path: Path) -> None:
    trace = read_trace(written(tmp_path, "bus.json", json.dumps(PERIODS)))
    assert trace == Trace(name="bus.json", kbps=(2000, 1000, 5000))
    assert trace.mean == pytest.approx(8e6 / 3)


def test_mahimahi_packets_become_seconds(tmp_path: Path) -> None:
    """1500 bytes each: three in the first second, none in the second, one in the third; the last stamp ends it."""
    assert read_trace(written(tmp_path, "att.down", "0\n500\n1000\n3000\n")).kbps == (36, 0, 12)


def test_csv_rows_hold_until_the_next(tmp_path: Path) -> None:
    text = "seconds,Mbps\n10,4\n12,1\n12.5,3\n"
    assert read_trace(written(tmp_path, "walk.csv", text)).kbps == (4000, 4000, 2000)
    assert read_trace(written(tmp_path, "walk2.csv", "seconds, bps\r\n0,4000\r\n1,2000\r\n")).kbps == (4, 2)


def test_a_last_part_of_a_second_stands_for_the_whole(tmp_path: Path) -> None:
    short = [{"duration_ms": 1250, "bandwidth_kbps": 800}]
    assert read_trace(written(tmp_path, "short.json", json.dumps(short))).kbps == (800, 800)


@given(lengths=st.lists(st.integers(1, 4000), min_size=1, max_size=30), speeds=st.data())
def test_the_bits_of_a_trace_of_whole_seconds_are_all_there(
    tmp_path_factory: pytest.TempPathFactory, lengths: list[int], speeds: st.DataObject
) -> None:
    lengths = [*lengths, 1000 - sum(lengths) % 1000]
    periods = [
        {"duration_ms": length, "bandwidth_kbps": speeds.draw(st.integers(1, 10**6)), "latency_ms": 0}
        for length in lengths
    ]
    trace = read_trace(written(tmp_path_factory.mktemp("t"), "x.json", json.dumps(periods)))
    bits = sum(period["duration_ms"] * period["bandwidth_kbps"] for period in periods) / 1e3
    assert len(trace.kbps) == sum(lengths) // 1000
    assert sum(trace.kbps) == pytest.approx(bits, abs=len(trace.kbps))


def test_a_replay_begins_where_the_seed_says_and_goes_round() -> None:
    kbps = tuple(range(100, 700))
    miles = LastMiles(scene(cohort={"trace": {"name": "x", "kbps": kbps}}, starts_at="2026-12-05T19:30:00+07:00"))
    offsets = set()
    for number in range(300):
        mile = miles.of(person(number))
        assert mile is not None
        delivery = deliver(mile)
        seen = [delivery.rate(second) for second in range(1200)]
        assert sum(seen) == pytest.approx(2 * sum(kbps) * 1e3)
        assert seen[:600] == seen[600:]
        assert mile.rate == pytest.approx(sum(kbps) / 600 * 1e3)
        assert delivery.round_trip(0) > mile.rtt
        offsets.add(seen[0])
    assert len(offsets) > 200


def planned(folder: Path, trace: object, **audience: object) -> Path:
    """A scenario file whose Indonesian cohort replays ``trace``."""
    data = read_scenario(BUNDLED).model_dump(mode="json")
    data["regions"]["id"] |= {"shaping": "full", "pop": "jakarta"} | audience
    data["regions"]["id"]["cohorts"]["mobile"]["trace"] = trace
    return written(folder, "plan.yaml", yaml.safe_dump(data))


def test_a_scenario_finds_its_trace_beside_it_and_the_run_file_holds_it(tmp_path: Path) -> None:
    (tmp_path / "traces").mkdir()
    written(tmp_path / "traces", "bus.json", json.dumps(PERIODS))
    scenario = read_scenario(planned(tmp_path, "traces/bus.json"))
    found = scenario.regions["id"].cohorts["mobile"].trace
    assert found == Trace(name="bus.json", kbps=(2000, 1000, 5000))
    assert Scenario.model_validate_json(scenario.model_dump_json()) == scenario
    header = a_header().model_copy(update={"scenario": scenario})
    assert Header.model_validate_json(header.model_dump_json()).scenario == scenario


def test_a_trace_that_nothing_would_replay_is_refused(tmp_path: Path) -> None:
    written(tmp_path, "bus.json", json.dumps(PERIODS))
    with pytest.raises(InputError, match=r"regions.id.cohorts.mobile.trace: regions.id.shaping is off"):
        read_scenario(planned(tmp_path, "bus.json", shaping=False))
    with pytest.raises(ValueError, match="a path can be followed only in a scenario that is a file"):
        scene(cohort={"trace": "bus.json"})


NESTED = "[" * 100_000
BAD = [
    ("a.json", "[1,\n2,,]", r"a.json:2: not JSON: Expecting value"),
    ("a.json", NESTED, r"a.json: not JSON: "),
    ("a.json", "{}", r"expected a list of periods as Sabre has it, found {}"),
    ("a.json", "[]", r"expected a list of periods"),
    (
        "a.json",
        '[{"duration_ms": 1, "bandwidth_kbps": 2}, 7]',
        r"period 2 of 2: expected duration_ms above 0 .* found 7",
    ),
    ("a.json", '[{"duration_ms": 0, "bandwidth_kbps": 2}]', r"period 1 of 1"),
    ("a.json", '[{"duration_ms": 1, "bandwidth_kbps": -2}]', r"period 1 of 1"),
    ("a.json", '[{"duration_ms": 1, "bandwidth_kbps": NaN}]', r"period 1 of 1"),
    ("a.json", '[{"duration_ms": 1, "bandwidth_kbps": true}]', r"period 1 of 1"),
    ("a.json", '[{"duration_ms": 1, "bandwidth_kbps": 1e12}]', r"period 1 of 1"),
    ("a.json", '[{"duration_ms": 1e300, "bandwidth_kbps": 1}]', r"expected at most 7200 seconds"),
    ("a.json", '[{"duration_ms": 5000, "bandwidth_kbps": 0}]', r"nothing ever comes in this trace"),
    ("a.down", "1\n2\n1\n", r"a.down:3: expected a time in whole milliseconds, from 2 to 7200000, found '1'"),
    ("a.down", "1\n2.5\n", r"a.down:2: .* found '2.5'"),
    ("a.down", "1\n" + "9" * 5000, r"a.down:2: .* found '9{10}"),
    ("a.down", "1\n٣\n", r"a.down:2: "),
    ("a.down", "\n\n", r"no time above 0 in it"),
    ("a.csv", "", r"a.csv: is empty"),
    ("a.csv", "0,4\n1,5\n", r"a.csv:1: expected a head such as 'seconds,Mbps' .*found '0,4'"),
    ("a.csv", "seconds,furlongs\n", r"a.csv:1: expected a head"),
    ("a.csv", "seconds,Mbps\n0,4\n", r"expected at least two rows, found 1"),
    ("a.csv", "seconds,Mbps\n0,4\n0,5\n", r"a.csv:3: expected a time above 0 .* found '0,5'"),
    ("a.csv", "seconds,Mbps\n0,4\n1,-5\n", r"a.csv:3: "),
    ("a.csv", "seconds,Mbps\n0,4\n1,inf\n", r"a.csv:3: "),
    ("a.csv", "seconds,Mbps\n0,4,4\n", r"a.csv:2: "),
    ("a.csv", "seconds,Mbps\n0,0\n1,0\n", r"nothing ever comes"),
]


@pytest.mark.parametrize(("name", "text", "message"), BAD)
def test_a_bad_trace_is_refused_with_its_line(name: str, text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as caught:
        read_trace(written(tmp_path, name, text))
    assert caught.value.exit_code == 2
    assert len(str(caught.value)) < 400


def test_a_file_that_cannot_be_or_is_too_large_is_not_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.csv: no such file"):
        read_trace(tmp_path / "none.csv")
    with pytest.raises(InputError, match=r"no such file"):
        read_trace(tmp_path)
    (tmp_path / "raw.down").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"raw.down: cannot be read: "):
        read_trace(tmp_path / "raw.down")
    with (tmp_path / "huge.down").open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    with pytest.raises(InputError, match=r"found 16777217 bytes, expected at most 16777216"):
        read_trace(tmp_path / "huge.down")


@given(text=st.text(max_size=200), ending=st.sampled_from(["json", "csv", "down"]))
def test_whatever_stands_in_a_trace_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, text: str, ending: str
) -> None:
    file = tmp_path_factory.mktemp("t") / f"x.{ending}"
    file.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        trace = read_trace(file)
    except InputError:
        return
    assert trace.mean > 0
