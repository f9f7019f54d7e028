"""A manifest comes from strangers: only plain files of a run are believed, and only as many as a run may have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from loadtests.errors import RunError
from surgecast.store.manifest import MOST_BYTES, MOST_FILES, Entry, Manifest, may_be_stored, parse_manifest

SUM = "0" * 64


def told(*names: str, **changes: Any) -> bytes:
    files = [{"name": name, "size": 1, "sha256": SUM} | changes for name in names]
    return json.dumps({"schema_version": 1, "files": files}).encode()


def test_a_manifest_reads_back() -> None:
    manifest = Manifest(run_id="20261205T123000Z-上线", files=(Entry(name="run.jsonl", size=7, sha256=SUM),))
    assert parse_manifest("s3://my-runs/x", manifest.text()) == manifest
    assert manifest.run == manifest.files[0]


@pytest.mark.parametrize(
    "name",
    [
        "../run.jsonl", "/etc/x.json", "a/b.json", "a\\b.json", "..", ".hidden.json", "-rf.json", "", "run.jsonl\n",
        "run.jsonl\0", "C:x.json", "run.sh", "run", "manifest.json", "报告.md", "x" * 130 + ".md", "~.md", "*.md",
    ],
)  # fmt: skip
def test_no_name_leads_out_of_the_folder(name: str) -> None:
    assert not may_be_stored(name)
    with pytest.raises(RunError, match="is no file of a run"):
        parse_manifest("s3://my-runs/x", told(name))


@pytest.mark.parametrize(
    "text",
    [
        b"", b"[]", b"{}", b"\xff", b"null", b"[" * 100_000,
        told("a.md", size=-1), told("a.md", size=MOST_BYTES + 1), told("a.md", size=1.5), told("a.md", sha256="0"),
        told("a.md", sha256="G" * 64), told("a.md", more=1), told("a.md", "A.MD".lower()), told("a.md", "A.md"),
        told(*(f"{number}.md" for number in range(MOST_FILES + 1))), told("a.md", "b.md", size=MOST_BYTES),
        b'{"schema_version": 2, "files": []}',
    ],
)  # fmt: skip
def test_what_is_no_manifest_is_refused(text: bytes) -> None:
    with pytest.raises(RunError, match=r"s3://my-runs/x/manifest\.json: ") as caught:
        parse_manifest("s3://my-runs/x", text)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("name", ["run.jsonl", "report.html", "verdict.junit.xml", "locust_stats.csv", "advice.json"])
def test_files_of_a_run_may_be_stored(name: str) -> None:
    assert may_be_stored(name)


def test_nothing_is_fetched_by_a_hostile_manifest(s3: Any, tmp_path: Path) -> None:
    from surgecast.store.address import parse_address
    from surgecast.store.fetching import cached_run, pull

    s3.put_object(Bucket="my-runs", Key="x/manifest.json", Body=told("../../evil.json"))
    place = parse_address("s3://my-runs/x")
    for call in (lambda: pull(place, tmp_path / "out"), lambda: cached_run(place)):
        with pytest.raises(RunError, match="is no file of a run"):
            call()
    assert not (tmp_path / "out").exists()
    s3.put_object(Bucket="my-runs", Key="x/manifest.json", Body=b" " * 2**20 + b"x")
    with pytest.raises(RunError, match="more than 1,048,576 bytes"):
        cached_run(place)
