"""What the modelled origin answers to an address: the stage's own playlists, and the sizes of its segments. No I/O."""

from __future__ import annotations

from typing import Final, NamedTuple

from loadtests.staging import playlists
from loadtests.staging.clock import GRACE, ORIGIN, SEGMENT_SECONDS, WINDOW, starts_at
from loadtests.staging.media import Stream

KNOWN: Final = 4096
"""Addresses remembered: all that a ladder's viewers ask for within ten minutes."""
HEAD: Final = 255
"""Bytes of a response head, as the stage sends it."""
REFUSAL: Final = (273, 62)
"""Bytes of head and body of the stage's 503."""
_PLAYLIST, _MASTER, _NOTHING = -1, -2, -3


class Answer(NamedTuple):
    """A response before anything is known of its way: bytes of its body, and the body itself where it is read."""

    status: int
    size: int
    body: bytes = b""


class _Place(NamedTuple):
    """A segment by its number (from 0) and bytes; or what else is found at an address."""

    number: int
    answer: Answer


_GONE: Final = Answer(404, 50)


class Content:
    """One stream below one master address; times are run seconds, ``epoch`` that of second zero since 1970."""

    def __init__(self, stream: Stream, master: str, epoch: float) -> None:
        self._stream, self._master = stream, master
        self._zero = epoch - ORIGIN
        self._sizes = {rendition.facts.name: rendition.sizes for rendition in stream.renditions}
        self._inits = {rendition.facts.name: rendition.init for rendition in stream.renditions if rendition.init}
        text = playlists.master(stream).encode()
        self._places = {master: _Place(_MASTER, Answer(200, len(text), text))}
        self._newest, self._playlist = -1, _GONE

    def answer(self, url: str, at: float) -> Answer:
        """What stands at ``url`` at that moment."""
        place = self._places.get(url) or self._find(url)
        number = place.number
        if number == _PLAYLIST:
            return self._media(at)
        if number >= 0:
            last = int((self._zero + at) // SEGMENT_SECONDS) - 1
            if not last - WINDOW - GRACE < number <= last:
                return _GONE
        return place.answer

    def is_playlist(self, url: str) -> bool:
        """Whether a cache may keep it only for a while."""
        return (self._places.get(url) or self._find(url)).number in (_PLAYLIST, _MASTER)

    def _media(self, at: float) -> Answer:
        last = int((self._zero + at) // SEGMENT_SECONDS) - 1
        if last != self._newest:
            text = playlists.media(self._stream, starts_at(last + 1)).encode()
            self._newest, self._playlist = last, Answer(200, len(text), text)
        return self._playlist

    def _find(self, url: str) -> _Place:
        if len(self._places) > KNOWN:
            self._places = {self._master: self._places[self._master]}
        place = self._places[url] = self._read(url)
        return place

    def _read(self, url: str) -> _Place:
        folder, _, name = url.partition("?")[0].rpartition("/")
        rendition = folder.rpartition("/")[2]
        stem, _, suffix = name.partition(".")
        if rendition in self._sizes and name == "index.m3u8":
            return _Place(_PLAYLIST, _GONE)
        if rendition in self._sizes and suffix == self._stream.suffix and stem.isdecimal():
            sizes, number = self._sizes[rendition], int(stem)
            return _Place(number, Answer(200, sizes[number % len(sizes)]))
        if name == "init.mp4" and rendition in self._inits:
            return _Place(_NOTHING, Answer(200, len(self._inits[rendition])))
        return _Place(_NOTHING, _GONE)
