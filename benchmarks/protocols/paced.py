"""The reference work: each viewer reloads a playlist every 2 s and fetches one segment every 4 s, for ever.

With the player's arithmetic and the recorder on: what a real viewer costs, at a pace that all clients can be given.
"""

from __future__ import annotations

from functools import cache
from typing import cast

from benchmarks.rig.work import PERIOD, SEGMENT
from loadtests.players import Player
from loadtests.playhead import Playhead
from loadtests.playlist import parse
from loadtests.protocols import Protocol
from loadtests.session import Failed, Get, Got, Session, Spawn, Tally, Viewer, WaitFor, WaitUntil
from loadtests.session import Signal as Over


class Paced(Protocol):
    """A viewer of static files."""

    origins: tuple[str, ...]
    segment: str

    def watch(self, viewer: Viewer, player: Player, tally: Tally) -> Session:
        """Join, let the pacing lane work, leave."""
        at = cast("float", (yield WaitUntil(viewer.join_at)))
        head = Playhead(tally, viewer.epoch)
        head.bitrate = 1.0
        head.join(at)
        yield Spawn(self._pace(viewer, player, head))
        head.leave(cast("float", (yield WaitFor(Over(), viewer.leave_at))))

    def _pace(self, viewer: Viewer, player: Player, head: Playhead) -> Session:
        playlist, segment = requests(self.origins[viewer.number % len(self.origins)], self.segment, player)
        due, turn = viewer.join_at, 0
        while True:
            reply = cast("Got | Failed", (yield playlist))
            if isinstance(reply, Got):
                parse(reply.body, reply.url)
            if turn % 2 == 0 and isinstance(reply := cast("Got | Failed", (yield segment)), Got):
                head.add(SEGMENT, reply.at, None, 0.0)
            turn += 1
            due += PERIOD
            yield WaitUntil(due)


@cache
def requests(origin: str, segment: str, player: Player) -> tuple[Get, Get]:
    """What to ask an origin for: the playlist, the segment."""
    return (
        Get(f"{origin}/p.m3u8", "playlist", True, 2**20, player.timeout("playlist"), 10.0),
        Get(f"{origin}/{segment}", "segment", False, 2**26, player.timeout("segment"), 10.0),
    )
