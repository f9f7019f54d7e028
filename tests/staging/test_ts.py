from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loadtests.staging import media, ts
from loadtests.staging.media import Rendition

LIVE = media.load()[0]
WRAP_SEGMENT = ts.WRAP // ts.CLOCK // 2  # the segment in which the 33-bit clock starts again
renditions = pytest.mark.parametrize("rendition", LIVE.renditions, ids=lambda r: r.facts.name)
numbers = st.integers(0, 10**9)


def counted(data: bytes) -> Iterator[tuple[int, int]]:
    for packet in ts.packets(data):
        if packet.carries_payload:
            yield packet.pid, packet.counter


def stamps(data: bytes, stream_ids: range) -> list[int]:
    """The PTS of every access unit start of one stream."""
    return [
        ts.read_stamp(data, packet.stamps[0])
        for packet in ts.packets(data)
        if packet.stamps and data[packet.payload + 3] in stream_ids
    ]


VIDEO, AUDIO = range(0xE0, 0xF0), range(0xC0, 0xE0)


@renditions
@given(first=numbers)
def test_continuity_counters_run_on_through_loop_seams(rendition: Rendition, first: int) -> None:
    last: dict[int, int] = {}
    for number in range(first, first + 3):
        for pid, counter in counted(rendition.segment(number)):
            assert counter == (last.get(pid, counter - 1) + 1) % 16
            last[pid] = counter
    assert len(last) >= 4  # tables, video, audio


@renditions
@pytest.mark.parametrize("first", [0, 1, 29_851_957, WRAP_SEGMENT - 1], ids=["first", "seam", "today", "wrap"])
def test_video_frames_are_one_frame_apart_for_ever(rendition: Rendition, first: int) -> None:
    times = [at for number in range(first, first + 4) for at in stamps(rendition.segment(number), VIDEO)]
    steps = {(after - before) % ts.WRAP for before, after in pairwise(times)}
    assert len(times) == 200
    assert steps == {ts.CLOCK // 25}


@renditions
def test_audio_packets_leave_no_gap_at_a_seam(rendition: Rendition) -> None:
    """A PES packet holds whole AAC frames of 32 ms; the first of a loop stands 125 frames after the last one's."""
    frame = 1024 * ts.CLOCK // 32_000
    here, later = (stamps(rendition.segment(n) + rendition.segment(n + 1), AUDIO) for n in (0, 2))
    assert [(b - a) for a, b in zip(here, later, strict=True)] == [125 * frame] * len(here)
    assert all((at - here[0]) % frame == 0 for at in here)


@renditions
@given(number=numbers)
def test_a_segment_starts_at_twice_its_number_in_seconds(rendition: Rendition, number: int) -> None:
    assert ts.first_video_stamp(rendition.segment(number)) == number * 2 * ts.CLOCK % ts.WRAP


@renditions
@given(number=numbers)
def test_the_clock_keeps_its_distance_to_the_picture(rendition: Rendition, number: int) -> None:
    data = rendition.segment(number)
    clocks = [ts.read_clock(data, packet.clock) for packet in ts.packets(data) if packet.clock is not None]
    leads = [(stamp - clock) % ts.WRAP for stamp, clock in zip(stamps(data, VIDEO), clocks, strict=True)]
    assert all(0 < lead <= ts.CLOCK for lead in leads)


@renditions
@given(number=numbers)
def test_only_times_and_counters_change(rendition: Rendition, number: int) -> None:
    template, segment = rendition.segment(number % 2), rendition.segment(number)
    assert len(template) == len(segment)
    for one, other in zip(ts.packets(template), ts.packets(segment), strict=True):
        assert (one.pid, one.payload, one.stamps, one.clock) == (other.pid, other.payload, other.stamps, other.clock)


@given(st.integers(0, ts.WRAP - 1), st.integers(0, ts.WRAP - 1))
def test_every_stamp_can_be_written_and_read(template: int, ticks: int) -> None:
    data = bytearray(b"\x21\x00\x01\x00\x01")
    ts._write_stamp(data, 0, template)
    moved = ts.moved(ts.Template(data=bytes(data), tallies=(), stamps=(0,), clocks=()), loop=0, ticks=ticks)
    assert ts.read_stamp(moved, 0) == (template + ticks) % ts.WRAP
    assert (moved[0] & 0xF1, moved[2] & 1, moved[4] & 1) == (0x21, 1, 1)  # marker bits


@given(st.integers(0, ts.WRAP - 1), st.binary(min_size=2, max_size=2))
def test_moving_a_clock_keeps_its_extension(ticks: int, extension: bytes) -> None:
    data = b"\0\0\0\0" + extension
    moved = ts.moved(ts.Template(data=data, tallies=(), stamps=(), clocks=(0,)), loop=0, ticks=ticks)
    assert ts.read_clock(moved, 0) == (ts.read_clock(data, 0) + ticks) % ts.WRAP
    assert moved[4] & 0x7F == data[4] & 0x7F
    assert moved[5] == data[5]


def test_what_is_no_transport_stream_is_refused() -> None:
    with pytest.raises(ValueError, match="no transport packet at byte 188"):
        list(ts.packets(b"\x47" + bytes(187) + b"\x00"))
