"""A closed loop: each viewer asks for the next thing as soon as it has the last, player and recorder on."""

from __future__ import annotations

from itertools import cycle
from typing import cast

from benchmarks.rig.work import SEGMENT
from loadtests.players import Player
from loadtests.playhead import Playhead
from loadtests.playlist import parse
from loadtests.protocols import Protocol
from loadtests.session import Failed, Get, Got, Session, Spawn, Tally, Viewer, WaitFor, WaitUntil
from loadtests.session import Signal as Over

REST = 0.1
"""Seconds after a failure, so that a server that is down is not asked a million times."""


class Busy(Protocol):
    """A viewer that never waits."""

    origins: tuple[str, ...]
    segment: str
    """The segment to fetch, after a space how many playlists between two: ``s20.ts 2``; ``- 1`` for playlists only."""

    def watch(self, viewer: Viewer, player: Player, tally: Tally) -> Session:
        """Join, let the busy lane work, leave."""
        at = cast("float", (yield WaitUntil(viewer.join_at)))
        head = Playhead(tally, viewer.epoch)
        head.bitrate = 1.0
        head.join(at)
        yield Spawn(self._hurry(viewer, player, head))
        head.leave(cast("float", (yield WaitFor(Over(), viewer.leave_at))))

    def _hurry(self, viewer: Viewer, player: Player, head: Playhead) -> Session:
        origin = self.origins[viewer.number % len(self.origins)]
        name, playlists = self.segment.split()
        playlist = Get(f"{origin}/p.m3u8", "playlist", True, 2**20, player.timeout("playlist"), 10.0)
        segment = Get(f"{origin}/{name}", "segment", False, 2**26, player.timeout("segment"), 10.0)
        turns = [playlist] * int(playlists) + ([] if name == "-" else [segment])
        for get in cycle(turns):
            reply = cast("Got | Failed", (yield get))
            if isinstance(reply, Failed):
                yield WaitUntil(reply.at + REST)
            elif get.read:
                parse(reply.body, reply.url)
            else:
                head.add(SEGMENT, reply.at, None, 0.0)
