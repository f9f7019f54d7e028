"""A viewer that connects, fetches one playlist, and stays connected without asking for more: its memory is measured."""

from __future__ import annotations

from typing import cast

from benchmarks.protocols.paced import requests
from loadtests.players import Player
from loadtests.playhead import Playhead
from loadtests.protocols import Protocol
from loadtests.session import Session, Spawn, Tally, Viewer, WaitFor, WaitUntil
from loadtests.session import Signal as Over


class Idle(Protocol):
    """As many lanes and objects as a viewer of the reference work, and nothing to do."""

    origins: tuple[str, ...]
    segment: str

    def watch(self, viewer: Viewer, player: Player, tally: Tally) -> Session:
        """Join, ask once, stay, leave."""
        at = cast("float", (yield WaitUntil(viewer.join_at)))
        head = Playhead(tally, viewer.epoch)
        head.join(at)
        yield Spawn(self._ask_once(viewer, player))
        head.leave(cast("float", (yield WaitFor(Over(), viewer.leave_at))))

    def _ask_once(self, viewer: Viewer, player: Player) -> Session:
        yield requests(self.origins[viewer.number % len(self.origins)], self.segment, player)[0]
        yield WaitUntil(viewer.leave_at)
