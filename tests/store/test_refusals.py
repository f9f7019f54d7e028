"""What the store, or the way to it, may answer instead: one sentence, the remedy, and the exit code."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.stub import Stubber
from click.testing import CliRunner

from loadtests.errors import InputError, RunError, SurgecastError
from surgecast.cli import surgecast
from surgecast.store.address import Address
from surgecast.store.bucket import Bucket, connect
from surgecast.store.refusals import REFUSALS, Gone, Interrupted, Taken, refused
from tests.house.tree import ROOT
from tests.store.valve import free_port

PLACE = Address("my-runs", "launch")

ANSWERS = [
    ("AccessDenied", "UploadPart", InputError, "access denied (UploadPart)", "allow s3:PutObject there"),
    ("403", "HeadObject", InputError, "access denied (HeadObject)", "allow s3:GetObject there"),
    ("AccessDenied", "ListParts", InputError, "access denied", "allow s3:ListMultipartUploadParts there"),
    ("NoSuchBucket", "GetObject", InputError, "bucket my-runs does not exist", "create it"),
    ("ExpiredToken", "GetObject", InputError, "the credentials are refused: ExpiredToken", "AWS_PROFILE"),
    ("SignatureDoesNotMatch", "GetObject", InputError, "the credentials are refused", "AWS_PROFILE"),
    ("PermanentRedirect", "GetObject", InputError, "bucket my-runs is in eu-west-1", "AWS_DEFAULT_REGION"),
    ("RequestTimeTooSkewed", "GetObject", InputError, "clock is wrong", "NTP"),
    ("PreconditionFailed", "PutObject", Taken, "changed meanwhile", "call it again"),
    ("NoSuchUpload", "ListParts", Gone, "known no longer", "anew"),
    ("InvalidRange", "GetObject", RunError, "shorter than its manifest says", "push the run again"),
    ("BadDigest", "UploadPart", Interrupted, "arrived damaged (BadDigest)", "call it again"),
    ("SlowDown", "PutObject", Interrupted, "SlowDown", "later"),
    ("EntityTooLarge", "PutObject", SurgecastError, "PutObject failed: EntityTooLarge: so it is", "docs/store.md"),
    ("", "GetObject", SurgecastError, "GetObject failed", "docs/store.md"),
]


@pytest.mark.parametrize(("code", "operation", "kind", "message", "hint"), ANSWERS)
def test_an_answer_is_told_in_our_words(
    code: str, operation: str, kind: type[SurgecastError], message: str, hint: str
) -> None:
    headers = {"x-amz-bucket-region": "eu-west-1"}
    answer = {"Error": {"Code": code, "Message": "so\n it is {x}"}, "ResponseMetadata": {"HTTPHeaders": headers}}
    error = refused(answer, operation, PLACE)
    assert type(error) is kind
    assert message in error.message
    assert hint in error.hint
    assert error.message.startswith("s3://my-runs/launch: ")


def test_no_code_is_told_in_two_ways() -> None:
    codes = [code for one in REFUSALS for code in one.codes]
    assert len(codes) == len(set(codes))


def test_an_empty_answer_is_survived() -> None:
    assert "no reason given" in refused({}, "GetObject", PLACE).message


def test_without_credentials_the_remedy_is_named(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    with pytest.raises(InputError, match="no AWS credentials") as caught:
        connect("my-runs").read("x", 1)
    assert "AWS_PROFILE" in caught.value.hint


@pytest.mark.parametrize(
    ("name", "value"), [("AWS_PROFILE", "not-there"), ("AWS_ENDPOINT_URL", "nonsense"), ("AWS_DEFAULT_REGION", "a b")]
)
def test_wrong_settings_are_bad_input(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(InputError):
        connect("my-runs").read("x", 1)


def test_a_store_that_cannot_be_reached_is_no_fault_of_the_input() -> None:
    settings = Config(retries={"total_max_attempts": 1})
    client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{free_port()}", config=settings)
    with pytest.raises(Interrupted, match="Could not connect") as caught:
        Bucket("my-runs", client).read("x", 1)
    assert caught.value.exit_code == 1


def test_a_busy_store_is_asked_again(s3: Any) -> None:
    """By botocore; here only that what it gives up on is told as passing."""
    bucket = Bucket("my-runs", boto3.client("s3"))
    with Stubber(bucket.client) as stub:
        stub.add_client_error("upload_part", "SlowDown", "Please reduce your request rate.", 503)
        with pytest.raises(Interrupted, match="reduce your request rate"):
            bucket.send_part("x", "upload", 1, b"x", "sum")


def test_without_boto3_the_extra_is_named(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['boto3'] = None; sys.argv = ['surgecast', 'store', 'list', 's3://my-runs'];"
        "from surgecast.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "pip install 'surgecast[cloud]'" in done.stderr


def test_no_command_pays_for_boto3_unless_a_store_is_named() -> None:
    code = (
        "import sys; from surgecast.cli import COMMANDS, find_command; [find_command(name) for name in COMMANDS];"
        "print('boto3' in sys.modules or 'botocore' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout == "False\n"


def test_a_bucket_that_is_not_there_is_named(s3: Any) -> None:
    for words in (["list", "s3://not-there"], ["pull", "s3://not-there/x"]):
        done = CliRunner().invoke(surgecast, ["store", *words])
        assert isinstance(done.exception, InputError)
        assert "bucket not-there does not exist" in str(done.exception)
