"""The segment lane: fetch every segment once, in order, as soon as it is listed while the buffer is below its goal."""

from __future__ import annotations

from collections.abc import Generator
from typing import Final, Literal, cast

from loadtests.abr import Load
from loadtests.hls.picture import play, stir
from loadtests.hls.visit import Tuner, Visit
from loadtests.playlist import Segment
from loadtests.session import Failed, Fire, Get, Got, Reply, RequestKind, Session, Spawn, WaitFor, WaitUntil

Doing = Generator[Get | WaitUntil | WaitFor | Fire | Spawn, Reply, float]
"""Ends with the time."""

KEPT: Final = 8
"""Init segments and keys remembered per viewer: programme and a few advertisements, back and forth."""


def fetch(visit: Visit, at: float) -> Session:
    """From the first playlist with segments to the end of the stream."""
    head, goal = visit.head, visit.player.buffer_goal
    while not visit.gone:
        segment = wanted(visit)
        if segment is None:
            if visit.ended:
                break
            at = cast("float", (yield WaitFor(visit.news)))
        elif head.state == "playing" and at < head.dry_at - goal:
            at = cast("float", (yield WaitUntil(head.dry_at - goal)))
        elif segment.init_url is not None and segment.init_url not in visit.inits:
            at = yield from prepare(visit, segment, "init", segment.init_url)
        elif segment.key_url is not None and segment.key_url not in visit.keys:
            at = yield from prepare(visit, segment, "key", segment.key_url)
        else:
            reply = yield from visit.get(segment.url, "segment")
            at = reply.at
            if not visit.is_useful(reply, "segment"):
                at = yield from recover(visit, reply, "segment", segment)
            elif put(visit, segment, reply) or visit.tuner is not None:
                at = yield from settle(visit, segment, reply)
    visit.drained = True  # the visit ends with the last frame
    if head.state != "playing":
        yield visit.end()


def wanted(visit: Visit) -> Segment | None:
    """The next segment, None when it is not listed yet. What left the window is skipped."""
    media = visit.media
    assert media is not None
    index = visit.next - media.media_sequence
    if index < 0:
        before = visit.next
        if visit.head.state == "playing":
            visit.next, visit.into = media.media_sequence, 0.0
        else:
            visit.aim(media)
        visit.tally.skipped(visit.next - before)
        index = visit.next - media.media_sequence
    return media.segments[index] if index < len(media.segments) else None


def put(visit: Visit, segment: Segment, reply: Got) -> bool:
    """Buffer a segment that arrived; True when that sets the picture in motion."""
    visit.failures = 0
    head, media = visit.head, visit.media
    assert media is not None
    if head.state == "stalled" and visit.next < media.media_sequence:
        return False  # it came too late: hls.js has sought the live edge meanwhile (synchronizeToLiveEdge)
    into = 0.0
    if visit.next == segment.sequence:  # else the numbering started anew meanwhile
        visit.next += 1
        into, visit.into = visit.into, 0.0
    duration = segment.duration - into
    if visit.tuner is not None:
        visit.tuner.mark(head)
    elif not head.bitrate and segment.duration > 0:
        head.bitrate = 8.0 * reply.size / segment.duration  # no master playlist said it
    program_time = segment.program_time
    if program_time is not None:
        return head.add(duration, reply.at, program_time + into, None)
    return head.add(duration, reply.at, None, behind(visit, segment, reply.at))


def behind(visit: Visit, segment: Segment, at: float) -> float | None:
    """Seconds from the end of ``segment`` to the live edge: the end of the playlist plus its age (as hls.js)."""
    media = visit.media
    assert media is not None
    index = segment.sequence - media.media_sequence
    if not 0 <= index < len(media.segments):
        return None
    listed = media.segments[index]
    return media.duration - listed.offset - listed.duration + at - visit.changed_at


def settle(visit: Visit, segment: Segment, reply: Got) -> Doing:
    """After a segment: a picture that moves has to be watched, and another rendition may be due."""
    if not visit.paced and visit.head.state == "playing":
        visit.paced = True
        yield Spawn(play(visit))
        if visit.impatient:
            yield stir(visit)
    if visit.tuner is None:
        return reply.at
    return (yield from adapt(visit, visit.tuner, segment, reply))


def prepare(visit: Visit, segment: Segment, kind: Literal["init", "key"], url: str) -> Doing:
    """Fetch what a segment cannot be played without."""
    reply = yield from visit.get(url, kind)
    if not visit.is_useful(reply, kind):
        return (yield from recover(visit, reply, kind, segment))
    visit.failures = 0
    if kind == "init":
        visit.inits = (*visit.inits[1 - KEPT :], url)
    else:
        visit.keys = (*visit.keys[1 - KEPT :], url)
    return reply.at


def adapt(visit: Visit, tuner: Tuner, segment: Segment, reply: Got) -> Doing:
    """Choose the rendition of the next segment; another one begins with its playlist."""
    at, first = reply.at, max(reply.first_at, reply.started)
    load = Load(reply.started, first, at, reply.size, segment.duration, visit.head.buffered(at))
    level = tuner.rule.next(tuner.ladder, tuner.level, load)
    if level != tuner.level and not visit.ended:
        tuner.level = level
        yield Fire(visit.turn)
        while tuner.loaded != tuner.level:
            at = cast("float", (yield WaitFor(visit.news)))
    return at


def recover(visit: Visit, reply: Got | Failed, kind: RequestKind, segment: Segment) -> Doing:
    """After a failure: wait for a retry or a new token, leave a gap, or give up."""
    media = visit.media
    assert media is not None
    if visit.gone:
        return reply.at
    delay = visit.retry_delay(kind, visit.failures, reply)
    if delay is not None and visit.needs_token(reply.url, reply):
        at = yield from reauthorise(visit, reply.at, delay)
        if not visit.gone:
            visit.tally.retried(kind)
        return at
    newer = segment.sequence < media.end_sequence - 1
    if kind != "init" and newer and visit.player.leaves_gaps and (delay is None or visit.is_final(kind, reply)):
        visit.failures = 0
        if visit.next == segment.sequence:
            visit.next, visit.into = visit.next + 1, 0.0
        visit.tally.skipped(1)
        return reply.at
    if delay is None:
        yield visit.give_up(f"{kind}_failed")
        return reply.at
    visit.failures += 1
    at = cast("float", (yield WaitUntil(reply.at + delay)))
    if not visit.gone:
        visit.tally.retried(kind)
    return at


def reauthorise(visit: Visit, at: float, delay: float) -> Doing:
    """Have the playlist lane fetch new addresses: at once the first time, else after the player's delay."""
    if visit.failures:
        yield WaitUntil(at + delay)
    visit.failures += 1
    visit.refused = True
    yield Fire(visit.turn)
    return cast("float", (yield WaitFor(visit.news)))
