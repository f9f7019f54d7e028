"""Addresses from playlists and redirects: resolved like a browser does, http(s) only."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.address import redirect, resolve


@pytest.mark.parametrize(
    ("base", "address", "expected"),
    [
        ("http://h/a/b.m3u8", "1.ts", "http://h/a/1.ts"),
        ("http://h/a/b.m3u8?x=1/2", "c/1.ts?y=3", "http://h/a/c/1.ts?y=3"),
        ("http://h", "1.ts", "http://h/1.ts"),
        ("http://h?x=/a", "1.ts", "http://h/1.ts"),
        ("http://h/a//b/m", "1.ts", "http://h/a//b/1.ts"),
        ("https://h/a/b/m", "../1.ts", "https://h/a/1.ts"),
        ("https://h/a/m", "./1.ts", "https://h/a/1.ts"),
        ("https://h/a/m", "/1.ts", "https://h/1.ts"),
        ("https://h/a/m", "//k/1.ts", "https://k/1.ts"),
        ("https://h/a/m", "?q=1", "https://h/a/m?q=1"),
        ("https://h/a/m#f", "1.ts#g", "https://h/a/1.ts"),
        ("https://h/a/m", "a b\N{LATIN SMALL LETTER E WITH ACUTE}.ts", "https://h/a/a%20b%C3%A9.ts"),
        ("https://h/a/m", "http://k/1.ts", "http://k/1.ts"),
    ],
)
def test_addresses_are_resolved(base: str, address: str, expected: str) -> None:
    assert resolve(base, address) == expected


@pytest.mark.parametrize("address", ["file:///x", "data:,x", "javascript:1", "ftp://h/x", "http://"])
def test_other_schemes_and_missing_hosts_are_refused(address: str) -> None:
    with pytest.raises(ValueError, match="not an http"):
        resolve("https://h/a/m", address)


def test_a_base_that_is_no_web_address_makes_none() -> None:
    with pytest.raises(ValueError, match="not an http"):
        resolve("file:///a/m", "1.ts")


@given(st.text(), st.text())
def test_whatever_comes_out_fits_a_request_line(base: str, address: str) -> None:
    for start in ("", "https://h/a/m"):
        try:
            url = resolve(start + base, address)
        except ValueError:
            continue
        assert url.startswith(("http://", "https://"))
        assert url.isascii() or start
        assert not set(url) & set(" \r\n\t\0") or start


@pytest.mark.parametrize(
    ("url", "location", "expected"),
    [
        ("http://h/a", "https://k/b", "https://k/b"),
        ("http://h/a/b", "c", "http://h/a/c"),
        ("https://h/a", "/b", "https://h/b"),
    ],
)
def test_redirects_may_go_up_but_not_down(url: str, location: str, expected: str) -> None:
    assert redirect(url, location) == expected


@pytest.mark.parametrize("location", ["", "http://h/b", "file:///b"])
def test_redirects_that_may_not_be_followed(location: str) -> None:
    with pytest.raises(ValueError, match=r"redirect|not an http"):
        redirect("https://h/a", location)
