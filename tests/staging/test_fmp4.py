from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.staging import fmp4, media
from loadtests.staging.media import Rendition

CMAF = media.load()[1]
renditions = pytest.mark.parametrize("rendition", CMAF.renditions, ids=lambda r: r.facts.name)
numbers = st.integers(0, 10**9)


def fields(rendition: Rendition, number: int) -> tuple[int, list[float]]:
    """Sequence number, and the base time of each track in seconds."""
    assert rendition.init is not None
    segment = fmp4.template(rendition.segment(number), fmp4.timescales(rendition.init))
    return segment.sequence.read(segment.data), [field.read(segment.data) / scale for field, scale in segment.bases]


def duration(rendition: Rendition, number: int, track: int) -> float:
    """Seconds of media in a track of a segment: samples times their default duration, as the muxer wrote them."""
    assert rendition.init is not None
    data = rendition.segment(number)
    traf = list(fmp4.find(data, b"moof", b"traf"))[track]
    (run,) = fmp4.find(data, b"trun", inside=traf)
    (samples,) = struct.unpack_from(">I", data, run.body + 4)
    return float(samples) * (1 / 25 if track == 0 else 1024 / 32_000)


@renditions
@given(number=numbers)
def test_each_track_goes_on_where_the_segment_before_ended(rendition: Rendition, number: int) -> None:
    (_, here), (_, after) = fields(rendition, number), fields(rendition, number + 1)
    for track in (0, 1):
        assert after[track] == pytest.approx(here[track] + duration(rendition, number, track), abs=1e-6)


@renditions
@given(number=numbers)
def test_video_starts_at_twice_the_segment_number_and_sound_within_a_frame(rendition: Rendition, number: int) -> None:
    sequence, (video, audio) = fields(rendition, number)
    assert sequence == number + 1
    assert video == number * 2
    assert 0 <= audio - video < 0.032


def test_the_sequence_number_starts_again_after_32_bits() -> None:
    sequence, _ = fields(CMAF.renditions[0], 2**32)
    assert sequence == 1


@renditions
@given(number=numbers)
def test_only_the_noted_fields_change(rendition: Rendition, number: int) -> None:
    assert rendition.init is not None
    template = fmp4.template(rendition.segment(number % 2), fmp4.timescales(rendition.init))
    data = bytearray(rendition.segment(number))
    for field in (template.sequence, *(field for field, _ in template.bases)):
        field.write(data, field.read(template.data))
    assert bytes(data) == template.data


@renditions
def test_the_init_segment_holds_no_edit_list(rendition: Rendition) -> None:
    """An edit list would shift a track against the base times."""
    assert rendition.init is not None
    assert not list(fmp4.find(rendition.init, b"moov", b"trak", b"edts"))
    assert set(fmp4.timescales(rendition.init).values()) == {12_800, 32_000}


@pytest.mark.parametrize(
    "data",
    [struct.pack(">I4s", 4, b"moof"), struct.pack(">I4s", 99, b"moof")],
    ids=["smaller than its header", "longer than the data"],
)
def test_a_box_of_impossible_size_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="impossible size"):
        list(fmp4.boxes(data))


def test_a_32_bit_base_time_is_refused() -> None:
    def box(kind: bytes, *content: bytes) -> bytes:
        body = b"".join(content)
        return struct.pack(">I4s", 8 + len(body), kind) + body

    head = box(b"mfhd", bytes(8))
    track = box(b"traf", box(b"tfhd", bytes(4), struct.pack(">I", 1)), box(b"tfdt", bytes(8)))
    with pytest.raises(ValueError, match="32-bit tfdt"):
        fmp4.template(box(b"moof", head, track), {1: 1000})
