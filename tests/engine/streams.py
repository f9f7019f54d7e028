"""What hostile servers say, as Hypothesis draws it: words put together at random, and honest answers gone wrong."""

from __future__ import annotations

import atexit
import gzip
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cache
from itertools import count, pairwise
from pathlib import Path
from typing import Final, NamedTuple

from hypothesis import strategies as st

from loadtests import playlist
from loadtests.engine.loop import ANYWHERE, Loop, Reach, System
from loadtests.engine.poller import PollPoller
from tests.engine.asking import OK
from tests.engine.certificates import Authority
from tests.engine.hostile import Peer, Script, Server, Talk
from tests.engine.scripts import CHUNKED, head

PLAYLIST: Final = b"#EXTM3U\n" * 20
PACKED: Final = gzip.compress(PLAYLIST)
BOMB: Final = gzip.compress(bytes(1 << 20))
WORDS: Final = [
    b"HTTP/1.1 200 OK\r\n",
    b"HTTP/1.0 200 OK\r\n",
    b"HTTP/1.1 100 Continue\r\n",
    b"HTTP/1.1 204 x\r\n",
    b"HTTP/1.1 999 x\r\n",
    b"Content-Length: 5\r\n",
    b"Content-Length: 0\r\n",
    b"Content-Length: %d\r\n" % len(PACKED),
    b"Transfer-Encoding: chunked\r\n",
    b"Content-Encoding: gzip\r\n",
    b"Connection: close\r\n",
    b"Connection: keep-alive\r\n",
    b"Location: /x\r\n",
    b" folded\r\n",
    b"\r\n",
    b"\n\n",
    b"hello",
    b"5\r\nhello\r\n",
    b"0\r\n\r\n",
    PACKED,
    OK,
    CHUNKED,
]
LONG: Final = [b"X: " + b"y" * 40_000 + b"\r\n", b"z" * 12_000, b"2ee0\r\n" + b"z" * 12_000 + b"\r\n"]
"""With these some streams exceed the caps of heads (64 KB) and of the bodies asked for (10 KB)."""
HONEST: Final = [
    OK,
    CHUNKED + b"5\r\nhello\r\n0\r\n\r\n",
    CHUNKED + b"5;name=value\r\nhello\r\n0\r\nTrailer: x\r\n\r\n",
    head("Connection: close") + b"until the end",
    head(status="100 Continue") + OK,
    head("Link: </x>; rel=preload", status="103 Early Hints") + CHUNKED + b"1\r\na\r\n0\r\n\r\n",
    head("Content-Encoding: gzip", f"Content-Length: {len(PACKED)}") + PACKED,
    head("Content-Encoding: gzip", f"Content-Length: {len(BOMB)}") + BOMB,
    head("Content-Encoding: gzip", "Transfer-Encoding: chunked") + b"%x\r\n%s\r\n0\r\n\r\n" % (len(PACKED), PACKED),
    head("Location: https://h/x", "Content-Length: 0", status="302 Found"),
    head("X-Cache: HIT", "Age: 4", "Content-Length: 3", status="404 Not Found") + b"no\n",
    head(status="304 Not Modified"),
    b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    head("Upgrade: websocket", status="101 Switching Protocols"),
]
MASTER: Final = b"""#EXTM3U
#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="aac",NAME="English, stereo",URI="audio/en.m3u8"
#EXT-X-STREAM-INF:BANDWIDTH=900000,AVERAGE-BANDWIDTH=800000,RESOLUTION=1280x720,CODECS="avc1.64001f,mp4a.40.2"
v2/index.m3u8?x=1
#EXT-X-STREAM-INF:BANDWIDTH=96000,CODECS="mp4a.40.5"
/audio-only.m3u8
"""
MEDIA: Final = b"""#EXTM3U
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:2680
#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,HOLD-BACK=18.0
#EXT-X-MAP:URI="init.mp4"
#EXT-X-KEY:METHOD=AES-128,URI="https://keys.test/1,2"
#EXT-X-PROGRAM-DATE-TIME:2024-05-01T12:00:00.250+02:00
#EXTINF:2.0,A title, with a comma
seg 2680.m4s
#EXTINF:1.96,
../2681.m4s#t=0
#EXT-X-DISCONTINUITY
#EXTINF:2
http://127.0.0.1/2682.m4s
"""
TAGS: Final = [
    *(f"\n#{name}:".encode() for name in playlist._TAGS),
    *(b"\n", b"\r\n", b",", b'"', b"=", b"nan", b"inf", b"-1", b"1e308", b"9" * 20, b"\x00", b"\xff", b"\xe2\x80\xa8"),
    *(b"//", b"../", b"file:///x", b"http://[", b"http://h:0/", b"?", b"#", b"\n" * 300, b"\n#EXTINF:1,\na" * 50),
]
"""What slips into playlists."""


class Edit(NamedTuple):
    """One thing gone wrong at a place: ``gone`` bytes are lost, ``new`` come instead."""

    place: int
    gone: int
    new: bytes

    def apply(self, text: bytes) -> bytes:
        at = self.place % (len(text) + 1)
        return text[:at] + self.new + text[at + self.gone :]


def edits(words: Sequence[bytes] = WORDS) -> st.SearchStrategy[list[Edit]]:
    """Up to eight edits; ``words`` is what slips in."""
    new = st.one_of(st.just(b""), st.binary(max_size=4), st.sampled_from(words))
    edit = st.builds(Edit, st.integers(0, 5000), st.one_of(st.integers(0, 4), st.integers(0, 500)), new)
    return st.lists(edit, max_size=8)


def spoilt(text: bytes, wrong: list[Edit]) -> bytes:
    for edit in wrong:
        text = edit.apply(text)
    return text


def cut(text: bytes, places: list[int]) -> list[bytes]:
    """The text in pieces."""
    borders = sorted({place % (len(text) + 1) for place in places} | {0, len(text)})
    return [text[a:b] for a, b in pairwise(borders)]


def mutants(texts: Sequence[bytes], words: Sequence[bytes] = WORDS) -> st.SearchStrategy[bytes]:
    """One of ``texts``, or several behind one another, gone wrong."""
    whole = st.lists(st.sampled_from(texts), min_size=1, max_size=3).map(b"".join)
    return st.builds(spoilt, whole, edits(words))


pieces: Final = st.one_of(
    st.lists(st.one_of(st.sampled_from(WORDS), st.binary(max_size=40)), max_size=12),
    st.builds(cut, mutants(HONEST), st.lists(st.integers(0, 2000), max_size=6)),
    st.lists(st.sampled_from([*WORDS, *LONG]), max_size=10),
)
"""A response stream in the pieces in which it is sent."""


@contextmanager
def meeting(stream: list[bytes], rounds: int, *, tls: bool = False) -> Iterator[tuple[Loop, Server]]:
    """A loop and a server that answers ``rounds`` requests per connection with ``stream``, then closes."""

    def script(peer: Peer) -> Talk:
        for _ in range(rounds):
            yield from peer.hear()
            yield from peer.say(*stream)

    with playing(script, hasty_clock(), tls=tls) as (loop, server):
        yield loop, server


def hasty_clock() -> Callable[[], float]:
    """Goes on with every look at it, so that time-outs are a matter of turns."""
    moments = count()
    return lambda: next(moments) * 0.01


@contextmanager
def playing(
    script: Script, ticks: Callable[[], float] = time.monotonic, *, tls: bool = False, trusted: bool = False
) -> Iterator[tuple[Loop, Server]]:
    """A loop and a server; whatever happens, both are closed. ``trusted``: a plain one that does TLS by itself."""
    reach = Reach(ca_file=str(authority().file)) if tls or trusted else ANYWHERE
    context = server_context() if tls else None
    loop = Loop(reach=reach, system=System(ticks=ticks, poller=PollPoller))
    with closing(Server(script, context=context)) as server:
        try:
            yield loop, server
        finally:
            loop.cancel()


@cache
def server_context() -> ssl.SSLContext:
    """What they need for TLS."""
    return authority().server("127.0.0.1")


@cache
def authority() -> Authority:
    """Signs for every hostile server of this process."""
    folder = tempfile.TemporaryDirectory()
    atexit.register(folder.cleanup)
    return Authority(Path(folder.name), "hostile")
