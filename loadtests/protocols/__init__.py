"""Protocols: how a stream is fetched, one file each."""

from __future__ import annotations

from abc import abstractmethod

from loadtests.players import Player
from loadtests.plugins import Plugin
from loadtests.session import Session, Tally, Viewer


class Protocol(Plugin):
    """How a live stream is fetched. ``watch`` is one visit, from pressing play to leaving."""

    @abstractmethod
    def watch(self, viewer: Viewer, player: Player, tally: Tally) -> Session:
        """The main lane of the visit: joins at ``viewer.join_at``, returns when the viewer is gone."""
