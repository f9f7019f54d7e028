"""The breaking point: raise until a budget breaks, bisect, confirm, stop; the next level follows from what was seen.

    held  ────●────────●─────────────●━━━━━━━━━━○──────  broke
            first    doubled     confirmed    once is enough

Levels are viewers at the peak. A level that broke once has broken; one that held must hold again, with other viewers,
before it counts as the answer. Where the viewers were too few to tell, the search goes up. A level that could not be
told twice, and did not hold more often, counts as broken.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

from pydantic import Field, PositiveInt

from advisor.gate.verdict import Gate
from loadtests.region import Frozen

Outcome: TypeAlias = Literal["held", "broke", "few", "unclear", "generator"]
"""Of a run: ``few`` had too few viewers for a verdict, ``unclear`` could not be told otherwise, ``generator`` says that
the load generator spoiled it."""
State: TypeAlias = Literal["found", "unbroken", "nothing_holds", "generator", "unfinished"]

TRIES: Final = 2
"""Of a level that could not be told."""
GENERATOR: Final = ("saturated_", "generator_broken")
"""Reasons of the gate that say the generator was the limit."""
FEW: Final = ("few", "nothing")
"""Reasons that more viewers would mend."""


class Attempt(NamedTuple):
    """A run and what it came to."""

    level: int
    outcome: Outcome


class Bounds(Frozen):
    """Where to look, how closely, and when to stop."""

    first: PositiveInt
    """Viewers of the first run."""
    top: PositiveInt
    """Never more than these."""
    least: PositiveInt = 10
    """Never fewer."""
    factor: float = Field(default=2.0, gt=1, le=10)
    """Raised and lowered by, as long as only one side is known."""
    resolution: float = Field(default=0.1, gt=0, le=1)
    """The level that broke may be so much above the one that held."""
    confirmations: int = Field(default=2, ge=1, le=10)
    """Runs in which the level found must hold."""
    runs: int = Field(default=12, ge=1, le=100)
    """At most."""


class Found(Frozen):
    """How a search ended. Viewers at the peak; 0 where no level held, None where none broke."""

    state: State
    held: int
    broke: int | None
    confirmed: int
    """Runs in which ``held`` held."""


def outcome_of(gate: Gate) -> Outcome:
    """What a verdict means for the search."""
    if any(one.state == "INVALID" and one.reason.key.startswith(GENERATOR) for one in gate.judged):
        return "generator"
    if gate.state == "INVALID" and any(one.reason.key in FEW for one in gate.judged if one.state == "INVALID"):
        return "few"
    meaning: dict[str, Outcome] = {"PASS": "held", "FAIL": "broke", "INVALID": "unclear"}
    return meaning[gate.state]


def interval(history: Sequence[Attempt]) -> tuple[int, int | None]:
    """The highest level that held with nothing broken at or below it, and the lowest that broke."""
    seen = Counter(history)
    held = {one.level for one in history if one.outcome == "held"}
    broken = [one.level for one in history if one.outcome == "broke" or _is_hopeless(one.level, seen)]
    broke = min(broken, default=None)
    return max((level for level in held if broke is None or level < broke), default=0), broke


def _is_hopeless(level: int, seen: Counter[Attempt]) -> bool:
    unclear = seen[Attempt(level, "unclear")]
    return unclear >= TRIES and unclear > seen[Attempt(level, "held")]


def next_level(history: Sequence[Attempt], bounds: Bounds) -> int | Found:
    """The level of the next run, or how it ended."""
    if any(one.outcome == "held" for one in history):  # so there were enough
        history = [one._replace(outcome="unclear") if one.outcome == "few" else one for one in history]
    held, broke = interval(history)
    confirmed = sum(one == Attempt(held, "held") for one in history)
    too_few = max((one.level for one in history if one.outcome == "few"), default=0)

    def ended(state: State) -> Found:
        return Found(state=state, held=held, broke=broke, confirmed=confirmed)

    if history and history[-1].outcome == "generator":
        return ended("generator")
    if broke is not None and broke <= bounds.least:
        return ended("nothing_holds")
    if too_few and (bounds.top if broke is None else broke) <= too_few + max(1, int(too_few * bounds.resolution)):
        return ended("unfinished")
    level = _wanted(history, bounds, held or too_few, broke, confirmed)
    if level is None:
        return ended("unbroken" if broke is None else "found")
    return ended("unfinished") if len(history) >= bounds.runs else level


def _wanted(history: Sequence[Attempt], bounds: Bounds, held: int, broke: int | None, confirmed: int) -> int | None:
    """The level to try next; None when the answer is known."""
    if not history:
        return min(max(bounds.first, bounds.least), bounds.top)
    if history[-1].outcome == "unclear" and broke != history[-1].level:
        return history[-1].level  # once more
    if broke is None:
        if held < bounds.top:
            return min(bounds.top, max(held + 1, int(held * bounds.factor)))
    elif not held:
        return max(bounds.least, int(broke / bounds.factor))
    elif broke > held + max(1, int(held * bounds.resolution)):
        return round((held * broke) ** 0.5) if broke > held * bounds.factor else (held + broke) // 2
    return held if confirmed < bounds.confirmations else None
