"""A ledger in a store: no entry is lost or changed, whoever writes meanwhile, and it is read as one on disk is."""

from __future__ import annotations

import shlex
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from advisor.ledger import Entry, line_of, read_ledger, record
from loadtests.errors import InputError, SurgecastError
from surgecast.cli import surgecast
from surgecast.store.address import parse_address
from surgecast.store.bucket import Bucket, Stored, connect
from surgecast.store.ledger import read_ledger_at, record_at
from surgecast.store.refusals import Taken
from surgecast.store.sending import resumed
from tests.advisor.runs import Town, write
from tests.store.made import a_folder

PLACE = parse_address("s3://my-runs/ledger")
NOW = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)


def entry(number: int = 0, **changes: Any) -> Entry:
    told = {
        "recorded_at": NOW + timedelta(seconds=number),
        "software": "0.1.0",
        "scenario": "viral-goal",
        "target": "stage.surgecast.test",
        "runs": (f"run-{number}",),
        "nodes_tested": 2,
        "tested_viewers": 100.0,
        "capacities": (),
        "regions": (),
    }
    return Entry.model_validate(told | changes)


def typed(*words: object) -> Result:
    return CliRunner().invoke(surgecast, [str(word) for word in words])


def keys(s3: Any) -> list[str]:
    return [one["Key"] for one in s3.list_objects_v2(Bucket="my-runs").get("Contents", ())]


def test_what_is_recorded_is_read_in_the_order_of_its_time(s3: Any) -> None:
    places = [record_at(entry(number), PLACE) for number in (3, 1, 2)]
    assert keys(s3) == sorted(place.key for place in places)
    assert read_ledger_at(PLACE).entries == (entry(1), entry(2), entry(3))
    assert s3.get_object(Bucket="my-runs", Key=places[0].key)["Body"].read() == line_of(entry(3)).encode()


def test_writers_at_the_same_time_lose_nothing(s3: Any) -> None:
    """All in one microsecond, each with a client of its own; they start together."""
    gate = threading.Barrier(8)
    lost: list[Exception] = []

    def write_some(writer: int) -> None:
        bucket = connect("my-runs")
        gate.wait(30)
        try:
            for number in range(5):
                record_at(entry(runs=(f"{writer}-{number}",)), PLACE, bucket)
        except SurgecastError as error:
            lost.append(error)

    threads = [threading.Thread(target=write_some, args=(writer,)) for writer in range(8)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert lost == []
    found = {one.runs[0] for one in read_ledger_at(PLACE).entries}
    assert found == {f"{writer}-{number}" for writer in range(8) for number in range(5)}


def test_an_entry_is_written_once_and_never_over_another(s3: Any) -> None:
    place = record_at(entry(), PLACE)
    assert record_at(entry(), PLACE) == place  # as where the answer to a first try was lost
    assert keys(s3) == [place.key]
    s3.put_object(Bucket="my-runs", Key=place.key, Body=b"somebody else's")
    with pytest.raises(Taken):
        record_at(entry(), PLACE)
    assert s3.get_object(Bucket="my-runs", Key=place.key)["Body"].read() == b"somebody else's"


def test_an_object_that_is_no_entry_is_named_and_what_others_put_there_is_left_out(s3: Any) -> None:
    place = record_at(entry(), PLACE)
    s3.put_object(Bucket="my-runs", Key="ledger/backtest.json", Body=b"{}")
    s3.put_object(Bucket="my-runs", Key="ledger/2025/notes.txt", Body=b"mine")
    assert read_ledger_at(PLACE).entries == (entry(),)
    s3.put_object(Bucket="my-runs", Key=place.key, Body=b'{"schema_version": 99}')
    with pytest.raises(InputError, match=rf"{place}: written with ledger schema 99"):
        read_ledger_at(PLACE)
    s3.put_object(Bucket="my-runs", Key=place.key, Body=b"not JSON")
    with pytest.raises(InputError, match="is not JSON"):
        read_ledger_at(PLACE)


def test_no_ledger_is_said(s3: Any) -> None:
    with pytest.raises(InputError, match="s3://my-runs/ledger: no ledger here"):
        read_ledger_at(PLACE)


def test_a_bucket_alone_will_do(s3: Any) -> None:
    bucket = parse_address("s3://my-runs", bucket_will_do=True)
    record_at(entry(), bucket)
    assert read_ledger_at(bucket).entries == (entry(),)


def test_pages_for_a_ledger_at_a_buckets_root_are_sent_by_the_command_that_goes_on(s3: Any, tmp_path: Path) -> None:
    bucket = parse_address("s3://my-runs", bucket_will_do=True)
    record_at(entry(), bucket)
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "backtest.md").write_text("# pages", encoding="utf-8")
    done = typed(*shlex.split(resumed(pages, bucket))[1:])
    assert done.exit_code == 0, done.output
    assert "backtest.md" in keys(s3)
    assert read_ledger_at(bucket).entries == (entry(),)
    run = typed("store", "push", a_folder(tmp_path / "run"), "s3://my-runs")
    assert "names no run in the bucket" in str(run.exception)
    assert "run.jsonl" not in keys(s3)


def test_too_many_objects_are_told_with_their_address() -> None:
    class Full(Bucket):
        def listing(self, prefix: str) -> Iterator[Stored]:
            """Without end."""
            return (Stored(1, "", key=f"{prefix}{number}") for number in count())

    with pytest.raises(InputError, match=r"s3://my-runs/ledger: more than [\d,]+ objects lie there"):
        read_ledger_at(PLACE, Full("my-runs", None))


def test_the_command_records_in_a_store_and_holds_against_later_runs_as_on_disk(
    s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = write(Town(seed=21), tmp_path / "first")
    later = write(Town(seed=22), tmp_path / "later")
    monkeypatch.setenv("SURGECAST_LEDGER", str(PLACE))
    advised = typed("advise", first, "--out", tmp_path / "out")
    assert advised.exit_code == 0, advised.output
    (key,) = keys(s3)
    assert f"s3://my-runs/{key}" in advised.stdout
    (kept,) = read_ledger_at(PLACE).entries
    record(kept, tmp_path / "disk")
    assert read_ledger(tmp_path / "disk").entries == (kept,)
    there = typed("advise", "--backtest", PLACE, later)
    here = typed("advise", "--backtest", tmp_path / "disk", later)
    assert (there.exit_code, here.exit_code) == (0, 0), there.output
    score = here.stdout.partition(str(tmp_path))[0]
    assert there.stdout.startswith(score)
    assert {"ledger/backtest.html", "ledger/backtest.json", "ledger/backtest.md"} < set(keys(s3))
    assert read_ledger_at(PLACE).entries == (kept,)


def test_where_the_store_says_no_the_advice_is_there_all_the_same(s3: Any, tmp_path: Path) -> None:
    run = a_folder(tmp_path / "run")
    done = typed("advise", write(Town(seed=21), tmp_path / "first"), "--out", run, "--ledger", "s3://no-such-bucket/x")
    assert isinstance(done.exception, InputError)
    assert "bucket no-such-bucket does not exist" in str(done.exception)
    assert str(run / "advice.json") in done.stdout
    assert (run / "advice.json").is_file()


def test_where_the_store_says_no_what_is_exported_is_there_all_the_same(s3: Any, tmp_path: Path) -> None:
    run, out = write(Town(seed=21), tmp_path / "first"), tmp_path / "export"
    done = typed("advise", run, "--out", tmp_path / "out", "--export", out, "--ledger", "s3://no-such-bucket/x")
    assert isinstance(done.exception, InputError)
    written = [file for file in out.rglob("*") if file.is_file()]
    assert written
    assert str(written[0]) in done.stdout
