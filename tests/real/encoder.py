"""Real ffmpeg: a ladder of three renditions, encoded once, then streamed live for ever at the price of a copy."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

from tests.needs import needs
from tests.real.processes import until

LADDER: Final = (("low", "256x144", "60k"), ("mid", "384x216", "150k"), ("high", "640x360", "400k"))
TARGET_DURATION: Final = 2
_LOOP: Final = 12
_GOP: Final = ("-g", "50", "-keyint_min", "50", "-sc_threshold", "0")


def encode(folder: Path) -> None:
    """Three files with a key frame every two seconds."""
    source = ["-f", "lavfi", "-i", f"testsrc=size=640x360:rate=25:duration={_LOOP}"]
    sound = ["-f", "lavfi", "-i", f"sine=frequency=440:duration={_LOOP}"]
    words = [needs("ffmpeg"), "-nostdin", "-v", "error", *source, *sound]
    for name, size, rate in LADDER:
        picture = ["-map", "0:v", "-s", size, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", *_GOP]
        words += [*picture, "-b:v", rate, "-maxrate", rate, "-bufsize", rate]
        words += ["-map", "1:a", "-c:a", "aac", "-b:a", "32k", f"{name}.mp4"]
    subprocess.run(words, cwd=folder, check=True, timeout=60)


def stream(media: Path, out: Path, *, suffix: str) -> subprocess.Popen[bytes]:
    """Live HLS into ``out`` in real time; the caller ends the process. Returns when every rendition has begun."""
    words = [needs("ffmpeg"), "-nostdin", "-v", "error"]
    for name, _, _ in LADDER:
        words += ["-stream_loop", "-1", "-re", "-i", str(media / f"{name}.mp4")]
    variants = " ".join(f"v:{n},a:{n},name:{name}" for n, (name, _, _) in enumerate(LADDER))
    words += ["-map", "0", "-map", "1", "-map", "2", "-c", "copy", "-f", "hls", "-var_stream_map", variants]
    words += ["-hls_time", str(TARGET_DURATION), "-hls_list_size", "6", "-hls_delete_threshold", "7"]
    words += ["-hls_flags", "delete_segments+temp_file+independent_segments+program_date_time"]
    words += ["-hls_segment_type", "fmp4" if suffix == "m4s" else "mpegts", "-hls_fmp4_init_filename", "init.mp4"]
    words += ["-master_pl_name", "master.m3u8", "-hls_segment_filename", f"%v/%05d.{suffix}", "%v/index.m3u8"]
    for name, _, _ in LADDER:
        (out / name).mkdir(parents=True)
    process = subprocess.Popen(words, cwd=out, stdin=subprocess.DEVNULL)
    wanted = [out / "master.m3u8", *(out / name / "index.m3u8" for name, _, _ in LADDER)]
    until(lambda: all(path.exists() for path in wanted), "the first live segments")
    return process
