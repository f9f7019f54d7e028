"""How fast an HPA may scale: policies, their periods, and the windows over which it holds still.

Source: kube-controller-manager, podautoscaler/horizontal (1.33): limits from scaling rules, stabilisation with
behaviors; defaults of apis/autoscaling/v2.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Reversible
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Final, Literal, TypeAlias

Change: TypeAlias = tuple[float, int]
"""A past scaling: when, and by how many replicas (above zero, whichever way)."""
DOWNSCALE_STABILISATION: Final = 300.0
"""Seconds: ``--horizontal-pod-autoscaler-downscale-stabilization``."""


@dataclass(frozen=True, slots=True)
class Policy:
    """At most so many pods, or so many percent, in a period (seconds)."""

    kind: Literal["Pods", "Percent"]
    value: int
    period: float

    def __post_init__(self) -> None:
        """As the API validates it."""
        if self.value <= 0 or not 0 < self.period <= 1800:
            raise ValueError(
                f"expected a value above 0 and a period of 1 to 1800 s, found {self.value}, {self.period:g}"
            )


@dataclass(frozen=True, slots=True)
class Rules:
    """One direction of a behavior."""

    policies: tuple[Policy, ...]
    select: Literal["Max", "Min", "Disabled"] = "Max"
    stabilisation: float = 0.0
    """Seconds, at most an hour."""

    def __post_init__(self) -> None:
        """As the API validates it."""
        if not 0 <= self.stabilisation <= 3600:
            raise ValueError(f"expected a stabilisation window of 0 to 3600 s, found {self.stabilisation:g}")
        if not self.policies:
            raise ValueError("expected at least one policy, found none")


UP: Final = Rules((Policy("Pods", 4, 15.0), Policy("Percent", 100, 15.0)))
"""What the API fills in for ``scaleUp``."""
DOWN: Final = Rules((Policy("Percent", 100, 15.0),), stabilisation=DOWNSCALE_STABILISATION)
"""What the API and the controller fill in for ``scaleDown``."""


@dataclass(frozen=True, slots=True)
class Behavior:
    """Both directions."""

    up: Rules = UP
    down: Rules = DOWN


@dataclass(slots=True)
class Past:
    """What a controller remembers of one HPA: its recommendations, and what it did, in order of time."""

    recommended: deque[tuple[float, int]] = field(default_factory=deque)
    ups: deque[Change] = field(default_factory=deque)
    downs: deque[Change] = field(default_factory=deque)

    def did(self, now: float, before: int, after: int) -> None:
        """Remember a scaling."""
        (self.ups if after > before else self.downs).append((now, abs(after - before)))

    def forget(self, now: float, horizon: float) -> None:
        """Drop what no window can reach any more."""
        for memory in (self.recommended, self.ups, self.downs):
            while memory and memory[0][0] < now - horizon:
                memory.popleft()


def stabilised(past: Past, behavior: Behavior, now: float, current: int, wanted: int) -> int:
    """The lowest recommendation of the up window, the highest of the down window: as little change as they allow."""
    floor = min((wanted, *_since(past.recommended, now - behavior.up.stabilisation)))
    ceiling = max((wanted, *_since(past.recommended, now - behavior.down.stabilisation)))
    return min(max(current, floor), ceiling)


def allowed(past: Past, behavior: Behavior, now: float, current: int, wanted: int) -> int:
    """What the policies let through of a change, without the bounds of the HPA."""
    if wanted > current:
        return min(wanted, max(current, _up_limit(past, behavior.up, now, current)))
    if wanted < current:
        return max(wanted, min(current, _down_limit(past, behavior.down, now, current)))
    return wanted


def _up_limit(past: Past, rules: Rules, now: float, current: int) -> int:
    if rules.select == "Disabled":
        return current
    limits = []
    for policy in rules.policies:
        start = _start(past, now - policy.period, current)
        by_share = math.ceil(start * (1 + policy.value / 100))
        limits.append(start + policy.value if policy.kind == "Pods" else by_share)
    return min(limits) if rules.select == "Min" else max(limits)


def _down_limit(past: Past, rules: Rules, now: float, current: int) -> int:
    if rules.select == "Disabled":
        return current
    limits = []
    for policy in rules.policies:
        start = _start(past, now - policy.period, current)
        by_share = int(start * (1 - policy.value / 100))
        limits.append(start - policy.value if policy.kind == "Pods" else by_share)
    return max(limits) if rules.select == "Min" else min(limits)


def _start(past: Past, cutoff: float, current: int) -> int:
    """Replicas at the start of a policy's period."""
    return current - sum(_since(past.ups, cutoff)) + sum(_since(past.downs, cutoff))


def _since(memory: Reversible[tuple[float, int]], cutoff: float) -> Iterator[int]:
    """The latest first: what is older than the window is never looked at."""
    return (value for _, value in takewhile(lambda one: one[0] > cutoff, reversed(memory)))
