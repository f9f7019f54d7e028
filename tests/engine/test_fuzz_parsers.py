"""Whatever bytes a server sends, our parsers read or refuse them: nothing else is raised, and no cap is passed."""

from __future__ import annotations

import gzip
import math
from contextlib import suppress
from itertools import pairwise
from urllib.parse import urlsplit

import h11
from hypothesis import given, settings
from hypothesis import strategies as st

from loadtests.address import redirect, resolve
from loadtests.engine.framing import Framing
from loadtests.engine.gzipped import unpack
from loadtests.engine.head import END, LONGEST_HEAD, HeadError, gather, read_head
from loadtests.engine.request import LONGEST_URL, origin_of, request_bytes
from loadtests.playlist import MAX_SECONDS, MAX_SEGMENTS, MAX_VARIANTS, Master, Media, PlaylistError, parse
from loadtests.preflight import STEPS
from tests.engine.streams import BOMB, HONEST, LONG, MASTER, MEDIA, PACKED, TAGS, WORDS, mutants, pieces

URL = "http://127.0.0.1:8080/live/m.m3u8?x=/y"


@given(pieces, st.booleans())
def test_unusual_framing_ends_or_is_refused(stream: list[bytes], truncated: bool) -> None:
    """As the connection feeds it: the last, empty piece is the end of the stream. No byte comes from nowhere."""
    framing, body, fed = Framing(), 0, 0
    with suppress(h11.RemoteProtocolError, ConnectionResetError):
        for piece in [*filter(None, stream), b""]:
            fed += len(piece)
            body += len(framing.feed(piece, truncated=truncated and not piece))
            assert body <= fed
            assert len(framing.h11.trailing_data[0]) <= LONGEST_HEAD + len(piece)
            if framing.ended:
                break
        assert framing.ended
        assert framing.head is not None
        assert framing.head.length == -1
        assert not framing.is_clean or not framing.h11.trailing_data[0]


@settings(max_examples=200)
@given(mutants([MASTER, MEDIA], TAGS))
def test_a_playlist_gone_wrong_is_read_or_refused(text: bytes) -> None:
    try:
        parsed = parse(text, URL)
    except PlaylistError:
        return
    if isinstance(parsed, Media):
        sound(parsed)
    else:
        assert 0 < len(parsed.variants) <= MAX_VARIANTS
        assert all(math.isfinite(parsed.choose(step).bitrate) for step in STEPS)
    for url in urls(parsed):
        assert url.startswith(("http://", "https://"))
        asked(url)


def urls(parsed: Master | Media) -> list[str]:
    if isinstance(parsed, Master):
        return [variant.url for variant in parsed.variants]
    return [url for segment in parsed.segments for url in (segment.url, segment.init_url) if url]


def sound(media: Media) -> None:
    """What the player counts on."""
    assert len(media.segments) <= MAX_SEGMENTS
    assert 1.0 <= media.target_duration <= MAX_SECONDS
    assert all(0.0 <= segment.duration <= MAX_SECONDS for segment in media.segments)
    assert all(a.offset <= b.offset and a.sequence + 1 == b.sequence for a, b in pairwise(media.segments))
    assert all(segment.program_time is None or math.isfinite(segment.program_time) for segment in media.segments)
    assert media.target_duration / 2 <= media.reload_interval(changed=True) <= media.target_duration
    assert media.hold_back is None or 0 <= media.hold_back <= MAX_SECONDS


def asked(url: str) -> None:
    """One clean request comes of the address, or none."""
    try:
        origin, request = origin_of(url), request_bytes(url, compressed=False)
    except ValueError:
        return
    assert request.count(b"\r\n") == 6
    assert request.startswith(b"GET /")
    assert 0 < origin.port < 65536
    assert len(request) <= 3 * LONGEST_URL + 300


@given(
    mutants(
        [b"/a/b.ts", b"../c.ts?x=y#z", b"http://[::1]:80/x", b"//h:8080/x", b"https://h/%41", "/\u4f60".encode()], TAGS
    ),
    st.sampled_from([URL, "https://h", "https://h/a/../b?c"]),
)
def test_any_address_is_resolved_or_refused(text: bytes, base: str) -> None:
    for meaning in (resolve, redirect):
        with suppress(ValueError):
            url = meaning(base, text.decode("latin-1"))
            assert url.startswith(("http://", "https://"))
            assert urlsplit(url).hostname
            asked(url)


@given(st.one_of(st.lists(st.one_of(st.sampled_from(WORDS), st.binary(max_size=60))).map(b"".join), mutants(HONEST)))
def test_a_head_is_read_or_refused(text: bytes) -> None:
    for head in (text + END, b"HTTP/1.1 200 OK\r\n" + text + END, text):
        with suppress(HeadError):
            read = read_head(head)
            assert read.length >= -1
            assert 0 <= read.status <= 999


@given(st.one_of(st.lists(st.one_of(st.sampled_from([*WORDS, *LONG]), st.binary(max_size=60))), pieces))
def test_a_head_in_pieces_ends_where_the_whole_does(stream: list[bytes]) -> None:
    early, end = b"HTTP/1.1 200 OK\r\n", -1
    for piece in stream:
        try:
            early, end = gather(early, piece)
        except HeadError:
            assert len(early) + len(piece) > LONGEST_HEAD
            return
        assert len(early) <= LONGEST_HEAD + max(map(len, stream))
        if end >= 0:
            break
    marks = [early.find(mark) + len(mark) for mark in (END, b"\n\n") if mark in early]
    assert end == min(marks, default=-1)


@given(
    st.one_of(st.binary(), st.binary().map(gzip.compress), mutants([PACKED, BOMB], [PACKED, BOMB, PACKED[:10]])),
    st.one_of(st.integers(0, 200), st.just(2**20)),
)
def test_unpacking_never_exceeds_the_limit(packed: bytes, limit: int) -> None:
    with suppress(ValueError):
        assert len(unpack(packed, limit)) <= limit


@given(st.binary(max_size=300), st.integers(0, 400), st.integers(0, 30))
def test_a_packed_body_comes_back_or_is_refused(body: bytes, limit: int, missing: int) -> None:
    packed = gzip.compress(body)
    try:
        unpacked = unpack(packed[: len(packed) - missing], limit)
    except ValueError:
        assert missing or len(body) > limit
    else:
        assert missing in (0, len(packed)) or not packed[: len(packed) - missing]
        assert unpacked == (body if not missing else b"")


@given(st.text(), st.sampled_from(["", "http://", "https://", "http://h/", "http://h:80/x?", "http://[::1]/"]))
def test_any_text_makes_one_clean_request_or_none(text: str, start: str) -> None:
    try:
        origin, request = origin_of(start + text), request_bytes(start + text, compressed=True)
    except ValueError:
        return
    lines = request.decode("ascii").split("\r\n")
    assert len(lines) == 7
    assert lines[0].startswith("GET /")
    assert lines[0].count(" ") == 2
    assert lines[1].startswith("Host: ")
    assert lines[5:] == ["", ""]
    assert all(line.isprintable() for line in lines)
    assert urlsplit(start + text).scheme == origin.scheme
