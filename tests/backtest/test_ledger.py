"""Every advice is one line that nothing spoils: not other writers, not a kill, not a mistake in another line."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
from click.testing import CliRunner

from advisor.advising import advise
from advisor.ledger import LEDGER_FILE, Entry, entry_of, read_ledger, record, schema_text
from loadtests.errors import InputError
from surgecast.cli import surgecast
from tests.advisor.runs import Town, run_of, write

NOW = datetime(2026, 11, 1, tzinfo=UTC)
TOWN = Town(
    seed=21,
    baseline=20,
    peak=120,
    quiet=12,
    ramp=15,
    hold=25,
    fall=3,
    egress=12e6,
    audience={"id": 900, "in": 700, "br": 300},
)


@pytest.fixture(scope="module")
def entry(tmp_path_factory: pytest.TempPathFactory) -> Entry:
    """An advice as the ledger keeps it."""
    return entry_of(advise([run_of(TOWN, tmp_path_factory.mktemp("town"))]), NOW, "0.1.0")


def test_an_entry_reads_back_and_keeps_to_its_schema(entry: Entry, tmp_path: Path) -> None:
    path = record(entry, tmp_path / "ledger")
    assert read_ledger(tmp_path / "ledger").entries == read_ledger(path).entries == (entry,)
    jsonschema.validate(json.loads(path.read_text(encoding="utf-8")), json.loads(schema_text()))


def test_an_entry_says_what_was_promised(entry: Entry) -> None:
    assert entry.runs == ("synthetic-21",)
    assert entry.audience == 1900
    assert entry.nodes == sum(region.nodes or 0 for region in entry.regions)
    (limit,) = (one for one in entry.capacities if one.saturated)
    assert (limit.unit, limit.per_node.low < 12e6 < limit.per_node.high) == ("bit/s", True)
    assert all(region.per_viewer["bit/s"].low > 0 for region in entry.regions)


def test_an_entry_holds_no_secret_and_no_second_of_the_run(entry: Entry, tmp_path: Path) -> None:
    text = record(entry, tmp_path).read_text(encoding="utf-8")
    assert entry.target == "stage.surgecast.test"
    assert "http" not in text
    assert len(text) < 10_000


def test_the_schema_is_committed() -> None:
    committed = (resources.files("advisor") / "ledger.schema.json").read_text(encoding="utf-8")
    assert committed == schema_text()


WRITER = """
import sys
from pathlib import Path
from advisor.ledger import Entry, record
entry = Entry.model_validate_json(sys.stdin.read())
for number in range(50):
    record(entry.model_copy(update={"runs": (f"{sys.argv[2]}-{number}",)}), Path(sys.argv[1]))
"""


def test_writers_at_the_same_time_lose_nothing(entry: Entry, tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    writers = [subprocess.Popen([*command, str(name)], stdin=subprocess.PIPE, text=True) for name in range(4)]
    for one in writers:
        assert one.stdin is not None
        one.stdin.write(entry.model_dump_json())
        one.stdin.close()
    assert [one.wait() for one in writers] == [0] * 4
    found = read_ledger(tmp_path)
    assert {one.runs[0] for one in found.entries} == {f"{name}-{number}" for name in range(4) for number in range(50)}
    assert len(found.entries) == 200


def test_a_line_that_a_kill_cut_is_told_and_spoils_no_other(entry: Entry, tmp_path: Path) -> None:
    path = record(entry, tmp_path)
    path.write_bytes(path.read_bytes() + path.read_bytes()[:300])
    assert read_ledger(tmp_path).cut == (2,)
    record(entry.model_copy(update={"scenario": "later"}), tmp_path)
    found = read_ledger(tmp_path)
    assert [one.scenario for one in found.entries] == [entry.scenario, "later"]
    assert found.cut == (2,)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("hello", "line 2 is not JSON"),
        ("{}", "line 2: recorded_at: Field required"),
        ("[]", "line 2: entry: "),
        ('{"schema_version":9}', "line 2: written with ledger schema 9"),
        ('{"schema_version":1,"recorded_at":"2026-11-01T00:00:00"}', "line 2: recorded_at: "),
    ],
)
def test_a_broken_line_is_named(line: str, says: str, entry: Entry, tmp_path: Path) -> None:
    path = record(entry, tmp_path)
    path.write_text(path.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_ledger(tmp_path)
    assert caught.value.message.startswith(f"{path}: {says}")
    assert "docs/ledger.md" in caught.value.hint or "upgrade" in caught.value.hint


def test_no_ledger_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no ledger here"):
        read_ledger(tmp_path / "nowhere")


def test_the_command_records_and_holds_against_later_runs(tmp_path: Path) -> None:
    """Never against the run that the advice was made from, nor one that did not come to its end."""
    now = datetime.now(UTC)
    places = []
    for number, ending in ((21, "finished"), (22, "finished"), (23, "interrupted")):
        path = write(replace(TOWN, seed=number, ending=ending), tmp_path / str(number))
        later = (now + timedelta(days=number)).isoformat()
        path.write_text(path.read_text(encoding="utf-8").replace("2026-12-01T12:00:00Z", later, 1), encoding="utf-8")
        places.append(str(path.parent))
    ledger = str(tmp_path / "ledger")
    advised = CliRunner().invoke(surgecast, ["advise", places[0]], env={"SURGECAST_LEDGER": ledger})
    assert advised.exit_code == 0, advised.output
    assert (tmp_path / "ledger" / LEDGER_FILE).is_file()
    past = CliRunner().invoke(surgecast, ["advise", "--backtest", ledger, *places, "--lang", "zh"])
    assert past.exit_code == 0, past.output
    found = json.loads((tmp_path / "ledger" / "backtest.json").read_text(encoding="utf-8"))
    assert {check["against"] for check in found["checks"]} == {"synthetic-22"}
    assert [one["why"]["key"] for one in found["left_out"]] == ["left_out_source", "left_out_invalid"]
    assert {check["kind"] for check in found["checks"]} >= {"capacity", "viewer"}
    assert all(check["held"] for check in found["checks"] if check["kind"] == "capacity")
    html = (tmp_path / "ledger" / "backtest.html").read_text(encoding="utf-8")
    assert "<svg" in html
    assert "以往建议有多准" in html
    assert "以往建议有多准" in (tmp_path / "ledger" / "backtest.md").read_text(encoding="utf-8")


def test_without_anything_to_hold_it_against_the_command_says_so(tmp_path: Path) -> None:
    told = CliRunner().invoke(surgecast, ["advise", "--backtest", str(tmp_path)])
    assert told.exit_code != 0
    assert isinstance(told.exception, InputError | SystemExit)
