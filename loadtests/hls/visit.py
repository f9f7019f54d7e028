"""What the lanes of one HLS visit share: the state, how a request is made, and how a failure is counted."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeGuard, cast

from loadtests.abr import Adaptation, Rung
from loadtests.address import redirect
from loadtests.chance import RETRIES, chance
from loadtests.players import Player
from loadtests.playhead import Playhead, live_start
from loadtests.playlist import Master, Media
from loadtests.retries import jittered
from loadtests.session import PATIENT, Failed, Fire, Get, Got, Reply, RequestKind, Signal, Tally, Viewer

Fetching = Generator[Get, Reply, Got | Failed]

MAX_HOPS: Final = 5
"""Redirects followed for one request: what early HTTP recommended (RFC 2616 §10.3); a CDN uses one or two."""
PLAYLIST_LIMIT: Final = 2**20
"""Bytes of a playlist: twelve hours of two-second segments fit."""
SEGMENT_LIMIT: Final = 64 * 2**20
"""Bytes of a segment: ten seconds at 50 Mbps."""
PAGE_TIMEOUT: Final = 20.0
"""Seconds until somebody turns away from a home page that does not come (assumed)."""
_REDIRECTS: Final = frozenset((301, 302, 303, 307, 308))


class Rules(Protocol):
    """What the protocol's settings say."""

    @property
    def stale_after(self) -> float:
        """Target durations without a new segment until a playlist counts as stale."""

    @property
    def renew_after_refusal(self) -> bool:
        """Whether a refused token is renewed by way of the master playlist."""


class Tuner:
    """The ladder of a viewer that changes its rendition, and where it stands on it."""

    __slots__ = ("ladder", "level", "loaded", "rule", "variants")

    def __init__(self, rule: Adaptation, master: Master) -> None:
        self.rule = rule
        self.retune(master)
        self.level = rule.start(self.ladder, float(master.first_bandwidth))
        """The level whose segments are wanted next."""
        self.loaded = self.level
        """The level of the playlist at hand."""

    def retune(self, master: Master) -> None:
        """Take the addresses from a master playlist; the levels stay."""
        self.variants = master.ladder
        self.ladder = tuple(Rung(variant.bitrate, float(variant.bandwidth)) for variant in self.variants)

    def address(self) -> str:
        """Where the playlist of the wanted level is; a ladder that has become shorter ends with its highest."""
        self.level = min(self.level, len(self.variants) - 1)
        return self.variants[self.level].url

    def mark(self, head: Playhead) -> None:
        """What is put in next is of the level at hand."""
        bitrate = self.variants[min(self.loaded, len(self.variants) - 1)].bitrate
        if bitrate != (head.turns[-1][1] if head.turns else head.bitrate):
            head.turn(bitrate)


@dataclass(slots=True, eq=False)
class Visit:
    """The playlist lane writes ``media``, the segment lane reads it."""

    rules: Rules
    viewer: Viewer
    player: Player
    tally: Tally
    head: Playhead
    over: Signal = field(default_factory=Signal)
    """Fired when the visit has come to its end by itself, and for the impatient when the picture starts or stops."""
    news: Signal = field(default_factory=Signal)
    """Fired when ``media`` lists something new."""
    turn: Signal = field(default_factory=Signal)
    """Fired when another playlist is wanted than the one at hand, now."""
    url: str = ""
    """Where the playlist is reloaded from."""
    media: Media | None = None
    """The newest playlist that lists segments."""
    changed_at: float = 0.0
    """When it came."""
    next: int = 0
    """Sequence number of the segment to fetch next."""
    into: float = 0.0
    """Seconds into that segment where playback begins, at a start or after a jump."""
    inits: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    failures: int = 0
    """Segment requests that failed since the last success: hls.js counts over all fragments."""
    draws: int = 0
    """Delays that were spread by jitter so far."""
    waited: tuple[float, float] = (0.0, 0.0)
    """Seconds of the last of them, of segments and of playlists, each within one series of failures."""
    tuner: Tuner | None = None
    """Of a viewer that changes its rendition."""
    fresh: bool = False
    """Whether the next playlist takes the place of the one at hand whether or not it lists more."""
    refused: bool = False
    """Whether a segment's token was refused: the next playlist has to be one with a new token."""
    impatient: bool = False
    """Whether the main lane has to hear of starts and stalls."""
    stirred: bool = False
    """Whether ``over`` was fired because of one."""
    stale: bool = False
    """Whether this spell without news was counted already."""
    ended: bool = False
    """Whether the playlist said that no segment will follow."""
    drained: bool = False
    """Whether all of a stream that has ended is fetched."""
    paced: bool = False
    """Whether a playhead lane sleeps until the buffer runs dry."""
    finished: bool = False
    """Whether ``over`` was fired because there is nothing left to do."""
    gone: bool = False
    """Whether the viewer gave up or left: its lanes do nothing any more."""

    def __post_init__(self) -> None:
        self.impatient = self.viewer.patience != PATIENT

    def tune(self, master: Master) -> None:
        """Find the rendition in a master playlist: at the beginning, and again where it brings new addresses."""
        if self.viewer.rendition != "auto":
            variant = master.choose(self.viewer.rendition)
            self.head.bitrate, self.url = variant.bitrate, variant.url
        elif self.tuner is None:
            self.tuner = Tuner(self.player.adaptation(), master)
            self.head.bitrate = self.tuner.variants[self.tuner.level].bitrate
        else:
            self.tuner.retune(master)

    def aim(self, media: Media) -> None:
        """Aim at the live edge of ``media``."""
        distance = media.hold_back or self.player.live_edge * media.target_duration
        self.next, self.into = live_start(media, distance)

    @property
    def is_restless(self) -> bool:
        """Whether the playlist lane may be called before its next reload is due."""
        return self.tuner is not None or ("?" in self.url and self.rules.renew_after_refusal)

    @property
    def is_called(self) -> bool:
        """Whether a segment waits for a playlist of another level, or with a new token."""
        return self.refused or (self.tuner is not None and self.tuner.level != self.tuner.loaded)

    def get(self, url: str, kind: RequestKind) -> Fetching:
        """One request, redirects followed; the answer carries the start of the first of them."""
        player = self.player
        read = kind in ("master", "playlist")
        limit = PLAYLIST_LIMIT if read else SEGMENT_LIMIT
        instruction = Get(url, kind, read, limit, player.timeout(kind), player.first_byte_timeout(kind))
        reply = cast("Got | Failed", (yield instruction))
        if isinstance(reply, Failed) or reply.status not in _REDIRECTS:
            return reply
        return (yield from self.follow(instruction, reply))

    def follow(self, instruction: Get, reply: Got | Failed) -> Fetching:
        """Go where redirects lead."""
        kind, started = instruction.kind, reply.started
        for _ in range(MAX_HOPS):
            if isinstance(reply, Failed) or reply.status not in _REDIRECTS or (self.gone and kind != "home"):
                return reply._replace(started=started)
            try:
                instruction = instruction._replace(url=redirect(reply.url, reply.location))
            except ValueError as error:
                return self.lost(reply, kind, str(error))
            reply = cast("Got | Failed", (yield instruction))
        if isinstance(reply, Got) and reply.status in _REDIRECTS:
            return self.lost(reply, kind, f"more than {MAX_HOPS} redirects")
        return reply._replace(started=started)

    def go_home(self) -> Fetching:
        """The page that people land on when they leave."""
        instruction = Get(self.viewer.home, "home", False, SEGMENT_LIMIT, PAGE_TIMEOUT, PAGE_TIMEOUT)
        reply = cast("Got | Failed", (yield instruction))
        return (yield from self.follow(instruction, reply))

    def lost(self, reply: Got, kind: RequestKind, detail: str) -> Failed:
        """A redirect that leads nowhere."""
        self.tally.media_error(kind, "redirect")
        return Failed(reply.at, reply.started, reply.url, "redirect", detail)

    def is_useful(self, reply: Got | Failed, kind: RequestKind) -> TypeGuard[Got]:
        """Whether it brought media; an empty body is counted as an error."""
        if isinstance(reply, Failed) or not 200 <= reply.status < 300 or self.gone:
            return False
        if reply.size == 0:
            self.tally.media_error(kind, "protocol")
        return reply.size > 0

    def retry_delay(self, kind: RequestKind, attempt: int, reply: Got | Failed) -> float | None:
        """Seconds until the next try, None when there is none."""
        player, timed_out = self.player, isinstance(reply, Failed) and reply.reason == "timeout"
        delay = player.retry_delay(kind, attempt, timed_out=timed_out)
        if delay is None or player.jitter == "off":
            return delay
        steady = player.steady_delay(kind, attempt, timed_out=timed_out)
        return steady + self.spread(kind, attempt, delay - steady, timed_out=timed_out)

    def spread(self, kind: RequestKind, attempt: int, delay: float, *, timed_out: bool) -> float:
        """A delay with the player's jitter."""
        player = self.player
        playlists = kind in ("master", "playlist")
        last = self.waited[playlists] if attempt else 0.0
        if player.jitter == "decorrelated":
            delay = player.retry_delay(kind, 0, timed_out=timed_out) or 0.0
        self.draws += 1
        drawn = chance(self.viewer.seed, RETRIES, self.draws)
        wait = jittered(player.jitter, delay, drawn, last=last, longest=player.longest_retry_delay)
        self.waited = (self.waited[0], wait) if playlists else (wait, self.waited[1])
        return wait

    def is_final(self, kind: RequestKind, reply: Got | Failed) -> bool:
        """Whether the player takes this answer for the last word."""
        return was_refused(reply) and kind in self.player.final_refusals

    def needs_token(self, url: str, reply: Got | Failed) -> bool:
        """Whether an address with a token was refused, so that a new one has to be asked for."""
        refused = isinstance(reply, Got) and reply.status in (401, 403)
        return refused and "?" in url and self.rules.renew_after_refusal and not self.ended

    def give_up(self, reason: str) -> Fire:
        """Say so, once, and end the visit."""
        if not self.gone:
            self.gone = True
            self.tally.gave_up(reason)
        return self.end()

    def end(self) -> Fire:
        """There is nothing left to do."""
        self.finished = True
        return Fire(self.over)


def was_refused(reply: Got | Failed) -> bool:
    """A 4xx: the server's answer, which asking again will not change."""
    return isinstance(reply, Got) and 400 <= reply.status < 500
