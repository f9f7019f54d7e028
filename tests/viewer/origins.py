"""A scripted live origin in virtual time: says what it lists and when, and can be told to misbehave."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from loadtests.session import ErrorKind, Failed, Get, Got
from tests.viewer.driver import VIEWER, Story, visit

MASTER = """#EXTM3U
#EXT-X-STREAM-INF:BANDWIDTH=3000000,RESOLUTION=1280x720,CODECS="avc1.64001f,mp4a.40.2"
mid/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=800000,RESOLUTION=640x360,CODECS="avc1.4d401e,mp4a.40.2"
low/index.m3u8
#EXT-X-STREAM-INF:BANDWIDTH=6000000,AVERAGE-BANDWIDTH=5000000,RESOLUTION=1920x1080,CODECS="avc1.640028,mp4a.40.2"
high/index.m3u8
"""


def got(get: Get, at: float, delay: float, status: int = 200, body: bytes | int = 1000, location: str = "") -> Got:
    """An answer ``delay`` seconds after the question; a body is bytes or just a size."""
    size, read = (body, b"") if isinstance(body, int) else (len(body), body if get.read else b"")
    return Got(at + delay, at, get.url, status, size, read, location)


def failed(get: Get, at: float, delay: float, reason: ErrorKind = "reset") -> Failed:
    return Failed(at + delay, at, get.url, reason)


@dataclass(frozen=True, kw_only=True)
class Live:
    """``window`` segments of ``length`` seconds; segment n is listed from ``n × length`` on, time zero is run time."""

    length: float = 2.0
    target: int = 2
    window: int = 6
    first: int = 100
    """Segments listed before run second zero: the newest then is ``first - 1``."""
    delay: float = 0.1
    segment_delay: float = 0.1
    dates: bool = False
    header: str = ""
    frozen: tuple[float, float] = (math.inf, math.inf)
    """Between these times the playlist does not move."""
    ends: float = math.inf
    extra: Mapping[int, str] = field(default_factory=dict)
    """Tags before a segment, by number."""
    override: Callable[[Get, float], Got | Failed | None] = lambda _get, _at: None

    def __call__(self, get: Get, at: float) -> Got | Failed:
        answer = self.override(get, at)
        if answer is not None:
            return answer
        match get.kind:
            case "master":
                return got(get, at, self.delay, body=MASTER.encode())
            case "playlist":
                return got(get, at, self.delay, body=self.playlist(at).encode())
            case "segment":
                return got(get, at, self.segment_delay, body=200_000)
            case _:
                return got(get, at, self.delay)

    def newest(self, at: float) -> int:
        """Number of the newest segment listed at run second ``at``."""
        if self.frozen[0] <= at < self.frozen[1]:
            at = self.frozen[0]
        return self.first - 1 + math.floor(min(at, self.ends) / self.length + 1e-9)

    def playlist(self, at: float) -> str:
        newest = self.newest(at)
        oldest = max(newest - self.window + 1, 0)
        lines = [
            "#EXTM3U",
            f"#EXT-X-TARGETDURATION:{self.target}",
            f"#EXT-X-MEDIA-SEQUENCE:{oldest}",
            *([self.header] if self.header else []),
        ]
        for number in range(oldest, newest + 1):
            lines += self.segment(number)
        return "\n".join([*lines, *(["#EXT-X-ENDLIST"] if at >= self.ends else []), ""])

    def segment(self, number: int) -> list[str]:
        extra = [self.extra[number]] if number in self.extra else []
        if self.dates:
            start = VIEWER.epoch + (number - self.first) * self.length
            extra.append(f"#EXT-X-PROGRAM-DATE-TIME:{datetime.fromtimestamp(start, UTC).isoformat()}")
        return [*extra, f"#EXTINF:{self.length:.3f},", f"{number}.ts"]


def only(
    kind: str, answer: Callable[[Get, float], Got | Failed], part: str = "", after: float = 0.0
) -> Callable[[Get, float], Got | Failed | None]:
    """Answer requests of one kind in this way, leave the others to the origin."""

    def override(get: Get, at: float) -> Got | Failed | None:
        return answer(get, at) if get.kind == kind and part in get.url and at >= after else None

    return override


def status(code: int, location: str = "") -> Callable[[Get, float], Got]:
    return lambda get, at: got(get, at, 0.1, code, location=location)


def stay(seconds: float, origin: Live, **changes: object) -> Story:
    """A visit of that many seconds from run second zero."""
    return visit(origin, VIEWER._replace(leave_at=seconds, **changes))  # type: ignore[arg-type]


RATES = {"low": 800_000, "mid": 3_000_000, "high": 5_000_000}
"""Bits per second of the renditions of `MASTER`."""


@dataclass(frozen=True, kw_only=True)
class Pipe:
    """A live origin behind a line: segments have their rendition's size and come at ``rate`` after ``wait``."""

    live: Live = field(default_factory=lambda: Live(window=30))
    rate: Callable[[float], float]
    """Bits per second of a segment asked for at a run second."""
    wait: float = 0.1

    def __call__(self, get: Get, at: float) -> Got | Failed:
        answer = self.live(get, at)
        if get.kind != "segment" or isinstance(answer, Failed) or answer.status != 200:
            return answer
        size = int(RATES[get.url.split("/")[-2]] * self.live.length / 8)
        first = at + self.wait
        return answer._replace(at=first + 8 * size / self.rate(at), size=size, first_at=first)
