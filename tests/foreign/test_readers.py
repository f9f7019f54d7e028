"""Other tools' files: what they say is read as it is, what they do not say is absent, and damage is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from advisor.compare.reading import read_outcomes
from advisor.compare.table import compare
from advisor.foreign import LONGEST_LINE, LONGEST_RUN, Outcomes, Source, kind_of, readers
from advisor.foreign.jmeter import Jmeter
from advisor.foreign.k6 import K6
from advisor.foreign.locust import Locust
from loadtests.errors import RunError

SAMPLES = Path(__file__).parent / "samples"
FILES = sorted(path.name for path in SAMPLES.iterdir())


def read(name: str) -> Outcomes:
    return read_outcomes(str(SAMPLES / name))


def counts(outcomes: Outcomes, name: str) -> list[float]:
    values = {str(key): series for key, series in outcomes.whole.counts.items()}[name]
    return [float(value) for value in values]


SAMPLED = {"request_total": 2, "playlist_total": 1, "segment_total": 1}
SAMPLED |= {name.replace("total", "ttfb"): count for name, count in SAMPLED.items()}


def sample_count(outcomes: Outcomes) -> dict[str, int]:
    return {name: int(timings.unfolded().table.sum()) for name, timings in outcomes.whole.timings.items()}


@pytest.mark.parametrize("name", FILES)
def test_each_sample_is_known_by_its_content_to_one_reader_alone(name: str) -> None:
    head = Source(SAMPLES / name).head()
    assert [type(reader) for reader in readers() if reader.knows(head)] == [
        {"jmeter": Jmeter, "k6": K6, "locust": Locust}[name.partition(".")[0].partition("_")[0]]
    ]


def test_locust_counts_are_what_came_between_two_rows() -> None:
    found = read("locust_stats_history.csv")
    assert (found.tool, found.seconds) == ("locust", 35)
    assert counts(found, "requests")[:3] == [0, 8, 16]
    assert sum(counts(found, "requests")) == 544
    assert sum(counts(found, "failed")) == 19
    assert found.reported == {"request_p50": 0.024, "request_p95": 0.18, "request_p99": 0.19}
    assert found.whole.timings == {}
    assert found.started_at
    assert found.started_at.timestamp() == 1795399073


def test_locusts_full_history_has_no_percentile_of_the_whole() -> None:
    found = read("locust_full_stats_history.csv")
    assert found.reported == {}
    assert "foreign_locust_current" in found.remarks
    assert sum(counts(found, "requests")) == 32


def test_a_locust_history_that_starts_anew_is_counted_on(tmp_path: Path) -> None:
    lines = (SAMPLES / "locust_stats_history.csv").read_text().splitlines()
    again = lines[2].replace("1795399074", "1795399200")
    (tmp_path / "a.csv").write_text("\n".join([*lines, again]) + "\n")
    assert sum(counts(read_outcomes(str(tmp_path / "a.csv")), "requests")) == 544 + 8


def test_k6_samples_become_sketches_of_their_second() -> None:
    found = read("k6.json")
    assert (found.tool, found.seconds) == ("k6", 3)
    assert (counts(found, "requests"), counts(found, "failed")) == ([2, 0, 1], [0, 0, 1])
    assert (counts(found, "playlist_requests"), counts(found, "playlist_failed")) == ([1, 0, 1], [0, 0, 1])
    assert counts(found, "wire_bits") == [0, 0, 503211 * 8]
    assert sample_count(found) == SAMPLED
    assert found.reported == {}
    assert found.started_at
    assert found.started_at.isoformat() == "2026-11-23T00:00:00+00:00"


@pytest.mark.parametrize(("name", "more"), [("k6_summary_export.json", {}), ("k6_handle_summary.json", {"p99": 1})])
def test_a_k6_summary_is_carried_as_it_is_reported(name: str, more: dict[str, int]) -> None:
    found = read(name)
    assert (found.seconds, found.started_at, found.whole.counts) == (0, None, {})
    expected = {
        "requests": 1.4925,
        "wire": 2002845.6,
        "errors": 1 / 3,
        "request_p50": 0.01225,
        "request_p95": 0.1844875,
    }
    assert found.reported == pytest.approx(expected | ({"request_p99": 0.1997975} if more else {}))


@pytest.mark.parametrize("name", ["jmeter.csv", "jmeter.xml"])
def test_jmeter_says_the_same_as_csv_and_as_xml(name: str) -> None:
    found = read(name)
    assert (found.tool, found.seconds) == ("jmeter", 4)
    assert (counts(found, "requests"), counts(found, "failed")) == ([1, 1, 1, 1], [0, 0, 1, 1])
    assert counts(found, "wire_bits") == [812 * 8, 250312 * 8, 0, 0], "of a failure it is the error message"
    assert sample_count(found) == SAMPLED


@pytest.mark.parametrize("name", FILES)
def test_what_no_tool_but_ours_records_is_absent(name: str) -> None:
    found = read(name)
    assert not {"viewers", "stall_seconds", "joins", "cpu"} & set(found.whole.counts)
    assert not {"startup", "live_latency", "lag"} & set(found.whole.timings)
    assert (found.phases, found.traits, dict(found.invalid), list(found.series)) == ((), {}, {}, [""])
    assert found.remarks


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("http://a/live/index.m3u8?token=x.ts", "playlist"),
        ("https://a/x.MPD", "playlist"),
        ("http://a/720p-1.ts", "segment"),
        ("http://a/chunk.m4s#t", "segment"),
        ("http://a/init.mp4", None),
        ("Load the playlist", None),
        ("http://[bad/x.ts", None),
        ("", None),
    ],
)
def test_an_address_tells_the_kind_by_its_ending_alone(address: str, kind: str | None) -> None:
    assert kind_of(address) == kind


POINT = '{{"metric":"http_reqs","type":"Point","data":{{"time":"2026-11-23T00:00:{:02d}Z","value":1,"tags":{{}}}}}}\n'
K6_GOOD = POINT.format(0)
K6_YEARS = K6_GOOD.replace("http_reqs", "http_req_duration").replace('"value":1', '"value":1e300')
JTL = "timeStamp,elapsed,label,success,responseMessage\n"
XML = '<?xml version="1.0"?>\n<testResults version="1.2">\n'
HISTORY = "Timestamp,User Count,Type,Name,50%,Total Request Count,Total Failure Count\n"
BOMB = '<?xml version="1.0"?>\n<!DOCTYPE b [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>\n<testResults>&b;</testResults>\n'
OUTSIDE = '<?xml version="1.0"?>\n<!DOCTYPE t SYSTEM "file:///etc/hostname">\n<testResults/>\n'

BROKEN = {
    "k6 cut in the middle": (K6_GOOD + K6_GOOD[:60], "line 2: found {", "expected a k6 Point"),
    "k6 without a value": (K6_GOOD.replace('"value":1', '"v":1'), "line 1", "expected a k6 Point"),
    "k6 with a time that is none": (K6_GOOD.replace("2026-11-23T00:00:00Z", "noon"), "line 1", "expected a k6 Point"),
    "k6 with a value below zero": (K6_GOOD.replace('"value":1', '"value":-1'), "http_reqs -1.0", "zero or more"),
    "k6 with a request of years": (K6_YEARS, "http_req_duration 1e+300", "zero or more"),
    "k6 with a value without end": (K6_GOOD.replace('"value":1', '"value":Infinity'), "http_reqs inf", "zero or more"),
    "k6 without a request": (K6_GOOD.replace("http_reqs", "vus"), "found no HTTP request", "expected at least one"),
    "k6 over years": (K6_GOOD + K6_GOOD.replace("2026", "2027"), "requests over", f"expected at most {LONGEST_RUN:,}"),
    "k6 summary cut": ('{"metrics": {', "line 1", "expected a JSON summary of k6"),
    "k6 summary, deep": ('{"metrics":' + "[" * 100_000, "expected a JSON summary of k6", ""),
    "k6 summary of no requests": ('{"metrics": {}}', "found no metrics.http_reqs", "expected a summary"),
    "k6 summary, a list": ('{"metrics": {"http_reqs": []}}', "metrics.http_reqs []", "expected a mapping"),
    "k6 summary, a word": ('{"metrics": {"http_reqs": {"rate": "x"}}}', "metrics.http_reqs.rate 'x'", "a number"),
    "locust with a word": (HISTORY + "1,1,,Aggregated,9,x,0\n", "line 2: found Total Request Count 'x'", "a number"),
    "locust with a short row": (HISTORY + "1,1,,Aggregated\n", "line 2: found Total Request Count None", "a number"),
    "locust going back": (HISTORY + "9,1,,Aggregated,9,1,0\n3,1,,Aggregated,9,2,0\n", "line 3: found Timestamp 3", "9"),
    "locust without a row": (HISTORY, "found no HTTP request", "at least one"),
    "locust without a column": ("Timestamp,User Count,Total Request Count\n", "line 1: found no column 'Name'", ""),
    "jmeter with dates": (JTL + "2026/11/23 01:00:00,5,a,true,\n", "line 2: found timeStamp '2026", "a whole number"),
    "jmeter with a maybe": (JTL + "1795392000000,5,a,maybe,\n", "line 2: found success 'maybe'", "true or false"),
    "jmeter cut": (JTL + "1795392000000\n", "line 2: found elapsed ''", "a whole number"),
    "jmeter with a huge number": (JTL + "9" * 400 + ",5,a,true,\n", "line 2: found timeStamp '999", "a whole number"),
    "jmeter of the year 33658": (JTL + "999999999999999,5,a,true,\n", "found a first request at", "since 1970"),
    "jmeter without names": ("1795392000000,5,a,200,OK,t,text,true,1,1\n", "line 1: found '17953", "a surgecast run"),
    "jmeter xml cut": (XML + '<httpSample t="5" ts="1795392000000" s="true"/>\n', "line 4", "well-formed XML"),
    "jmeter xml without a time": (XML + '<httpSample s="true"/></testResults>\n', "line 3: found elapsed ''", "number"),
    "jmeter xml of nothing": (XML + "</testResults>\n", "found no HTTP request", "at least one"),
    "jmeter xml that grows": (BOMB, "line 2: found a DOCTYPE", "none"),
    "jmeter xml that reads files": (OUTSIDE, "line 2: found a DOCTYPE", "none"),
    "a line without end": (
        JTL + "1" * (LONGEST_LINE + 1),
        f"line 2: found a line of {LONGEST_LINE:,}",
        "a shorter one",
    ),
}


@pytest.mark.parametrize(("text", "found", "expected"), BROKEN.values(), ids=BROKEN.keys())
def test_damage_is_refused_with_its_place(text: str, found: str, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text(text)
    with pytest.raises(RunError) as caught:
        read_outcomes(str(file))
    message = str(caught.value)
    assert message.startswith(str(file))
    assert found in message
    assert expected in message
    assert (caught.value.exit_code, bool(caught.value.hint)) == (2, True)
    assert len(message) < 600


def test_a_file_that_is_too_large_is_refused_before_it_is_read(tmp_path: Path) -> None:
    file = tmp_path / "sparse.jtl"
    with file.open("w") as writer:
        writer.write(JTL)
        writer.truncate(17 * 2**30)
    with pytest.raises(RunError, match=r"found 18,253,611,008 bytes, expected at most"):
        read_outcomes(str(file))


HEADS = (HISTORY, JTL, XML, '{"metrics":', K6_GOOD, (SAMPLES / "jmeter.csv").read_text()[:400])
BITS = st.sampled_from(
    [
        "1795392000000",
        "5",
        "true",
        ",",
        '"',
        "\n",
        "\r",
        "\0",
        "Aggregated",
        "{",
        "}",
        "[",
        ":",
        "<httpSample",
        "/>",
        "t=",
    ]
)


@given(st.sampled_from(HEADS), st.lists(st.one_of(BITS, st.text(max_size=5)), max_size=30))
def test_nothing_that_follows_a_good_beginning_is_more_than_a_complaint(
    tmp_path_factory: pytest.TempPathFactory, head: str, rest: list[str]
) -> None:
    file = tmp_path_factory.mktemp("fuzz") / "file"
    file.write_text(head + "".join(rest), encoding="utf-8", errors="replace")
    try:
        found = read_outcomes(str(file))
    except RunError:
        return
    assert found.seconds <= LONGEST_RUN
    assert all(np.isfinite(values).all() for values in found.whole.counts.values())


def test_a_time_outside_the_counted_seconds_has_a_second_too(tmp_path: Path) -> None:
    early = K6_GOOD.replace("http_reqs", "http_req_duration")
    (tmp_path / "a.json").write_text(POINT.format(5) + early)
    found = read_outcomes(str(tmp_path / "a.json"))
    assert (found.seconds, sample_count(found)) == (6, {"request_total": 1})


@pytest.mark.parametrize("mark", [";", "\t"])
def test_a_jtl_may_be_parted_by_other_marks(mark: str, tmp_path: Path) -> None:
    text = (JTL + "1795392000000,5,http://a/x.ts,true,OK\n").replace(",", mark)
    (tmp_path / "a.jtl").write_text(text)
    found = read_outcomes(str(tmp_path / "a.jtl"))
    assert counts(found, "requests") == [1]
    assert "wire_bits" not in found.whole.counts, "no column, no figure"


def k6_lines(seconds: int, slow: float, seed: int) -> Iterator[str]:
    rng = np.random.default_rng(seed)
    for at in range(seconds):
        for _ in range(20):
            moment = f"2026-11-23T00:{at // 60:02d}:{at % 60:02d}Z"
            tags = {"expected_response": "true", "status": "200", "url": "http://a/live/1.ts"}
            for metric, value in (("http_reqs", 1.0), ("http_req_failed", 0.0)):
                yield json.dumps({"metric": metric, "type": "Point", "data": {"time": moment, "value": value}})
            data = {"time": moment, "value": slow * float(rng.lognormal(4, 0.4)), "tags": tags}
            yield json.dumps({"metric": "http_req_duration", "type": "Point", "data": data})


def test_two_k6_runs_are_compared_with_intervals(tmp_path: Path) -> None:
    files = [tmp_path / name for name in ("a.json", "b.json", "c.json")]
    for file, slow, seed in zip(files, (1.0, 1.0, 1.3), (1, 2, 3), strict=True):
        file.write_text("\n".join(k6_lines(90, slow, seed)) + "\n")
    found = compare([read_outcomes(str(file)) for file in files])
    rows = {row.measure: row for row in found.tables[0].part("")}
    assert (found.tables[0].span, found.paired) == ("all", False)
    assert [change.verdict for change in rows["segment_p95"].changes] == ["unclear", "worse"]
    assert [change.verdict for change in rows["requests"].changes] == ["unclear", "unclear"]
    assert rows["segment_p95"].changes[1].relative == pytest.approx(0.3, abs=0.08)
