"""The last mile of one viewer, and what it delivers second by second. Pure: no I/O, no clock.

The engine paces reads by it, virtual time reckons with it, and both see the same seconds, for all of it follows from
the seed.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol


class LastMile(NamedTuple):
    """The access network of one viewer, as drawn for it before the run. Bits per second, seconds, shares."""

    rate: float
    """Typical throughput of this viewer during the event: between users it varies, and with the hour."""
    rtt: float
    """Round trip to the chosen point of presence: access and path."""
    jitter: float = 0.0
    """Standard deviation of the round trip from request to request."""
    variation: float = 0.0
    """Coefficient of variation of the throughput within the visit, from second to second."""
    memory: float = 0.0
    """Lag-1 autocorrelation of its logarithm at one second."""
    outages: float = 0.0
    """Share of seconds in which nothing comes."""
    outage: float = 3.0
    """Mean length of such an outage."""
    seed: int = 0


class Delivery(Protocol):
    """What a last mile delivers; `loadtests.lastmile` draws it, an imported trace replays it."""

    def rate(self, second: int) -> float:
        """Bits per second during second ``second`` of the visit; zero in an outage."""

    def round_trip(self, request: int) -> float:
        """Seconds of the round trip of the visit's request number ``request``."""
