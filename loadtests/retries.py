"""Jitter: how a delay before a retry is spread, so that those who failed together do not come back together."""

from __future__ import annotations

from typing import Literal, TypeAlias

Jitter: TypeAlias = Literal["off", "fuzz", "full", "equal", "decorrelated"]


def jittered(how: Jitter, delay: float, chance: float, *, last: float, longest: float) -> float:
    """Seconds to wait instead of ``delay``; ``chance`` is uniform from 0 to 1.

    ``fuzz`` is Shaka's (lib/net/backoff.js, `fuzz_`, fuzzFactor 0.5): half to one and a half times the delay. The
    others are those of "Exponential Backoff And Jitter" (M. Brooker, AWS Architecture Blog, 2015): ``full`` anything
    up to the delay, ``equal`` its second half, ``decorrelated`` from the first delay to three times the ``last`` wait,
    at most ``longest``; there ``delay`` is the first one.
    """
    match how:
        case "off":
            return delay
        case "fuzz":
            return delay * (0.5 + chance)
        case "full":
            return delay * chance
        case "equal":
            return delay * (0.5 + chance / 2)
        case "decorrelated":
            return min(delay + chance * (3 * max(last, delay) - delay), longest)
