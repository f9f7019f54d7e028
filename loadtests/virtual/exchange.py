"""One simulated request under way."""

from __future__ import annotations

from loadtests.lanes import Lane, Visit
from loadtests.lastmile import Delivery
from loadtests.recorder import CohortTally
from loadtests.session import Get, Viewer
from loadtests.virtual.content import Answer
from loadtests.virtual.edge import Cache
from loadtests.virtual.lived import Lived
from loadtests.virtual.origin import Node


class Guest(Visit):
    """A simulated viewer: the node it asks, its last mile, its connections, and what it has asked for so far."""

    __slots__ = ("bytes", "cache", "delivery", "idle", "lived", "mile_free", "node", "opened", "requests")

    def __init__(self, viewer: Viewer, tally: CohortTally, node: Node, delivery: Delivery | None) -> None:
        super().__init__(viewer, tally)
        self.node, self.delivery = node, delivery
        self.cache: Cache | None = None
        """The edge before the node."""
        self.idle = self.opened = 0
        """Connections that wait for a request, and all that were opened."""
        self.mile_free = 0.0
        """When the last mile has delivered all that was sent to it."""
        self.requests = self.bytes = 0
        self.lived = Lived(tally)


class Exchange:
    """Asked for at ``started``; ``answer`` stands once the node has taken it on."""

    __slots__ = ("answer", "first_at", "get", "half", "head", "hit", "lane", "over", "part", "started")
    answer: Answer

    def __init__(self, lane: Lane[Guest], get: Get, started: float) -> None:
        self.lane, self.get, self.started = lane, get, started
        self.half = 0.0
        """Seconds of one way: half the round trip."""
        self.first_at = started
        """When the first byte leaves the node."""
        self.head = 0
        self.part = 1.0
        """How much of it goes to the node: less where an edge asks for many at once."""
        self.hit = False
        """Whether the edge has it for sure."""
        self.over = False
        """Whether its viewer has given it up."""
