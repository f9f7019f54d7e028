"""Sending and fetching against a real server: whole, by the part, never over another run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from loadtests.errors import RunError, SurgecastError
from loadtests.run import RUN_FILE, read_run
from surgecast.store.address import parse_address
from surgecast.store.bucket import Bucket, Stored, connect
from surgecast.store.digests import PART, digests_of, sum_of
from surgecast.store.fetching import cached_run, pull
from surgecast.store.refusals import Gone, Taken
from surgecast.store.sending import push, recorded_for
from tests.store.made import MB, a_folder, a_large_folder, content
from tests.store.valve import Valve

PLACE = parse_address("s3://my-runs/2026/launch")


def keys(s3: Any) -> set[str]:
    return {one["Key"] for one in s3.list_objects_v2(Bucket="my-runs").get("Contents", ())}


def manifest(s3: Any, key: str = "2026/launch") -> dict[str, Any]:
    text = s3.get_object(Bucket="my-runs", Key=f"{key}/manifest.json")["Body"].read()
    return dict(json.loads(text))


def test_a_run_comes_back_as_it_was_sent(s3: Any, tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "run", report_md="# 报告\n", advice_json="{}")
    push(folder, PLACE)
    told = manifest(s3)
    assert told["run_id"] == read_run(folder).header.run_id
    assert {one["name"]: one["sha256"] for one in told["files"]} == {
        name: hashlib.sha256(text).hexdigest() for name, text in content(folder).items()
    }
    pull(PLACE, tmp_path / "back")
    assert content(tmp_path / "back") == content(folder)
    assert read_run(cached_run(PLACE)) == read_run(folder)


def test_the_store_itself_holds_the_checksums(s3: Any, tmp_path: Path) -> None:
    folder = a_large_folder(tmp_path / "run", 9)
    push(folder, PLACE)
    digests = digests_of(folder / RUN_FILE)
    found = connect("my-runs").look(f"{PLACE.key}/{RUN_FILE}")
    assert found is not None
    assert found.sha256
    assert len(digests.parts) == 2
    assert digests.is_there(found)


def test_tokens_logs_hidden_files_and_links_stay_at_home(s3: Any, tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "run")
    (folder / "locust.log").write_text("https://stage.example.com/live.m3u8?token=secret")
    (folder / "01-500.yaml").write_text("target: {url: 'https://stage.example.com/?token=secret'}")
    (folder / ".env.json").write_text("{}")
    (tmp_path / "elsewhere.json").write_text("{}")
    (folder / "link.json").symlink_to(tmp_path / "elsewhere.json")
    push(folder, PLACE)
    assert keys(s3) == {"2026/launch/run.jsonl", "2026/launch/manifest.json"}


def test_what_is_there_is_not_sent_again(s3: Any, server: Any, tmp_path: Path, monkeypatch: Any) -> None:
    folder = a_large_folder(tmp_path / "run", 9)
    push(folder, PLACE)
    with Valve(server) as line:
        monkeypatch.setenv("AWS_ENDPOINT_URL", line.address)
        push(folder, PLACE)
        (folder / "report.md").write_text("new\n")
        push(folder, PLACE)
    assert line.sent < MB
    assert {one["name"] for one in manifest(s3)["files"]} == {RUN_FILE, "report.md"}


def test_a_stored_run_is_never_overwritten(s3: Any, tmp_path: Path) -> None:
    push(a_folder(tmp_path / "run"), PLACE)
    other = a_large_folder(tmp_path / "other", 1)
    with pytest.raises(Taken, match="holds another run"):
        push(other, PLACE)
    s3.delete_object(Bucket="my-runs", Key="2026/launch/manifest.json")  # as if its upload had not ended
    with pytest.raises(Taken, match="holds another run"):
        push(other, PLACE)
    with pytest.raises(Taken), recorded_for(PLACE, fresh=True):
        pytest.fail("nothing is begun")
    push(tmp_path / "run", PLACE)
    assert read_run(cached_run(PLACE)) == read_run(tmp_path / "run")


def test_the_write_itself_is_conditional(s3: Any, tmp_path: Path) -> None:
    """Another process may come between the look and the write."""
    bucket = connect("my-runs")
    bucket.put("x", b"1", sum_of(b"1"), {"IfNoneMatch": "*"})
    with pytest.raises(Taken):
        bucket.put("x", b"2", sum_of(b"2"), {"IfNoneMatch": "*"})
    upload = bucket.begin("x")
    etag = bucket.send_part("x", upload, 1, b"2", sum_of(b"2"))
    with pytest.raises(Taken):
        bucket.finish("x", upload, [(etag, sum_of(b"2"))], {"IfNoneMatch": "*"})


class Raced(Bucket):
    """Another process writes ``rival`` under ``key`` just before we do."""

    key, rival = f"{PLACE.key}/{RUN_FILE}", b"rival"

    def put(self, key: str, body: bytes, sha256: str, condition: Mapping[str, str]) -> None:
        if key == self.key:
            self.client.put_object(Bucket=self.name, Key=key, Body=self.rival)
        Bucket.put(self, key, body, sha256, condition)


def test_who_comes_second_does_not_overwrite_and_is_told(s3: Any, tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "run")
    bucket = Raced("my-runs", connect("my-runs").client)
    with pytest.raises(Taken, match="holds another run"):
        push(folder, PLACE, bucket)
    assert s3.get_object(Bucket="my-runs", Key=bucket.key)["Body"].read() == b"rival"


def test_an_answer_that_was_lost_is_no_reason_to_refuse_what_we_wrote_ourselves(s3: Any, tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "run")
    bucket = Raced("my-runs", connect("my-runs").client)
    bucket.rival = (folder / RUN_FILE).read_bytes()
    push(folder, PLACE, bucket)
    assert read_run(cached_run(PLACE)) == read_run(folder)


def test_a_manifest_that_changed_meanwhile_is_not_overwritten(s3: Any, tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "run")
    push(folder, PLACE)
    (folder / "report.md").write_text("ours")
    bucket = Raced("my-runs", connect("my-runs").client)
    bucket.key, bucket.rival = f"{PLACE.key}/manifest.json", b"theirs"
    with pytest.raises(Taken, match="changed meanwhile"):
        push(folder, PLACE, bucket)
    assert s3.get_object(Bucket="my-runs", Key=bucket.key)["Body"].read() == b"theirs"


def test_reports_are_added_to_a_stored_run_and_may_be_made_again(s3: Any, tmp_path: Path) -> None:
    push(a_folder(tmp_path / "run"), PLACE)
    for text in ("first", "second"):
        with recorded_for(PLACE, fresh=False) as folder:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "report.md").write_text(text)
    pull(PLACE, tmp_path / "back")
    assert content(tmp_path / "back") == content(tmp_path / "run") | {"report.md": b"second"}


def test_what_was_recorded_is_sent_however_it_ends(s3: Any) -> None:
    def recording() -> None:
        with recorded_for(PLACE, fresh=True) as folder:
            a_folder(folder)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        recording()
    assert f"{PLACE.key}/manifest.json" in keys(s3)


def test_nothing_is_sent_where_nothing_was_recorded(s3: Any) -> None:
    with recorded_for(PLACE, fresh=True) as folder:
        folder.mkdir(parents=True)
        (folder / "locust.log").touch()
    assert keys(s3) == set()


def test_each_run_of_a_search_has_a_folder_of_its_own(s3: Any, tmp_path: Path) -> None:
    folder = tmp_path / "search"
    for name in ("01-500", "02-1000"):
        a_folder(folder / name)
    (folder / "search.json").write_text("{}")
    push(folder, PLACE)
    assert read_run(cached_run(PLACE.under("02-1000"))) == read_run(folder / "02-1000")
    with pytest.raises(RunError, match="only reports"):
        cached_run(PLACE)


@pytest.mark.parametrize("count", [1, 2])
def test_a_checksum_that_the_store_tells_goes_before_an_etag_that_may_be_anything(count: int, tmp_path: Path) -> None:
    """With a key of KMS an ETag is no MD5; and an MD5 that fits does not make up for a SHA-256 that does not."""
    (tmp_path / "report.md").write_bytes(b"x" * 10 * count)
    digests = digests_of(tmp_path / "report.md", part=10)
    assert len(digests.parts) == count
    sums = b"".join(hashlib.sha256(b"x" * 10).digest() for _ in range(count))
    told = sum_of(sums) + f"-{count}" if count > 1 else sum_of(b"x" * 10)
    md5 = hashlib.md5(b"".join(hashlib.md5(b"x" * 10).digest() for _ in range(count))).hexdigest() + f"-{count}"
    etag = md5 if count > 1 else hashlib.md5(b"x" * 10).hexdigest()
    assert digests.is_there(Stored(10 * count, '"kms"', told))
    assert digests.is_there(Stored(10 * count, f'"{etag}"'))
    assert not digests.is_there(Stored(10 * count, f'"{etag}"', sum_of(b"other")))
    assert not digests.is_there(Stored(10 * count, '"kms"'))
    assert not digests.is_there(Stored(10 * count + 1, '"kms"', told))


def test_an_empty_report_goes_and_comes(s3: Any, tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "run", report_md="")
    push(folder, PLACE)
    pull(PLACE, tmp_path / "back")
    assert content(tmp_path / "back") == content(folder)


def test_a_refused_upload_leaves_the_run_and_says_how_to_go_on(s3: Any, tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "a run")
    with pytest.raises(SurgecastError) as caught:
        push(folder, parse_address("s3://not-there/launch"))
    assert caught.value.exit_code == 2
    assert f"surgecast store push '{folder}' s3://not-there/launch" in caught.value.hint
    assert (folder / RUN_FILE).exists()


@pytest.mark.parametrize("text", [b"", b"{}\n", b'{"line":"footer"}\n', b"\xff\xfe\n", b'{"line":"header"'])
def test_what_is_no_run_is_not_sent_as_one(s3: Any, tmp_path: Path, text: bytes) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / RUN_FILE).write_bytes(text)
    with pytest.raises(RunError, match="not stored"):
        push(tmp_path / "run", PLACE)
    assert keys(s3) == set()


def test_an_empty_folder_is_refused(s3: Any, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="neither a run nor reports"):
        push(tmp_path, PLACE)


def test_what_is_neither_run_nor_report_stays_here(s3: Any, tmp_path: Path) -> None:
    """Whatever else lies in the folder, such as credentials, a rollback file or Terraform's variables."""
    stay = {"rollback-1_json": "{}", "aws-credentials_json": "{}", "surge_auto_tfvars_json": "{}", "notes_txt": "x"}
    push(a_folder(tmp_path / "run", report_md="text", **stay), PLACE)
    assert {key.rsplit("/", 1)[1] for key in keys(s3)} == {RUN_FILE, "report.md", "manifest.json"}


def test_what_is_too_much_for_a_run_is_refused_before_it_is_read(s3: Any, tmp_path: Path) -> None:
    folder = a_folder(tmp_path / "run")
    with (folder / RUN_FILE).open("r+b") as file:
        file.truncate(65 * 2**30)  # a hole, that takes no room
    with pytest.raises(RunError, match="is it the folder of a run"):
        push(folder, PLACE)
    many = a_folder(tmp_path / "many", **{f"report_r{number}_md": "" for number in range(1000)})
    with pytest.raises(RunError, match="1001 files"):
        push(many, PLACE)
    assert keys(s3) == set()


def test_an_upload_that_the_store_forgot_begins_anew(s3: Any, tmp_path: Path) -> None:
    folder = a_large_folder(tmp_path / "run", 9)
    upload = s3.create_multipart_upload(Bucket="my-runs", Key=f"{PLACE.key}/{RUN_FILE}")["UploadId"]
    s3.abort_multipart_upload(Bucket="my-runs", Key=f"{PLACE.key}/{RUN_FILE}", UploadId=upload)
    note = folder / f".{RUN_FILE}.upload"
    note.write_text(json.dumps({"to": f"{PLACE}/{RUN_FILE}", "upload": upload}))
    with pytest.raises(Gone):
        connect("my-runs").parts(f"{PLACE.key}/{RUN_FILE}", upload)
    push(folder, PLACE)
    assert not note.exists()
    assert read_run(cached_run(PLACE)) == read_run(folder)


@pytest.mark.parametrize("note", ["", "[]", "{}", '{"to": 1}', '{"to": "s3://my-runs/other/run.jsonl", "upload": "x"}'])
def test_a_note_that_cannot_be_read_is_left_aside(s3: Any, tmp_path: Path, note: str) -> None:
    folder = a_large_folder(tmp_path / "run", 9)
    (folder / f".{RUN_FILE}.upload").write_text(note)
    push(folder, PLACE)
    assert read_run(cached_run(PLACE)) == read_run(folder)


def test_a_part_that_differs_is_sent_again(s3: Any, tmp_path: Path) -> None:
    folder = a_large_folder(tmp_path / "run", 9)
    key = f"{PLACE.key}/{RUN_FILE}"
    upload = s3.create_multipart_upload(Bucket="my-runs", Key=key)["UploadId"]
    s3.upload_part(Bucket="my-runs", Key=key, UploadId=upload, PartNumber=1, Body=b"x" * PART)
    (folder / f".{RUN_FILE}.upload").write_text(json.dumps({"to": f"{PLACE}/{RUN_FILE}", "upload": upload}))
    push(folder, PLACE)
    assert read_run(cached_run(PLACE)) == read_run(folder)


def test_without_checksum_headers_the_manifest_still_vouches(s3: Any, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    folder = a_large_folder(tmp_path / "run", 9)
    push(folder, PLACE)
    push(folder, PLACE)
    assert read_run(cached_run(PLACE)) == read_run(folder)
