"""Connections: a server, a balancer or a kernel holds so many, then no more come about.

Accept queues, file descriptors, ports and memory end in the same sign: names that do not resolve, connections refused
or not made in time, TLS that breaks off. A rate says nothing of it, so the sign is looked for itself.
"""

from __future__ import annotations

from typing import Literal

from advisor.capacities import onset
from advisor.measured.measure import Measurement
from advisor.measured.seconds import LEAST_ERRORS, Second
from advisor.models import Capacity, Excuse, Model


class Connections(Model):
    """Viewers whom a node held at once, each with its connections."""

    share: float = 0.005
    """Of the requests that ended, those without a connection from which on a node counts as full: as many as the budget
    for errors allows by default (assumed)."""

    @property
    def unit(self) -> Literal["connections"]:
        """Viewers at once; each has one connection, or a few, by its player."""
        return "connections"

    def rate(self, second: Second) -> float:
        """Viewers present."""
        return float(second.viewers)

    def is_broken(self, second: Second) -> bool:
        """Whether connections did not come about. Resets count beside them, not alone: a full link ends so too."""
        if second.unreached < LEAST_ERRORS:
            return False
        return second.unreached + second.reset > self.share * (second.served + second.failed)

    def fit(self, measurement: Measurement) -> Capacity | Excuse:
        """The viewers held when connections began to fail, if that came before any other breach."""
        return onset.fit(self, measurement, onset.before_others)
