"""What the origin answers to a path at an instant: a pure look-up, no sockets, no capacity.

    /live/master.m3u8   /live/low/index.m3u8   /live/low/29851827.ts      MPEG-TS
    /cmaf/master.m3u8   /cmaf/low/index.m3u8   /cmaf/low/29851827.m4s     fMP4, with /cmaf/low/init.mp4

Every answer has a Content-Length, so none is chunked. Where the stage has tokens, all but the master playlists is
answered 403 without a good one; where it has keys, segments are encrypted, and `/live/keys/0.key` is the first key.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from loadtests.staging import keys, playlists, tokens
from loadtests.staging.clock import GRACE, SEGMENT_SECONDS, WINDOW, available, newest, starts_at
from loadtests.staging.live import Live
from loadtests.staging.media import Rendition, Stream

Kind = Literal["master", "playlist", "init", "segment", "key", "other"]
Headers = tuple[tuple[bytes, bytes], ...]

PLAYLIST_TYPE: Final = "application/vnd.apple.mpegurl"  # RFC 8216 §4
CACHE_PLAYLIST: Final = f"public, max-age={SEGMENT_SECONDS // 2}"
"""At most half a target duration: a cache must not make a playlist older than a player's reload interval."""
CACHE_MEDIA: Final = "public, max-age=31536000, immutable"  # RFC 8246; a segment number's bytes never change
CACHE_NEVER: Final = "no-store"
KEY_TYPE: Final = "application/octet-stream"
KEY_NAME: Final = re.compile(r"(?P<number>0|[1-9][0-9]{0,5})\.key")
MARK: Final = f"?{tokens.NAME}=-"
"""Stands in a kept playlist where each viewer's own token goes."""
NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,17}")
"""How a segment number is written: one name per segment, and never more digits than a time can need."""

CORS: Final[Headers] = (
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", b"content-length, date, retry-after"),
)
PREFLIGHT: Final[Headers] = (
    (b"access-control-allow-methods", b"GET, HEAD, OPTIONS"),
    (b"access-control-allow-headers", b"*"),
    (b"access-control-max-age", b"86400"),  # a day, the longest that any browser keeps it
)
ALLOW: Final[Headers] = ((b"allow", b"GET, HEAD, OPTIONS"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A finished answer. ``headers`` hold Content-Length, always; ``kind`` is what the metrics call it."""

    kind: Kind
    status: int
    headers: Headers
    body: bytes


def reply(kind: Kind, status: int, body: bytes, *, content_type: str, cache: str, extra: Headers = ()) -> Reply:
    """Put an answer together with the headers that every answer has."""
    headers = (
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", cache.encode()),
        *CORS,
        *extra,
    )
    return Reply(kind=kind, status=status, headers=headers, body=body)


def message(kind: Kind, status: int, text: str, *extra: tuple[bytes, bytes]) -> Reply:
    """Answer with one line of plain text that no cache may keep."""
    content_type = "text/plain; charset=utf-8"
    return reply(kind, status, f"{text}\n".encode(), content_type=content_type, cache=CACHE_NEVER, extra=extra)


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of the site: one rendition of one stream."""

    stream: Stream
    rendition: Rendition


class Site:
    """All the paths of the origin. Segments and playlists are made once and kept while they are asked for."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self.live = Live()
        self._places = {f"/{s.folder}/{r.facts.name}": Place(s, r) for s in streams for r in s.renditions}
        self._fixed, self._marked = dict(_fixed(streams, "")), dict(_fixed(streams, MARK))
        self._key_folders = frozenset(f"/{stream.folder}/keys" for stream in streams)
        kept = len(self._places) * (WINDOW + GRACE)
        self._segment = lru_cache(maxsize=kept)(self._make_segment)
        self._playlist = lru_cache(maxsize=2 * len(streams))(_make_playlist)

    def answer(self, method: str, path: str, now: float, query: str = "") -> Reply:
        """Return what ``path`` holds at ``now`` (Unix seconds); of the query only the token matters."""
        found = self._refused(path, now, query) if method != "OPTIONS" else None
        found = found or self._find(path, now, query)
        if method in {"GET", "HEAD"}:
            return found
        if method != "OPTIONS":
            return message(found.kind, 405, f"{method} is not allowed here", *ALLOW)
        return message(found.kind, 200, "GET, HEAD, OPTIONS", *ALLOW, *PREFLIGHT)

    def kind(self, path: str) -> Kind:
        """Say what a path is for, by its name alone."""
        folder, _, name = path.rpartition("/")
        if path in self._fixed:
            return self._fixed[path].kind
        if folder in self._key_folders:
            return "key"
        if folder not in self._places:
            return "other"
        return "playlist" if name == "index.m3u8" else "segment"

    def _refused(self, path: str, now: float, query: str) -> Reply | None:
        """The answer to who may not have it, where a token is asked for."""
        if self.live.tokens is None or (kind := self.kind(path)) in {"master", "other"}:
            return None
        reason = tokens.refusal(self.live, tokens.of_query(query), now)
        return message(kind, 403, reason) if reason else None

    def _find(self, path: str, now: float, query: str) -> Reply:
        if path in self._fixed:
            found = self._fixed[path]
            return self._tokened(self._marked[path], tokens.issue(self.live, now)) if self._hands_out(found) else found
        folder, _, name = path.rpartition("/")
        if folder in self._key_folders:
            return self._find_key(name)
        place = self._places.get(folder)
        if place is None:
            return message("other", 404, "nothing here; start at /live/master.m3u8 or /cmaf/master.m3u8")
        if name == "index.m3u8":
            found = self._playlist(place.stream, newest(now), self.live)
            return self._tokened(found, tokens.of_query(query)) if self.live.tokens is not None else found
        return self._find_segment(folder, name, now)

    def _hands_out(self, found: Reply) -> bool:
        return found.kind == "master" and self.live.tokens is not None

    def _tokened(self, kept: Reply, token: str) -> Reply:
        """A playlist with a viewer's token in its addresses, which is nobody else's."""
        text = kept.body.replace(MARK.encode(), f"?{tokens.NAME}={token}".encode())
        return reply(kept.kind, 200, text, content_type=PLAYLIST_TYPE, cache=CACHE_NEVER)

    def _find_key(self, name: str) -> Reply:
        match = KEY_NAME.fullmatch(name)
        if not self.live.keys or match is None or int(match["number"]) > len(self.live.rotations):
            return message("key", 404, "no such key")
        body = keys.key(self.live, int(match["number"]))
        return reply("key", 200, body, content_type=KEY_TYPE, cache=CACHE_NEVER)

    def _find_segment(self, folder: str, name: str, now: float) -> Reply:
        digits, _, suffix = name.partition(".")
        if not NUMBER.fullmatch(digits) or suffix != self._places[folder].stream.suffix:
            return message("segment", 404, "no segment has this name")
        number = int(digits)
        if not available(number, now):
            return message("segment", 404, f"segment {digits} is not available; the newest is {newest(now)}")
        live = self.live
        return self._segment(folder, number, keys.key(live, keys.number_of(live, number)) if live.keys else None)

    def _make_segment(self, folder: str, number: int, key: bytes | None) -> Reply:
        place = self._places[folder]
        body = place.rendition.segment(number)
        if key is not None:
            body = keys.encrypted(body, key, number)
        return reply("segment", 200, body, content_type=place.stream.content_type, cache=CACHE_MEDIA)


def _make_playlist(stream: Stream, last: int, live: Live) -> Reply:
    """Write the playlist for as long as ``last`` is the newest segment and the stage stays as it is."""
    key_of = (lambda number: keys.number_of(live, number)) if live.keys else None
    query = MARK if live.tokens is not None else ""
    text = playlists.media(stream, starts_at(last + 1), query, key_of)
    return reply("playlist", 200, text.encode(), content_type=PLAYLIST_TYPE, cache=CACHE_PLAYLIST)


def _fixed(streams: Sequence[Stream], query: str) -> list[tuple[str, Reply]]:
    found: list[tuple[str, Reply]] = []
    for stream in streams:
        text = playlists.master(stream, query).encode()
        answer = reply("master", 200, text, content_type=PLAYLIST_TYPE, cache=CACHE_PLAYLIST)
        found.append((f"/{stream.folder}/master.m3u8", answer))
        for rendition in stream.renditions:
            if rendition.init is not None:
                path = f"/{stream.folder}/{rendition.facts.name}/init.mp4"
                init = reply("init", 200, rendition.init, content_type=stream.content_type, cache=CACHE_MEDIA)
                found.append((path, init))
    return found
