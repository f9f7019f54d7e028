"""Make the looping media that the origin serves: ``python -m loadtests.staging.recipe [FOLDER]``, needs ffmpeg.

One loop is four seconds: 100 video frames at 25/s and exactly 125 AAC frames at 32 kHz (1024 samples each), so
video and audio end at the same instant and the loop can be repeated for ever without drift. At 48 kHz the
shortest such loop is eight seconds, which in two packagings would not fit in the megabyte that ships.
The picture is ffmpeg's test pattern with a white flash, the sound a tone with a beep, both on every second.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from loadtests.staging.clock import SEGMENT_SECONDS
from loadtests.staging.fmp4 import boxes
from loadtests.staging.media import FOLDER, SEGMENTS_PER_LOOP

LOOP_SECONDS: Final = SEGMENT_SECONDS * SEGMENTS_PER_LOOP
FRAME_RATE: Final = 25
SAMPLE_RATE: Final = 32000
AAC_FRAME_SAMPLES: Final = 1024  # ISO/IEC 14496-3: AAC-LC codes 1024 samples a frame
AUDIO_FRAMES: Final = LOOP_SECONDS * SAMPLE_RATE // AAC_FRAME_SAMPLES
AUDIO_BITRATE: Final = 32000  # bit/s; plain AAC-LC mono is still clean there, and it leaves room for video
ADTS_SYNC: Final = 0xFFF  # ISO/IEC 13818-7: the twelve bits that open every ADTS frame


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One rendition to encode; ``video_bitrate`` is the encoder's goal in bit/s."""

    name: str
    width: int
    height: int
    video_bitrate: int


LADDER: Final = (
    Wanted(name="low", width=256, height=144, video_bitrate=38_000),
    Wanted(name="mid", width=384, height=216, video_bitrate=138_000),
    Wanted(name="high", width=640, height=360, video_bitrate=310_000),
)


def ffmpeg(*arguments: str | Path, cwd: Path) -> None:
    """Run ffmpeg in ``cwd``; its own error text is the message when it fails."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, cwd=cwd, check=True)  # noqa: S603 - a fixed command, no shell


def encode_video(want: Wanted, work: Path) -> Path:
    """Two passes of x264 without B-frames (decode order is display order, like a low-delay live encoder)."""
    picture = f"testsrc2=size={want.width}x{want.height}:rate={FRAME_RATE}:duration={LOOP_SECONDS}"
    flash = f"drawbox=x=iw*0.45:y=ih*0.4:w=iw*0.1:h=ih*0.2:color=white:t=fill:enable='lt(mod(t,1),3/{FRAME_RATE})'"
    gop = FRAME_RATE * SEGMENT_SECONDS
    rate = str(want.video_bitrate)
    settings = f"keyint={gop}:min-keyint={gop}:scenecut=0:bframes=0:threads=1:stats={want.name}.log"
    common = ["-f", "lavfi", "-i", picture, "-vf", f"{flash},format=yuv420p", "-c:v", "libx264", "-profile:v", "main"]
    common += ["-preset", "veryslow", "-b:v", rate, "-maxrate", rate, "-bufsize", rate, "-x264-params", settings]
    drop_sei = ["-bsf:v", "filter_units=remove_types=6"]  # x264's version text: 700 bytes that nobody plays
    ffmpeg(*common, "-pass", "1", "-f", "null", "-", cwd=work)
    ffmpeg(*common, "-pass", "2", *drop_sei, f"{want.name}.video.mp4", cwd=work)
    return work / f"{want.name}.video.mp4"


def adts_frames(stream: bytes) -> Iterator[bytes]:
    """Cut an ADTS stream into its frames, header included."""
    at = 0
    while at + 7 <= len(stream):
        if int.from_bytes(stream[at : at + 2]) >> 4 != ADTS_SYNC:
            raise ValueError(f"no ADTS frame at byte {at}")
        length = (int.from_bytes(stream[at + 3 : at + 6]) >> 5) & 0x1FFF
        yield stream[at : at + length]
        at += length


def encode_audio(work: Path) -> Path:
    """Encode three loops of sound and keep the middle one, so that the encoder's state is the same at both ends."""
    tone = f"sine=frequency=220:beep_factor=4:sample_rate={SAMPLE_RATE}:duration={3 * LOOP_SECONDS}"
    encoder = ["-c:a", "aac", "-b:a", str(AUDIO_BITRATE), "-ac", "1", "-f", "adts", "sound.adts"]
    ffmpeg("-f", "lavfi", "-i", tone, *encoder, cwd=work)
    frames = list(adts_frames((work / "sound.adts").read_bytes()))
    # The encoder puts one frame of priming in front, so the loop that starts at second four starts one frame later.
    loop = frames[AUDIO_FRAMES + 1 : 2 * AUDIO_FRAMES + 1]
    path = work / "loop.adts"
    path.write_bytes(b"".join(loop))
    return path


def mux(video: Path, audio: Path, *, output: Sequence[str], cwd: Path) -> None:
    """Put both tracks into one container without coding them again."""
    tracks = ["-i", str(video), "-i", str(audio), "-map", "0:v", "-map", "1:a", "-c", "copy"]
    ffmpeg(*tracks, "-fflags", "+bitexact", "-map_metadata", "-1", *output, cwd=cwd)


def package_ts(video: Path, audio: Path, folder: Path) -> None:
    """Write ``0.ts`` and ``1.ts``."""
    segmenter = ["-hls_time", str(SEGMENT_SECONDS), "-hls_list_size", "0", "-hls_segment_filename", "%d.ts"]
    mux(video, audio, output=["-f", "hls", *segmenter, "index.m3u8"], cwd=folder)
    (folder / "index.m3u8").unlink()


def package_fmp4(video: Path, audio: Path, folder: Path) -> None:
    """Write ``init.mp4``, ``0.m4s`` and ``1.m4s``: one fragmented file cut at its boxes."""
    flags = "frag_keyframe+delay_moov+default_base_moof+skip_trailer"
    raw_aac = ["-bsf:a", "aac_adtstoasc"]  # MP4 holds AAC frames without their ADTS headers
    mux(video, audio, output=[*raw_aac, "-use_editlist", "0", "-movflags", flags, "-f", "mp4", "whole.mp4"], cwd=folder)
    whole = (folder / "whole.mp4").read_bytes()
    (folder / "whole.mp4").unlink()
    starts = [box.start for box in boxes(whole) if box.kind == b"moof"]
    (folder / "init.mp4").write_bytes(whole[: starts[0]])
    for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(whole)], strict=True)):
        (folder / f"{number}.m4s").write_bytes(whole[start:end])


def avc_codec(init: bytes) -> str:
    """The RFC 6381 name of the video codec: profile, constraints and level as the avcC box says them."""
    at = init.index(b"avcC") + 5
    return f"avc1.{init[at : at + 3].hex()}"


def make(want: Wanted, audio: Path, work: Path, folder: Path) -> dict[str, object]:
    """Encode and package one rendition; return its row of ``media.json``."""
    folder.mkdir(parents=True, exist_ok=True)
    video = encode_video(want, work)
    package_ts(video, audio, folder)
    package_fmp4(video, audio, folder)
    codecs = f"{avc_codec((folder / 'init.mp4').read_bytes())},mp4a.40.2"  # 40.2 is AAC-LC
    return {"name": want.name, "width": want.width, "height": want.height, "codecs": codecs, "frame_rate": FRAME_RATE}


def main(folder: Path) -> None:
    """Make the whole ladder in ``folder``."""
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        audio = encode_audio(work)
        rows = [make(want, audio, work, folder / want.name) for want in LADDER]
    (folder / "media.json").write_text(json.dumps({"renditions": rows}, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve() if len(sys.argv) > 1 else FOLDER)
