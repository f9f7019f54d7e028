"""Numbers that a viewer's seed decides: each purpose and turn has its own, so that none shifts another."""

from __future__ import annotations

from typing import Final

RETRIES: Final = 1
STARTUP: Final = 2
STALLS: Final = 3
HOME: Final = 4


def mixed(seed: int, number: int) -> int:
    """64 bits of a seed and a number: neighbours share nothing (splitmix64's finaliser, Steele et al. 2014)."""
    bits = (seed * 0x9E3779B97F4A7C15 + number * 0xD1B54A32D192ED03 + 1) % 2**64
    bits = (bits ^ bits >> 30) * 0xBF58476D1CE4E5B9 % 2**64
    bits = (bits ^ bits >> 27) * 0x94D049BB133111EB % 2**64
    return bits ^ bits >> 31


def chance(seed: int, purpose: int, turn: int = 0) -> float:
    """A number from 0 up to, but not, 1; the same for the same three."""
    return (mixed(mixed(seed, purpose), turn) >> 11) * 2.0**-53
