"""Looks at the target as one viewer would, before any load: whether it is a live stream that can be watched."""

from __future__ import annotations

import time
from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple, cast

from loadtests.address import redirect
from loadtests.engine.loop import Loop
from loadtests.engine.request import Origin, origin_of
from loadtests.engine.visit import Visit
from loadtests.errors import TargetError
from loadtests.limits import HERE, Machine
from loadtests.playlist import Master, Media, PlaylistError, parse
from loadtests.reaching import reach_of
from loadtests.results import SeenStream
from loadtests.scenario import Scenario
from loadtests.session import Failed, Get, Got, LadderStep, Reply, RequestKind, Session, Viewer
from loadtests.target import Target

PATIENCE: Final = 20.0
"""Seconds the whole look may take."""
TIMEOUT: Final = 8.0
"""Seconds for one request; a target slower than that without load needs no rehearsal."""
MAX_HOPS: Final = 5
PLAYLIST_LIMIT: Final = 2**20
STEPS: Final[tuple[LadderStep, ...]] = ("lowest", "middle", "highest", "auto")
_REDIRECTS: Final = range(300, 400)


class Look(NamedTuple):
    """What the preflight saw."""

    bitrates: Mapping[LadderStep, float]
    """Bits per second of each step of the ladder, as the master playlist declares it or one segment shows it; of
    ``auto`` the most that it may come to."""
    target_duration: float
    variants: int
    origins: tuple[Origin, ...] = ()
    """Where it connected to, as every viewer will."""


def seen_stream(look: Look) -> SeenStream:
    """The part of it that a run's header keeps."""
    return SeenStream(variants=look.variants, target_duration=look.target_duration, bitrates=dict(look.bitrates))


@dataclass
class _Looking:
    url: str
    seen: list[Look] = field(default_factory=list)
    problem: TargetError | None = None
    origins: dict[Origin, None] = field(default_factory=dict)

    def watch(self) -> Session:
        """The lane: every refusal ends it with a `TargetError` kept in ``problem``."""
        try:
            self.seen.append((yield from self._look()))
        except TargetError as error:
            self.problem = error

    def _look(self) -> Generator[Get, Reply, Look]:
        reply, playlist = yield from self._load(self.url, "master")
        bitrates: dict[LadderStep, float] = {}
        variants = 1
        if isinstance(playlist, Master):
            bitrates = {step: playlist.choose(step).bitrate for step in STEPS}
            variants = len(playlist.variants)
            reply, playlist = yield from self._load(playlist.choose("lowest").url, "playlist")
        if not isinstance(playlist, Media):
            raise TargetError(f"{reply.url}: a master playlist where a media playlist is due", hint=_NOT_LIVE)
        size, duration = yield from self._segment(reply, playlist)
        if not bitrates:
            bitrates = dict.fromkeys(STEPS, size * 8.0 / duration)
        return Look(bitrates, playlist.target_duration, variants, tuple(self.origins))

    def _load(self, url: str, kind: RequestKind) -> Generator[Get, Reply, tuple[Got, Master | Media]]:
        reply = yield from self._get(Get(url, kind, True, PLAYLIST_LIMIT, TIMEOUT, TIMEOUT))
        try:
            return reply, parse(reply.body, reply.url)
        except PlaylistError as error:
            raise TargetError(
                f"{reply.url}: not an HLS playlist: {error}", hint="target.url must be the address of a .m3u8"
            ) from error

    def _segment(self, reply: Got, playlist: Media) -> Generator[Get, Reply, tuple[int, float]]:
        if playlist.ended:
            raise TargetError(f"{reply.url}: video on demand (EXT-X-ENDLIST), not a live stream", hint=_NOT_LIVE)
        if not playlist.segments:
            raise TargetError(
                f"{reply.url}: an empty playlist: no segments yet", hint="start the encoder, then try again"
            )
        newest = playlist.segments[-1]
        segment = yield from self._get(Get(newest.url, "segment", timeout=TIMEOUT, first_byte_timeout=TIMEOUT))
        if not segment.size:
            raise TargetError(f"{newest.url}: an empty segment", hint="check the packager's output")
        return segment.size, max(newest.duration, 0.1)

    def _get(self, get: Get) -> Generator[Get, Reply, Got]:
        for _ in range(MAX_HOPS + 1):
            reply = cast("Got | Failed", (yield get))
            if isinstance(reply, Failed):
                raise _failure(reply)
            self.origins[origin_of(reply.url)] = None
            if reply.status not in _REDIRECTS:
                return _good(reply)
            try:
                get = get._replace(url=redirect(reply.url, reply.location))
            except ValueError as error:
                raise TargetError(f"{reply.url}: {error}", hint="let it redirect to http(s) only") from error
        raise TargetError(f"{self.url}: more than {MAX_HOPS} redirects", hint="give the final address as target.url")


_NOT_LIVE: Final = "a rehearsal needs a live HLS stream; `surgecast stage` starts one on this machine"

_OLDER: Final = 'enable HTTP/2 on that server and give its https:// address, or set target.http to "1.1"'

_REMEDIES: Final = {
    "dns": "check the name, or override it with --resolve HOST:PORT:ADDRESS",
    "tls": "give the signing authority with target.ca_file, or fix the certificate; verification cannot be turned off",
    "connect": "start the server, check port and firewall",
    "unclaimed_host": "the playlist leads there: if it is yours to load, add it under target.hosts",
    "timeout": "without any load it is already too slow: fix that first",
}


def _failure(reply: Failed) -> TargetError:
    what = {"dns": "cannot be resolved", "tls": "TLS failed", "connect": "cannot connect"}.get(
        reply.reason, reply.reason
    )
    return TargetError(f"{reply.url}: {what}: {reply.detail}", hint=_REMEDIES.get(reply.reason, "see the server's log"))


def _good(reply: Got) -> Got:
    if reply.status >= 400:
        raise TargetError(
            f"{reply.url}: answered {reply.status} where 200 was expected",
            hint="viewers would see the same: check path, token and allow-list",
        )
    return reply


def look(scenario: Scenario, machine: Machine = HERE) -> Look:
    """Watch the target for a moment; `TargetError` says what keeps it from being rehearsed against."""
    return _look_at(scenario.target, machine)


def looks(scenario: Scenario, regions: Iterable[str], machine: Machine = HERE) -> dict[str, Look]:
    """One look at each of the targets that some regions watch; by region."""
    seen: dict[Target, Look] = {}
    found: dict[str, Look] = {}
    for region in regions:
        target = scenario.targets[region]
        try:
            found[region] = seen[target] = seen.get(target) or _look_at(target, machine)
        except TargetError as error:
            if scenario.regions[region].target is None:
                raise
            raise TargetError(f"regions.{region}.target: {error.message}", hint=error.hint) from error
    return found


def _look_at(target: Target, machine: Machine) -> Look:
    http2 = target.http == "2"
    if http2 and origin_of(target.url).scheme == "http":
        raise TargetError(f"{target.url}: target.http is 2, and HTTP/2 is spoken over TLS only (no h2c)", hint=_OLDER)
    loop = Loop(reach=reach_of(target, machine))
    viewer = Viewer(0, "preflight", "preflight", "lowest", target.url, 0.0, PATIENCE, time.time())
    looking = _Looking(target.url)
    visit = Visit(viewer, loop.recorder.tally("preflight", "preflight"))
    loop.admit(visit, looking.watch())
    loop.drive(PATIENCE)
    loop.cancel()
    if looking.problem is not None:
        raise looking.problem
    if http2 and origin_of(target.url) in visit.http1:
        raise TargetError(f"{target.url}: target.http is 2, and the server has chosen HTTP/1.1 (ALPN)", hint=_OLDER)
    if not looking.seen:
        raise TargetError(f"{target.url}: no answer within {PATIENCE:g} s", hint=_REMEDIES["timeout"])
    return looking.seen[0]
