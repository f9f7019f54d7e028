"""The playlist lane: load the playlist and reload it on time, however long segments take."""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

from loadtests.hls.segments import fetch
from loadtests.hls.visit import Visit
from loadtests.playlist import Master, Media, PlaylistError, parse
from loadtests.session import Failed, Fire, Get, Got, Reply, RequestKind, Session, Spawn, WaitFor, WaitUntil

Loading = Generator[Get | WaitUntil | Fire, Reply, "tuple[Got, Master | Media] | None"]

RENUMBERED: Final = 21_600
"""A jump forward by more segments than twelve hours hold is a new numbering, not a gap."""


def follow(visit: Visit) -> Session:
    """From the master playlist to the end of the stream, or of the viewer's tries."""
    loaded = yield from begin(visit)
    while loaded is not None and not visit.gone:
        reply, media = loaded
        assert isinstance(media, Media)
        first, changed = visit.media is None, update(visit, media, reply.at)
        visit.ended = media.ended
        if changed and first:
            yield Spawn(fetch(visit, reply.at))
        elif changed or visit.ended:
            yield Fire(visit.news) if visit.media else visit.end()
        if visit.ended:
            return
        due = reply.started + media.reload_interval(changed=changed)
        if not visit.is_restless:
            yield WaitUntil(due)
            loaded = yield from load(visit, visit.url, "playlist")
        else:
            if not visit.is_called:
                yield WaitFor(visit.turn, due)
            loaded = yield from reload(visit)


def begin(visit: Visit) -> Loading:
    """The master playlist, then that of the viewer's rendition."""
    loaded = yield from load(visit, visit.viewer.url, "master")
    if loaded is None or isinstance(loaded[1], Media):
        visit.url = loaded[0].url if loaded else ""
        return loaded
    visit.tune(loaded[1])
    return (yield from reload(visit))


def reload(visit: Visit) -> Loading:
    """The playlist of the rendition that is wanted now, with a new token where one is needed."""
    if visit.refused:
        visit.refused, visit.fresh = False, True
        if not (yield from renew(visit)):
            return None
    tuner = visit.tuner
    if tuner is None:
        return (yield from load(visit, visit.url, "playlist"))
    visit.url = tuner.address()
    level = tuner.level
    loaded = yield from load(visit, visit.url, "playlist")
    if level != tuner.loaded:
        tuner.loaded, visit.fresh = level, True
    return loaded


def renew(visit: Visit) -> Generator[Get | WaitUntil | Fire, Reply, bool]:
    """Ask for the master playlist again, whose addresses carry a new token; False when the viewer gave up."""
    loaded = yield from load(visit, visit.viewer.url, "master")
    if loaded is not None and isinstance(loaded[1], Master):
        visit.tune(loaded[1])
    elif loaded is not None:
        visit.url = loaded[0].url
    return loaded is not None


def load(visit: Visit, url: str, kind: RequestKind) -> Loading:
    """One playlist, with redirects and retries; None when the viewer gave up, which is then already said."""
    attempt = 0
    while not visit.gone:
        if attempt:
            visit.tally.retried(kind)
        reply = yield from visit.get(url, kind)
        playlist = read(visit, reply, kind)
        if playlist is not None:
            assert isinstance(reply, Got)
            return reply, playlist
        joining = visit.media is None and visit.player.first_playlist_as_master
        delay = visit.retry_delay("master" if joining else kind, attempt, reply)
        if delay is None or visit.is_final(kind, reply):
            yield visit.give_up(f"{kind}_failed")
            return None
        renewing = kind == "playlist" and visit.needs_token(url, reply)
        if attempt or not renewing:
            yield WaitUntil(reply.at + delay)
        attempt += 1
        if renewing:
            if not (yield from renew(visit)):
                return None
            visit.fresh = True
            url = visit.url if visit.tuner is None else visit.tuner.address()
    return None


def read(visit: Visit, reply: Got | Failed, kind: RequestKind) -> Master | Media | None:
    """The playlist in an answer, None where there is no fitting one."""
    if isinstance(reply, Failed) or not 200 <= reply.status < 300:
        return None
    try:
        playlist = parse(reply.body, reply.url)
        if kind == "master" or isinstance(playlist, Media):
            return playlist
    except PlaylistError:
        pass
    visit.tally.media_error(kind, "protocol")
    return None


def update(visit: Visit, media: Media, at: float) -> bool:
    """Take note of a playlist; True when there is something new in it."""
    old, before = visit.media, visit.next
    if old is media or not media.segments:
        return unchanged(visit, media, at)
    ahead = media.end_sequence - old.end_sequence if old else 0
    overlap = old is not None and media.end_sequence > old.media_sequence
    if old and (ahead == 0 or (ahead < 0 and overlap)):
        unchanged(visit, media, at)
        if visit.fresh:
            visit.media, visit.fresh = media, False  # the same stretch of the stream, at other addresses
            return True
        if ahead == 0 or not visit.stale:
            return False  # an older copy comes from another cache of the same stream
    if old is None or not 0 < ahead <= RENUMBERED:
        visit.aim(media)
        if old and old.end_sequence > before:
            visit.tally.skipped(old.end_sequence - before)
    visit.media, visit.changed_at, visit.stale, visit.fresh = media, at, False, False
    return True


def unchanged(visit: Visit, media: Media, at: float) -> bool:
    """Nothing new: count a stale playlist, once until it moves again."""
    if visit.media is None:
        visit.changed_at = visit.changed_at or at
    if not visit.stale and at - visit.changed_at > visit.rules.stale_after * media.target_duration:
        visit.stale = True
        visit.tally.media_error("playlist", "stale")
    return False
