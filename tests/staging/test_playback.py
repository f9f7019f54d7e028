"""The media as ffprobe and ffmpeg see it: more than three loops, the seam, the 33-bit wrap, and the live URL."""

from __future__ import annotations

import json
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from loadtests.staging import Node, media, recipe, ts
from loadtests.staging.media import Rendition, Stream
from tests.needs import needs

STREAMS = media.load()
EACH = [(stream, rendition) for stream in STREAMS for rendition in stream.renditions]
each = pytest.mark.parametrize(
    ("stream", "rendition"), EACH, ids=[f"{stream.folder}-{rendition.facts.name}" for stream, rendition in EACH]
)
FRAME = {"video": 1 / 25, "audio": 1024 / 32_000}
FOUR_LOOPS = 8
TODAY = 29_851_957
WRAP_SEGMENT = ts.WRAP // ts.CLOCK // 2


def run(*command: str | Path) -> str:
    """Run a tool that must succeed without a word of complaint."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def ffprobe(source: str | Path, *options: str) -> dict[str, list[dict[str, Any]]]:
    found = run(needs("ffprobe"), "-v", "error", "-of", "json", *options, source)
    answer: dict[str, list[dict[str, Any]]] = json.loads(found)
    return answer


def recording(folder: Path, stream: Stream, rendition: Rendition, first: int) -> Path:
    """What a viewer would have saved from segment ``first`` on."""
    segments = [rendition.segment(number) for number in range(first, first + FOUR_LOOPS)]
    path = folder / f"recording.{stream.suffix}"
    path.write_bytes((rendition.init or b"") + b"".join(segments))
    return path


def check_times(path: Path) -> None:
    packets = ffprobe(path, "-show_entries", "packet=codec_type,pts_time,dts_time")["packets"]
    for kind, frame in FRAME.items():
        times = [float(packet["dts_time"]) for packet in packets if packet.get("codec_type") == kind]
        steps = [after - before for before, after in pairwise(times)]
        assert abs(len(times) - FOUR_LOOPS * 2 / frame) <= 1
        assert min(steps) == pytest.approx(frame, abs=2e-5)
        assert max(steps) == pytest.approx(frame, abs=2e-5)


@each
def test_four_loops_play_without_a_gap(tmp_path: Path, stream: Stream, rendition: Rendition) -> None:
    path = recording(tmp_path, stream, rendition, TODAY)
    check_times(path)
    run(needs("ffmpeg"), "-nostdin", "-v", "error", "-i", path, "-f", "null", "-")


@pytest.mark.parametrize("rendition", STREAMS[0].renditions, ids=lambda r: r.facts.name)
def test_the_33_bit_wrap_plays_without_a_gap(tmp_path: Path, rendition: Rendition) -> None:
    path = recording(tmp_path, STREAMS[0], rendition, WRAP_SEGMENT - 3)
    check_times(path)
    run(needs("ffmpeg"), "-nostdin", "-v", "error", "-i", path, "-f", "null", "-")


@each
def test_every_segment_starts_with_a_keyframe_and_can_be_decoded_alone(
    tmp_path: Path, stream: Stream, rendition: Rendition
) -> None:
    for number in (TODAY, TODAY + 1):
        path = tmp_path / f"{number}.{stream.suffix}"
        path.write_bytes((rendition.init or b"") + rendition.segment(number))
        frames = ffprobe(path, "-select_streams", "v", "-show_entries", "frame=pict_type,key_frame")["frames"]
        assert len(frames) == 50
        assert [frame["pict_type"] for frame in frames].count("I") == 1
        assert frames[0]["pict_type"] == "I"


@each
def test_the_facts_are_those_that_ffprobe_finds(tmp_path: Path, stream: Stream, rendition: Rendition) -> None:
    path = recording(tmp_path, stream, rendition, TODAY)
    entries = "stream=codec_name,profile,width,height,avg_frame_rate,sample_rate,level"
    video, audio = ffprobe(path, "-show_entries", entries)["streams"][:2]
    facts = rendition.facts
    assert (video["codec_name"], video["width"], video["height"]) == ("h264", facts.width, facts.height)
    assert video["avg_frame_rate"] == f"{facts.frame_rate}/1"
    assert facts.codecs == f"avc1.4d40{int(video['level']):02x},mp4a.40.2"  # 4d is Main, 40 its constraint bits
    assert (video["profile"], audio["codec_name"], audio["profile"]) == ("Main", "aac", "LC")


@pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.folder)
def test_ffprobe_reads_the_live_url(node: Node, stream: Stream) -> None:
    url = f"http://{node.address}:{node.port}/{stream.folder}/master.m3u8"
    streams = ffprobe(url, "-show_entries", "stream=codec_name,width")["streams"]
    assert sorted({row["codec_name"] for row in streams if "codec_name" in row}) == ["aac", "h264"]
    assert sorted(int(row["width"]) for row in streams if "width" in row) == [256, 384, 640]


def test_the_media_fit_in_a_megabyte() -> None:
    assert sum(path.stat().st_size for path in media.FOLDER.rglob("*") if path.is_file()) <= 1_000_000


def test_the_recipe_makes_media_like_those_shipped(tmp_path: Path) -> None:
    """Another ffmpeg may code a little differently; frames, facts and, within a tenth, sizes are the same."""
    needs("ffmpeg")
    recipe.main(tmp_path)
    for made, shipped in zip(media.load(tmp_path), STREAMS, strict=True):
        for one, other in zip(made.renditions, shipped.renditions, strict=True):
            assert one.facts == other.facts
            assert one.average_bitrate == pytest.approx(other.average_bitrate, rel=0.1)
    for stream in media.load(tmp_path):
        check_times(recording(tmp_path, stream, stream.renditions[0], TODAY))
