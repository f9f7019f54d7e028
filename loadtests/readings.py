"""What one look at one node has read: counters and levels, as observers find them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One look at one node. Counters count since some start; the rest is as it is now. None: not told."""

    cpu_seconds: float | None = None
    """Counter: CPU seconds used, over all cores."""
    cores: float | None = None
    sent_bytes: float | None = None
    """Counter: bytes that left."""
    requests_total: float | None = None
    """Counter: requests answered."""
    cpu: float | None = None
    """Share of the CPU, where the source has made the rate itself."""
    sent: float | None = None
    """bit/s, likewise."""
    requests: float | None = None
    """Per second, likewise."""
    memory: float | None = None
    memory_limit: float | None = None
    network_limit: float | None = None
    """bit/s."""
    connections: float | None = None
    clock: float | None = None
    """The node's time, seconds since 1970."""


class Look(NamedTuple):
    """A reading and when it was made: run seconds half-way between asking and hearing, and the seconds between."""

    at: float
    delay: float
    reading: Reading
