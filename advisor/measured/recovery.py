"""Does the target come back when what broke it is gone? The metastable-failure test.

    before │  fault  │ judged: the same load, no cause of failure left            │ the load changes, or the run ends
    ───────┴─────────┴────────────────────────────────────────────────────────────┴──►
                      ▲ its end                 ▲ good from here on: recovered

A target that still fails then, with the same viewers and without the cause, is *metastable*: its failure feeds itself,
most often by retries (Bronson et al., "Metastable Failures in Distributed Systems", HotOS 2021). Everything here is
judged over all regions, on means of five seconds, and without the seconds that a generator spoiled.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final, Literal, TypeAlias

from pydantic import FiniteFloat, ValidationError

from advisor.measured.seconds import Second
from advisor.texts import Message, say
from loadtests.region import Frozen
from loadtests.results import Note
from loadtests.scenario import Budgets

BLOCK: Final = 5
"""Seconds of a mean: players ask every two seconds, so a single second says little."""
LEAST: Final = 3
"""Valid seconds that a mean needs."""
BEFORE: Final = 30
"""Seconds before a fault that say how things were."""
FEWEST_BEFORE: Final = 8
"""With fewer nobody knows how things were (assumed, as for a plateau)."""
HOLD: Final = 16
"""Seconds that all must be well to count as recovered: twice the longest wait between two retries of hls.js (8 s)."""
TOLERANCE: Final = 0.10
"""What goodput, viewers and load may differ and still count as the same (assumed)."""

State: TypeAlias = Literal["unharmed", "recovered", "metastable", "failing", "unknown"]


class Levels(Frozen):
    """How things were, on the mean of some seconds; rates per second."""

    goodput: FiniteFloat
    """bit/s that were of use, per viewer present."""
    errors: FiniteFloat
    """Share of the requests that ended."""
    stalls: FiniteFloat
    """Share of the time played or stalled."""
    startup: FiniteFloat | None
    """p95, seconds; None where too few started."""
    retries: FiniteFloat
    reconnects: FiniteFloat
    joins: FiniteFloat
    present: FiniteFloat
    """Viewers, as a share of those the plan wanted."""


class Recovery(Frozen):
    """One fault, or several at the same time, and what became of it. Times are run seconds."""

    fault: str
    begins: FiniteFloat
    ends: FiniteFloat
    """When its cause was gone."""
    state: State
    over: FiniteFloat | None = None
    """When all was as before; None while that is not known."""
    after: tuple[FiniteFloat, FiniteFloat, FiniteFloat] | None = None
    """Seconds from `ends` to `over`: at least, about, at most."""
    within: FiniteFloat = 30.0
    """Seconds that were allowed for it."""
    watched: int = 0
    """Seconds after its end in which the load was the same."""
    before: Levels | None = None
    worst: Levels | None = None
    """The worst of each, from its beginning until it was over."""
    last: Levels | None = None
    """The last seconds that were judged."""
    why: Message | None = None
    """For ``unknown``: why it cannot be told."""

    @property
    def in_time(self) -> bool:
        """Whether it recovered, and as fast as was asked for."""
        return self.state == "unharmed" or (self.after is not None and self.after[1] <= self.within)


class FaultNote(Frozen):
    """The data of a ``fault_begins`` or ``fault_ends`` note."""

    fault: str
    index: int
    planned: FiniteFloat
    took: FiniteFloat = 0.0
    recover_within: FiniteFloat = 30.0
    problem: str = ""


@dataclass(slots=True)
class Episode:
    """Faults that overlap in time, as one."""

    names: list[str]
    begins: float
    ends: float
    within: float
    problem: str


def recoveries(
    seconds: Sequence[Second], notes: Iterable[Note], cut: frozenset[int], budgets: Budgets
) -> tuple[Recovery, ...]:
    """What became of every fault of a run. ``seconds`` are those over all regions, ``cut`` the spoiled ones."""
    valid = [second for second in seconds if second.phase != "warm_up" and second.at not in cut]
    found: list[Recovery] = []
    episodes = episodes_of(notes)
    for number, episode in enumerate(episodes):
        until = episodes[number + 1].begins if number + 1 < len(episodes) else math.inf
        found.append(_recovery(episode, [second for second in valid if second.at < until], found, budgets))
    return tuple(found)


def episodes_of(notes: Iterable[Note]) -> list[Episode]:
    """The faults as they happened; one that is noted in no way we know is left out."""
    begun: dict[int, Episode] = {}
    for note in notes:
        if note.kind not in ("fault_begins", "fault_ends"):
            continue
        try:
            told = FaultNote.model_validate(note.data)
        except ValidationError:
            continue
        if note.kind == "fault_begins":
            begun[told.index] = Episode([told.fault], note.at, note.at + told.took, told.recover_within, told.problem)
        elif told.index in begun:
            begun[told.index].ends = note.at
            begun[told.index].problem = begun[told.index].problem or told.problem
    merged: list[Episode] = []
    for episode in sorted(begun.values(), key=lambda one: one.begins):
        if merged and episode.begins < merged[-1].ends:
            merged[-1] = _together(merged[-1], episode)
        else:
            merged.append(episode)
    return merged


def _together(one: Episode, other: Episode) -> Episode:
    return Episode(
        names=[*one.names, *other.names],
        begins=one.begins,
        ends=max(one.ends, other.ends),
        within=max(one.within, other.within),
        problem=one.problem or other.problem,
    )


def _recovery(episode: Episode, valid: Sequence[Second], earlier: Sequence[Recovery], budgets: Budgets) -> Recovery:
    """Judge one; ``valid`` ends where the next begins."""
    known = Recovery(
        fault=" + ".join(episode.names),
        begins=episode.begins,
        ends=episode.ends,
        state="unknown",
        within=episode.within,
    )
    if episode.problem:
        return known.model_copy(update={"why": say("unknown_not_done", problem=episode.problem)})
    if any(one.over is None for one in earlier):
        return known.model_copy(update={"why": say("unknown_earlier")})
    before = [second for second in valid if second.at + 1 <= episode.begins and not _inside(second, earlier)][-BEFORE:]
    if len(before) < FEWEST_BEFORE:
        return known.model_copy(update={"why": say("unknown_before", seconds=str(len(before)))})
    judge = Judge(valid, before, budgets)
    known = known.model_copy(update={"before": levels(before)})
    during = [second for second in valid if second.at + 1 > episode.begins]
    return _judged(known, judge, during)


def _inside(second: Second, faults: Sequence[Recovery]) -> bool:
    return any(one.begins <= second.at + 1 and second.at < (one.over or math.inf) for one in faults)


def _judged(known: Recovery, judge: Judge, during: Sequence[Second]) -> Recovery:
    """Find the second from which all is well."""
    first = math.ceil(known.ends)
    after = judge.same_load([second for second in during if second.at >= first])
    blocks = [(second.at, judge.state(second.at)) for second in after]
    watched = blocks[-1][0] + 1 - first if blocks else 0
    known = known.model_copy(update={"watched": watched, "worst": judge.worst(during), "last": _last(after)})
    for index, (at, state) in enumerate(blocks):
        held = {one for when, one in blocks[index : index + HOLD] if when < at + HOLD}
        if state == "good" and held <= {"good", "blind"} and blocks[-1][0] - at >= HOLD - 1:
            return _over(known, judge, during, at)
    return known.model_copy(update=_not_over(known, [state for _, state in blocks[-HOLD:]]))


def _over(known: Recovery, judge: Judge, during: Sequence[Second], at: int) -> Recovery:
    first = math.ceil(known.ends)
    bad = [one.at for one in during if one.at < at and judge.state(one.at) in ("bad", "empty")]
    gone = bad[-1] + 1 - known.ends if bad else 0.0
    about = max(0.0, at - known.ends) if at > first else 0.0
    after = (min(about, max(0.0, gone - BLOCK + 1)), about, about + 1)
    worst = judge.worst([one for one in during if one.at < at]) or known.worst
    changes = {"state": "recovered" if bad else "unharmed", "over": float(at), "after": after, "worst": worst}
    return known.model_copy(update=changes)


def _not_over(known: Recovery, tail: Sequence[str]) -> dict[str, object]:
    """What to say of a fault that was not seen to be over; ``tail`` is the end of what was judged."""
    bad, empty = tail.count("bad"), tail.count("empty")
    if known.watched < known.within or len(tail) < HOLD // 2:
        why = say("unknown_short", seconds=str(known.watched), within=f"{known.within:g}")
    elif 2 * bad >= len(tail):
        before, last = known.before, known.last
        feeds = before is not None and last is not None and last.retries > before.retries
        return {"state": "metastable" if feeds else "failing"}
    elif empty:
        why = say("unknown_empty", share=f"{known.last.present if known.last else 0:.0%}")
    else:
        why = say("unknown_unsettled", hold=str(HOLD))
    return {"why": why}


class Judge:
    """What counts as good: within the range of the seconds before, or within the budgets."""

    def __init__(self, valid: Sequence[Second], before: Sequence[Second], budgets: Budgets) -> None:
        self._by_second = {second.at: second for second in valid}
        means = [one for second in before if (one := self.block(second.at))]
        usual = means or [levels(before)]
        self._goodput = (1 - TOLERANCE) * min(one.goodput for one in usual)
        self._errors = max(budgets.error_ratio, *(one.errors for one in usual))
        self._stalls = max(budgets.stall_ratio, *(one.stalls for one in usual))
        self._startup = max(budgets.startup_p95, *(one.startup or 0.0 for one in usual))
        self._present = (1 - TOLERANCE) * median(one.present for one in usual)
        self._planned = median(second.planned for second in before)

    def block(self, at: int) -> Levels | None:
        """The mean of the valid seconds among the five up to ``at``; None where too few are valid."""
        part = [second for one in range(at - BLOCK + 1, at + 1) if (second := self._by_second.get(one))]
        return levels(part) if len(part) >= LEAST else None

    def state(self, at: int) -> Literal["good", "bad", "empty", "blind"]:
        """The five seconds up to ``at``; ``empty``: good for those present, but too many are missing."""
        now = self.block(at)
        if now is None:
            return "blind"
        worse = (
            now.goodput < self._goodput,
            now.errors > self._errors,
            now.stalls > self._stalls,
            (now.startup or 0.0) > self._startup,
        )
        if any(worse):
            return "bad"
        return "empty" if now.present < self._present else "good"

    def same_load(self, seconds: Sequence[Second]) -> list[Second]:
        """Those up to the first at which the plan wants noticeably more or fewer viewers than before."""
        low, high = (1 - TOLERANCE) * self._planned, (1 + TOLERANCE) * self._planned
        changed = (index for index, second in enumerate(seconds) if not low <= second.planned <= high)
        return list(seconds[: next(changed, len(seconds))])

    def worst(self, seconds: Sequence[Second]) -> Levels | None:
        """The worst second of each quantity; goodput, start-up and viewers on five seconds."""
        if not seconds:
            return None
        means = [one for second in seconds if (one := self.block(second.at))] or [levels(seconds)]
        startups = [one.startup for one in means if one.startup is not None]
        return Levels(
            goodput=min(one.goodput for one in means),
            errors=max(one.error_ratio for one in seconds),
            stalls=max(one.stall_ratio for one in seconds),
            startup=max(startups, default=None),
            retries=max(one.retries for one in seconds),
            reconnects=max(one.reconnects for one in seconds),
            joins=max(one.joins for one in seconds),
            present=min(one.present for one in means),
        )


def levels(seconds: Sequence[Second]) -> Levels:
    """The mean of some seconds, at least one."""
    count = len(seconds)
    served, failed = sum(one.served for one in seconds), sum(one.failed for one in seconds)
    viewers = sum(one.viewers for one in seconds)
    startups = [one.startup_p95 for one in seconds if one.startup_p95 is not None]
    return Levels(
        goodput=sum(one.wire_bits for one in seconds) / max(1, viewers),
        errors=failed / max(1, served + failed),
        stalls=sum(one.stall_ratio for one in seconds) / count,
        startup=sum(startups) / len(startups) if startups else None,
        retries=sum(one.retries for one in seconds) / count,
        reconnects=sum(one.reconnects for one in seconds) / count,
        joins=sum(one.joins for one in seconds) / count,
        present=viewers / max(1.0, sum(one.planned for one in seconds)),
    )


def _last(seconds: Sequence[Second]) -> Levels | None:
    return levels(seconds[-HOLD:]) if seconds else None
