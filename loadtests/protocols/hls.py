"""Plain HLS (RFC 8216): reload the playlist, fetch each new segment once, keep a buffer. Rules: docs/viewer.md."""

from __future__ import annotations

from typing import cast

from pydantic import Field

from loadtests.hls.picture import endure
from loadtests.hls.playlists import follow
from loadtests.hls.visit import Visit
from loadtests.players import Player
from loadtests.playhead import Playhead
from loadtests.protocols import Protocol
from loadtests.session import Session, Spawn, Tally, Viewer, WaitFor, WaitUntil


class Hls(Protocol):
    """A viewer of one rendition, or of those that its player chooses: no separate audio, no low latency."""

    stale_after: float = Field(default=3.0, ge=1.5, le=1000)
    """Target durations without a new segment until a playlist counts as stale. RFC 8216 §6.2.1 makes a server
    renew it within 1.5; hls.js takes the edge as stalled after 3 (latency-controller, `edgeStalled`)."""
    renew_after_refusal: bool = True
    """Whether a 401 or 403 for an address with a query, a token, makes the viewer fetch the master playlist again, as
    an app does that renews its authorisation: at once the first time, then with the player's delays."""

    def watch(self, viewer: Viewer, player: Player, tally: Tally) -> Session:
        """The main lane: join, let the other lanes work, leave when the time is up or the visit is over."""
        at = cast("float", (yield WaitUntil(viewer.join_at)))
        if at < viewer.join_at:
            return  # woken early: the run is over before this viewer came
        visit = Visit(self, viewer, player, tally, Playhead(tally, viewer.epoch))
        visit.head.join(at)
        yield Spawn(follow(visit))
        if visit.impatient:
            at = yield from endure(visit)
        else:
            at = cast("float", (yield WaitFor(visit.over, viewer.leave_at)))
        visit.head.leave(at)
        if viewer.home and at < viewer.over_at and (visit.gone or at >= viewer.leave_at):
            visit.gone = True  # the visit lasts until the page is there; its lanes do nothing more
            yield from visit.go_home()
