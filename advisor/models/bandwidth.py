"""Egress: viewers share a node's bit rate evenly, so it is a cliff, not a slope.

Processor sharing: N viewers who each need b bit/s are all served in time while N·b <= C, and all late when N·b > C
(docs/reading-a-report.md). Past the cliff the delivered wire rate stays at C however many viewers join.
"""

from __future__ import annotations

from typing import Literal

from advisor.capacities import plateau
from advisor.measured.measure import Measurement
from advisor.measured.seconds import Second
from advisor.models import Capacity, Excuse, Model


class Bandwidth(Model):
    """Bits per second on the wire: bodies and headers."""

    @property
    def unit(self) -> Literal["bit/s"]:
        """Bits per second."""
        return "bit/s"

    def rate(self, second: Second) -> float:
        """Wire bits delivered, without refusals."""
        return second.wire_bits

    def fit(self, measurement: Measurement) -> Capacity | Excuse:
        """The egress plateau."""
        return plateau.fit(self, measurement)
