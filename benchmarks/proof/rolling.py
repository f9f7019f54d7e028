"""A live HLS stream as files that roll on: the embedded origin's media, written for any server that serves files.

www/live/master.m3u8   low/index.m3u8   low/412.ts   (segment n covers [n · L, (n + 1) · L) of the stage's time)
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Final

from loadtests.staging import playlists
from loadtests.staging.clock import ORIGIN, SEGMENT_SECONDS
from loadtests.staging.media import Rendition, load

WINDOW: Final = 6
"""Segments in a playlist."""
GRACE: Final = WINDOW + 1
"""Segments that stay after they left it (RFC 8216 §6.2.2)."""


class Rolling:
    """Writes what is due; segments are whole numbers of the stage's 2 s segments, one after the other."""

    def __init__(self, www: Path, seconds: int) -> None:
        assert seconds % SEGMENT_SECONDS == 0
        self._folder, self._seconds = www / "live", seconds
        self._stream = load()[0]
        self._written: list[int] = []
        self._folder.mkdir(parents=True)
        master = playlists.master(self._stream)
        (self._folder / "master.m3u8").write_text(master, encoding="ascii")
        for rendition in self._stream.renditions:
            (self._folder / rendition.facts.name).mkdir()

    def write(self, now: float) -> float:
        """Bring the files up to ``now`` (Unix seconds); when to come back."""
        last = int((now - ORIGIN) // self._seconds) - 1
        for number in range(max(last - WINDOW + 1, self._written[-1] + 1 if self._written else 0), last + 1):
            self._written.append(number)
            for rendition in self._stream.renditions:
                (self._place(rendition) / f"{number}.ts").write_bytes(self.segment(rendition, number))
        for rendition in self._stream.renditions:
            draft = self._place(rendition) / "draft"
            draft.write_text(self.playlist(last), encoding="ascii")
            draft.rename(self._place(rendition) / "index.m3u8")
        while self._written[0] <= last - WINDOW - GRACE:
            gone = self._written.pop(0)
            for rendition in self._stream.renditions:
                (self._place(rendition) / f"{gone}.ts").unlink()
        return float(ORIGIN + (last + 2) * self._seconds)

    def segment(self, rendition: Rendition, number: int) -> bytes:
        """The bytes of one segment: MPEG-TS can be put one behind the other."""
        parts = self._seconds // SEGMENT_SECONDS
        return b"".join(rendition.segment(number * parts + part) for part in range(parts))

    def playlist(self, last: int) -> str:
        """While ``last`` is the newest segment."""
        first = last - WINDOW + 1
        lines = ["#EXTM3U", "#EXT-X-VERSION:3", f"#EXT-X-TARGETDURATION:{self._seconds}"]
        lines += [f"#EXT-X-MEDIA-SEQUENCE:{first}", "#EXT-X-INDEPENDENT-SEGMENTS"]
        for number in range(first, last + 1):
            lines += [f"#EXTINF:{self._seconds:.3f},", f"{number}.ts"]
        return "\n".join(lines) + "\n"

    def _place(self, rendition: Rendition) -> Path:
        return self._folder / rendition.facts.name


@contextmanager
def rolling(www: Path, seconds: int) -> Iterator[None]:
    """The stream under ``www`` for as long as the context lasts."""
    stream, over = Rolling(www, seconds), Event()
    first = stream.write(time.time())

    def roll() -> None:
        due = first
        while not over.wait(max(0.0, due - time.time())):
            due = stream.write(time.time())

    thread = Thread(target=roll, name="rolling", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
