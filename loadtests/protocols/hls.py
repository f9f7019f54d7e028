"""Plain HLS (RFC 8216): reload the playlist, fetch each new segment once, keep a buffer. Rules: docs/viewer.md."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Final, TypeGuard, cast

from pydantic import Field

from loadtests.address import redirect
from loadtests.players import Player
from loadtests.playhead import Playhead, live_start
from loadtests.playlist import Master, Media, PlaylistError, Segment, parse
from loadtests.protocols import Protocol
from loadtests.session import (
    Failed,
    Fire,
    Get,
    Got,
    Reply,
    RequestKind,
    Session,
    Signal,
    Spawn,
    Tally,
    Viewer,
    WaitFor,
    WaitUntil,
)

Loading = Generator[Get | WaitUntil | Fire, Reply, "tuple[Got, Master | Media] | None"]
Fetching = Generator[Get, Reply, Got | Failed]

MAX_HOPS: Final = 5
"""Redirects followed for one request: what early HTTP recommended (RFC 2616 §10.3); a CDN uses one or two."""
PLAYLIST_LIMIT: Final = 2**20
"""Bytes of a playlist: twelve hours of two-second segments fit."""
SEGMENT_LIMIT: Final = 64 * 2**20
"""Bytes of a segment: ten seconds at 50 Mbps."""
RENUMBERED: Final = 21_600
"""A jump forward by more segments than twelve hours hold is a new numbering, not a gap."""
INITS_KEPT: Final = 8
"""Init segments remembered per viewer: programme and a few advertisements, back and forth."""
_REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))


class Hls(Protocol):
    """A viewer of one rendition, chosen at the start: no bit rate switching, no separate audio, no low latency."""

    stale_after: float = Field(default=3.0, ge=1.5, le=1000)
    """Target durations without a new segment until a playlist counts as stale. RFC 8216 §6.2.1 makes a server
    renew it within 1.5; hls.js takes the edge as stalled after 3 (latency-controller, `edgeStalled`)."""

    def watch(self, viewer: Viewer, player: Player, tally: Tally) -> Session:
        """The main lane: join, let the other lanes work, leave when the time is up or the visit is over."""
        at = cast("float", (yield WaitUntil(viewer.join_at)))
        if at < viewer.join_at:
            return  # woken early: the run is over before this viewer came
        visit = _Visit(self, viewer, player, tally, Playhead(tally, viewer.epoch))
        visit.head.join(at)
        yield Spawn(visit.follow())
        visit.head.leave(cast("float", (yield WaitFor(visit.over, viewer.leave_at))))


@dataclass(slots=True, eq=False)
class _Visit:
    """What the lanes of one visit share. The playlist lane writes ``media``, the segment lane reads it."""

    rules: Hls
    viewer: Viewer
    player: Player
    tally: Tally
    head: Playhead
    over: Signal = field(default_factory=Signal)
    """Fired when the visit has come to its end by itself."""
    news: Signal = field(default_factory=Signal)
    """Fired when ``media`` lists something new."""
    media: Media | None = None
    """The newest playlist that lists segments."""
    changed_at: float = 0.0
    """When it came."""
    next: int = 0
    """Sequence number of the segment to fetch next."""
    into: float = 0.0
    """Seconds into that segment where playback begins, at a start or after a jump."""
    inits: tuple[str, ...] = ()
    failures: int = 0
    """Segment requests that failed since the last success: hls.js counts over all fragments."""
    stale: bool = False
    """Whether this spell without news was counted already."""
    ended: bool = False
    """Whether the playlist said that no segment will follow."""
    drained: bool = False
    """Whether all of a stream that has ended is fetched."""
    paced: bool = False
    """Whether a playhead lane sleeps until the buffer runs dry."""
    gone: bool = False
    """Whether the viewer gave up."""

    # The playlist lane

    def follow(self) -> Session:
        """Load the playlist and reload it on time, however long segments take."""
        loaded = yield from self.load(self.viewer.url, "master")
        if loaded is None:
            return
        url = loaded[0].url
        if isinstance(loaded[1], Master):
            variant = loaded[1].choose(self.viewer.rendition)
            self.head.bitrate, url = variant.bitrate, variant.url
            loaded = yield from self.load(url, "playlist")
        while loaded is not None:
            reply, media = loaded
            assert isinstance(media, Media)
            first, changed = self.media is None, self.update(media, reply.at)
            self.ended = media.ended
            if changed and first:
                yield Spawn(self.fetch(reply.at))
            elif changed or self.ended:
                yield Fire(self.news if self.media else self.over)
            if self.ended:
                return
            yield WaitUntil(reply.started + media.reload_interval(changed=changed))
            loaded = yield from self.load(url, "playlist")

    def load(self, url: str, kind: RequestKind) -> Loading:
        """One playlist, with redirects and retries; None when the viewer gave up, which is then already said."""
        attempt = 0
        while True:
            reply = yield from self.get(url, kind)
            if isinstance(reply, Got) and 200 <= reply.status < 300:
                try:
                    playlist = parse(reply.body, reply.url)
                    if kind == "master" or isinstance(playlist, Media):
                        return reply, playlist
                except PlaylistError:
                    pass
                self.tally.media_error(kind, "protocol")
            delay = self.retry_delay(kind, attempt, reply)
            if delay is None or (kind == "master" and refused(reply)):
                yield self.give_up(f"{kind}_failed")
                return None
            attempt += 1
            yield WaitUntil(reply.at + delay)
            self.tally.retried(kind)

    def update(self, media: Media, at: float) -> bool:
        """Take note of a playlist; True when there is something new in it."""
        old, before = self.media, self.next
        if old is media or not media.segments:
            return self.unchanged(media, at)
        ahead = media.end_sequence - old.end_sequence if old else 0
        overlap = old is not None and media.end_sequence > old.media_sequence
        if old and (ahead == 0 or (ahead < 0 and overlap)):
            self.unchanged(media, at)
            if ahead == 0 or not self.stale:
                return False  # an older copy comes from another cache of the same stream
        if old is None or not 0 < ahead <= RENUMBERED:
            self.aim(media)
            if old and old.end_sequence > before:
                self.tally.skipped(old.end_sequence - before)
        self.media, self.changed_at, self.stale = media, at, False
        return True

    def unchanged(self, media: Media, at: float) -> bool:
        """Nothing new: count a stale playlist, once until it moves again."""
        if self.media is None:
            self.changed_at = self.changed_at or at
        if not self.stale and self.is_stale(media, at):
            self.stale = True
            self.tally.media_error("playlist", "stale")
        return False

    def is_stale(self, media: Media, at: float) -> bool:
        return at - self.changed_at > self.rules.stale_after * media.target_duration

    def aim(self, media: Media) -> None:
        """Aim at the live edge of ``media``."""
        distance = media.hold_back or self.player.live_edge * media.target_duration
        self.next, self.into = live_start(media, distance)

    # The segment lane

    def fetch(self, at: float) -> Session:
        """Fetch every segment once, in order, as soon as it is listed while the buffer is below its goal."""
        head, player = self.head, self.player
        while not self.gone:
            segment = self.wanted()
            if segment is None:
                if self.ended:
                    break
                at = cast("float", (yield WaitFor(self.news)))
            elif head.state == "playing" and at < head.dry_at - player.buffer_goal:
                at = cast("float", (yield WaitUntil(head.dry_at - player.buffer_goal)))
            elif segment.init_url is not None and segment.init_url not in self.inits:
                reply = yield from self.get(segment.init_url, "init")
                at = reply.at
                if self.useful(reply, "init"):
                    self.inits, self.failures = (*self.inits[1 - INITS_KEPT :], segment.init_url), 0
                else:
                    at = yield from self.recover(reply, "init", segment)
            else:
                reply = yield from self.get(segment.url, "segment")
                at = reply.at
                if not self.useful(reply, "segment"):
                    at = yield from self.recover(reply, "segment", segment)
                elif self.put(segment, reply) and not self.paced:
                    self.paced = True
                    yield Spawn(self.play())
        self.drained = True  # the visit ends with the last frame
        if head.state != "playing":
            yield Fire(self.over)

    def wanted(self) -> Segment | None:
        """The next segment, None when it is not listed yet. What left the window is skipped."""
        media = self.media
        assert media is not None
        index = self.next - media.media_sequence
        if index < 0:
            before = self.next
            if self.head.state == "playing":
                self.next, self.into = media.media_sequence, 0.0
            else:
                self.aim(media)
            self.tally.skipped(self.next - before)
            index = self.next - media.media_sequence
        return media.segments[index] if index < len(media.segments) else None

    def put(self, segment: Segment, reply: Got) -> bool:
        """Buffer a segment that arrived; True when that sets the picture in motion."""
        self.failures = 0
        assert self.media is not None
        if self.head.state == "stalled" and self.next < self.media.media_sequence:
            return False  # it came too late: hls.js has sought the live edge meanwhile (synchronizeToLiveEdge)
        into = 0.0
        if self.next == segment.sequence:  # else the numbering started anew meanwhile
            self.next += 1
            into, self.into = self.into, 0.0
        duration = segment.duration - into
        if not self.head.bitrate and segment.duration > 0:
            self.head.bitrate = 8.0 * reply.size / segment.duration  # no master playlist said it
        program_time = segment.program_time
        if program_time is not None:
            return self.head.add(duration, reply.at, program_time + into, None)
        return self.head.add(duration, reply.at, None, self.behind(segment, reply.at))

    def behind(self, segment: Segment, at: float) -> float | None:
        """Seconds from the end of ``segment`` to the live edge: the end of the playlist plus its age (as hls.js)."""
        media = self.media
        assert media is not None
        index = segment.sequence - media.media_sequence
        if not 0 <= index < len(media.segments):
            return None
        listed = media.segments[index]
        return media.duration - listed.offset - listed.duration + at - self.changed_at

    def recover(
        self, reply: Got | Failed, kind: RequestKind, segment: Segment
    ) -> Generator[WaitUntil | Fire, Reply, float]:
        """After a failure: wait for a retry, leave a gap, or give up. The answer is the time."""
        media = self.media
        assert media is not None
        delay = self.retry_delay(kind, self.failures, reply)
        if kind == "segment" and segment.sequence < media.end_sequence - 1 and (delay is None or refused(reply)):
            self.failures = 0
            if self.next == segment.sequence:
                self.next, self.into = self.next + 1, 0.0
            self.tally.skipped(1)
            return reply.at
        if delay is None:
            yield self.give_up(f"{kind}_failed")
            return reply.at
        self.failures += 1
        at = cast("float", (yield WaitUntil(reply.at + delay)))
        self.tally.retried(kind)
        return at

    # The playhead lane, from one start or resume to the next stall

    def play(self) -> Session:
        """Sleep until the buffer runs dry, as often as it was filled up meanwhile."""
        head = self.head
        while cast("float", (yield WaitUntil(head.dry_at))) < head.dry_at:
            pass
        self.paced = False
        if self.drained:
            head.finish()
            yield Fire(self.over)
        else:
            head.dry(head.dry_at)

    # What the lanes have in common

    def get(self, url: str, kind: RequestKind) -> Fetching:
        """One request, redirects followed; the answer carries the start of the first of them."""
        player = self.player
        read = kind in ("master", "playlist")
        limit = PLAYLIST_LIMIT if read else SEGMENT_LIMIT
        instruction = Get(url, kind, read, limit, player.timeout(kind), player.first_byte_timeout(kind))
        reply = cast("Got | Failed", (yield instruction))
        started = reply.started
        for _ in range(MAX_HOPS):
            if isinstance(reply, Failed) or reply.status not in _REDIRECTS:
                return reply if reply.started == started else reply._replace(started=started)
            try:
                instruction = instruction._replace(url=redirect(reply.url, reply.location))
            except ValueError as error:
                return self.lost(reply, kind, str(error))
            reply = cast("Got | Failed", (yield instruction))
        if isinstance(reply, Got) and reply.status in _REDIRECTS:
            return self.lost(reply, kind, f"more than {MAX_HOPS} redirects")
        return reply._replace(started=started)

    def lost(self, reply: Got, kind: RequestKind, detail: str) -> Failed:
        """A redirect that leads nowhere."""
        self.tally.media_error(kind, "redirect")
        return Failed(reply.at, reply.started, reply.url, "redirect", detail)

    def useful(self, reply: Got | Failed, kind: RequestKind) -> TypeGuard[Got]:
        """Whether it brought media; an empty body is counted as an error."""
        if isinstance(reply, Failed) or not 200 <= reply.status < 300:
            return False
        if reply.size == 0:
            self.tally.media_error(kind, "protocol")
        return reply.size > 0

    def retry_delay(self, kind: RequestKind, attempt: int, reply: Got | Failed) -> float | None:
        """Seconds until the next try, None when there is none."""
        return self.player.retry_delay(kind, attempt, timed_out=isinstance(reply, Failed) and reply.reason == "timeout")

    def give_up(self, reason: str) -> Fire:
        """Say so, once, and end the visit."""
        if not self.gone:
            self.gone = True
            self.tally.gave_up(reason)
        return Fire(self.over)


def refused(reply: Got | Failed) -> bool:
    """A 4xx: the server's answer, which asking again will not change."""
    return isinstance(reply, Got) and 400 <= reply.status < 500
