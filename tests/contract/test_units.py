"""Quantities: read with their unit or not at all, and what is shown is read back exactly."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from loadtests.units import (
    BITS_PER_SECOND,
    SECONDS,
    Bitrate,
    Duration,
    Share,
    parse,
    read_share,
    show_bitrate,
    show_duration,
    show_share,
)

numbers = st.decimals(0, 10**6, allow_nan=False, places=4).map(str)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("500ms", 0.5), ("90s", 90.0), ("2m", 120.0), ("1h", 3600.0), ("1.5 h", 5400.0), (" 0s ", 0.0), ("0.1ms", 1e-4)],
)
def test_durations(text: str, seconds: float) -> None:
    assert TypeAdapter(Duration).validate_python(text) == seconds


@pytest.mark.parametrize(
    ("text", "bits"), [("800kbps", 8e5), ("3Mbps", 3e6), ("1.2Gbps", 1.2e9), ("9600bps", 9600.0), ("29.4 Mbps", 29.4e6)]
)
def test_bit_rates(text: str, bits: float) -> None:
    assert TypeAdapter(Bitrate).validate_python(text) == bits


@pytest.mark.parametrize(("text", "share"), [("40%", 0.4), ("100%", 1.0), ("0%", 0.0), ("0.5%", 0.005), ("35%", 0.35)])
def test_shares(text: str, share: float) -> None:
    assert TypeAdapter(Share).validate_python(text) == share


@pytest.mark.parametrize(
    "text",
    ["", "90", 90, 1.5, None, True, [], "s", "90 seconds", "-1s", "1,5s", "1e3s", "3mbps", "nan s", "9 0s", "1s1s"],
)
def test_a_number_without_a_known_unit_is_not_guessed_at(text: object) -> None:
    with pytest.raises(ValidationError, match="90s"):
        TypeAdapter(Duration).validate_python(text)


@pytest.mark.parametrize("text", ["101%", "0.4", "40", "40 percent"])
def test_shares_that_are_none(text: str) -> None:
    with pytest.raises(ValidationError, match=r"at most 100%|40%"):
        TypeAdapter(Share).validate_python(text)


@given(numbers, st.sampled_from(sorted(SECONDS)))
def test_a_duration_reads_back_exactly(number: str, unit: str) -> None:
    seconds = parse(number + unit, SECONDS, "90s")
    assert parse(show_duration(seconds), SECONDS, "90s") == seconds


@given(numbers, st.sampled_from(sorted(BITS_PER_SECOND)))
def test_a_bit_rate_reads_back_exactly(number: str, unit: str) -> None:
    bits = parse(number + unit, BITS_PER_SECOND, "3Mbps")
    assert parse(show_bitrate(bits), BITS_PER_SECOND, "3Mbps") == bits


@given(st.floats(0, 1))
def test_any_share_reads_back_exactly(share: float) -> None:
    assert read_share(show_share(share)) == share


@given(st.floats(0, 1e12))
def test_any_bit_rate_reads_back_exactly(bits: float) -> None:
    assert parse(show_bitrate(bits), BITS_PER_SECOND, "3Mbps") == bits


def test_what_is_shown_is_what_people_write() -> None:
    assert [show_duration(seconds) for seconds in (0.5, 90, 0)] == ["0.5s", "90s", "0s"]
    assert [show_bitrate(bits) for bits in (3e6, 1.2e9, 999, 0)] == ["3Mbps", "1.2Gbps", "999bps", "0bps"]
    assert [show_share(share) for share in (0.4, 1, 0.005)] == ["40%", "100%", "0.5%"]
