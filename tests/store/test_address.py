"""Addresses are taken apart, and what could never be one is refused before anybody is asked."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.errors import InputError
from surgecast.store.address import Address, parse_address

GOOD = [
    ("s3://my-runs/launch", Address("my-runs", "launch")),
    ("s3://my-runs/2026/launch/", Address("my-runs", "2026/launch")),
    ("s3://my-runs/2026/launch/run.jsonl", Address("my-runs", "2026/launch")),
    ("s3://my.runs/上线 之夜/a+b=c", Address("my.runs", "上线 之夜/a+b=c")),
    ("s3://abc/...", Address("abc", "...")),
]
BAD = [
    ("s3://", "is no name of a bucket"),
    ("s3://ab/x", "is no name of a bucket"),
    ("s3://My-Runs/x", "is no name of a bucket"),
    ("s3://a..b/x", "is no name of a bucket"),
    ("s3://-abc/x", "is no name of a bucket"),
    ("s3://arn:aws:s3:ap-southeast-3:123456789012:accesspoint/x", "is no name of a bucket"),
    ("s3://user@my-runs/x", "is no name of a bucket"),
    ("s3://my-runs", "names no run"),
    ("s3://my-runs/", "names no run"),
    ("s3://my-runs//x", "empty part"),
    ("s3://my-runs/x//", "empty part"),
    ("s3://my-runs/../x", "dots only"),
    ("s3://my-runs/x/..", "dots only"),
    ("s3://my-runs/./x", "dots only"),
    ("s3://my-runs/x?versionId=1", "character"),
    ("s3://my-runs/x#1", "character"),
    ("s3://my-runs/a\\b", "character"),
    ("s3://my-runs/a\nb", "character"),
    ("s3://my-runs/a\x1b[2Jb", "character"),
    ("s3://my-runs/" + "长" * 61, "too long"),
    ("s3://my-runs/" + "/".join(["x" * 150] * 7), "too long"),
    ("S3://my-runs/x", "expected a path, or s3://"),
    ("gs://my-runs/x", "expected a path, or s3://"),
    ("https://my-runs.s3.amazonaws.com/x", "expected a path, or s3://"),
]


@pytest.mark.parametrize(("text", "expected"), GOOD)
def test_an_address_is_taken_apart(text: str, expected: Address) -> None:
    assert parse_address(text) == expected


@pytest.mark.parametrize(("text", "why"), BAD)
def test_what_is_no_address_is_refused(text: str, why: str) -> None:
    with pytest.raises(InputError, match=why) as caught:
        parse_address(text)
    assert caught.value.hint
    assert "\x1b" not in str(caught.value)


def test_a_bucket_alone_will_do_where_it_is_asked_for() -> None:
    assert parse_address("s3://my-runs", bucket_will_do=True) == Address("my-runs", "")
    assert str(Address("my-runs", "").under("x")) == "s3://my-runs/x"


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_whatever_is_typed_the_name_is_one_plain_folder(text: str) -> None:
    try:
        address = parse_address(f"s3://my-runs/{text}")
    except InputError:
        return
    assert PurePosixPath(address.name).name == address.name
    assert parse_address(str(address)) == address
    assert (Path("/here") / address.name).resolve().parent == Path("/here")
