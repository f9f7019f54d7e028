"""The track record: each later run or event against the newest advice before it, and how often the advice was right.

An advice is never held against a run that it was made from, nor against anything that began before it was recorded.
Each run or event tests one advice only, the newest before it: a prediction that was replaced is nobody's any more.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from statistics import median
from typing import Any, Final, Literal, TypeAlias

from pydantic import AwareDatetime

from advisor.backtest.binomial import share
from advisor.backtest.events import Event
from advisor.backtest.seen import LeftOut, Seen
from advisor.backtest.words import say
from advisor.interval import Interval
from advisor.ledger import Entry, Ledger
from loadtests.region import Frozen, Names

FEWEST: Final = 11
"""Checks that a share needs: with ten or fewer, even the 90 % interval of a perfect record leaves more than a quarter
open (0.05 ** (1 / 10) = 0.74)."""
NEAR: Final = 0.10
"""An audience is the one that was planned for when it is no further off (assumed)."""
SCHEMA_VERSION: Final = 1

Kind: TypeAlias = Literal["capacity", "viewer", "peak", "nodes"]


class Check(Frozen):
    """One prediction against what happened."""

    kind: Kind
    """``capacity``: what a node carries. ``viewer``: what one viewer costs. ``peak``: what a region asked for at its
    peak. ``nodes``: whether the nodes were enough."""
    unit: str
    """Of the figures; ``nodes`` for a count of them."""
    region: str
    """Empty for the whole target."""
    scenario: str
    advised_at: AwareDatetime
    advised_from: tuple[str, ...]
    against: str
    """The run's id, or the event's name."""
    at: AwareDatetime
    predicted: Interval
    observed: Interval
    held: bool
    error: float | None
    """(predicted - observed) / observed. Of nodes it is a bound: what was there was enough, or was not, so at least so
    large a share of it was advised too much (above zero) or too little; 0 where that says nothing of the size."""


class Score(Frozen):
    """How often a kind of prediction was right."""

    about: Kind | Literal["all"]
    unit: str
    checks: int
    held: int
    share: Interval | None
    """Of the checks; None when they are too few to say."""
    bias: float | None
    """Median signed error; above zero, the advice said too much. Of nodes it is at least so large; ``all`` leaves them
    out. None when too few say."""


class Backtest(Frozen):
    """All of it."""

    schema_version: int = SCHEMA_VERSION
    entries: int
    used: int
    """Runs and events that tested an advice."""
    fewest: int = FEWEST
    checks: tuple[Check, ...]
    scores: tuple[Score, ...]
    left_out: tuple[LeftOut, ...]
    names: dict[str, Names]
    cut_lines: tuple[int, ...]
    """Lines of the ledger that a killed writer left unfinished."""


def backtest(ledger: Ledger, found: Iterable[Seen | LeftOut], events: Sequence[Event] = ()) -> Backtest:
    """Hold the ledger against later runs and events."""
    checks: list[Check] = []
    left_out: list[LeftOut] = []
    used = 0
    for one in (*found, *events):
        more = one if isinstance(one, LeftOut) else _against(ledger, one)
        if isinstance(more, LeftOut):
            left_out.append(more)
        else:
            checks += more
            used += 1
    return Backtest(
        entries=len(ledger.entries),
        used=used,
        checks=tuple(checks),
        scores=tuple(_scores(checks)),
        left_out=tuple(left_out),
        names={region.code: region.name for entry in ledger.entries for region in entry.regions},
        cut_lines=ledger.cut,
    )


def _against(ledger: Ledger, one: Seen | Event) -> list[Check] | LeftOut:
    name = one.name if isinstance(one, Seen) else f"{one.event} ({one.region})"
    entries = [entry for entry in ledger.entries if entry.scenario == one.scenario and not entry.simulated]
    if isinstance(one, Seen):
        entries = [entry for entry in entries if entry.target == one.target]
        if any(one.name in entry.runs for entry in entries):
            return LeftOut(name=name, why=say("left_out_source"))
    if not entries:
        return LeftOut(name=name, why=say("left_out_unknown", scenario=one.scenario))
    if not (earlier := [entry for entry in entries if entry.recorded_at < one.at]):
        return LeftOut(name=name, why=say("left_out_before"))
    entry = max(earlier, key=lambda known: known.recorded_at)
    checks = list(_of_run(entry, one) if isinstance(one, Seen) else _of_event(entry, one))
    return checks or LeftOut(name=name, why=say("left_out_silent"))


def _of_run(entry: Entry, run: Seen) -> Iterator[Check]:
    check = _Checks(entry, run.name, run.at)
    for promise in entry.capacities:
        if promise.saturated and promise.unit in run.capacities:
            yield check.of("capacity", promise.unit, "", promise.per_node, run.capacities[promise.unit])
    for region in entry.regions:
        for unit, predicted in region.per_viewer.items():
            if (seen := run.per_viewer.get(region.code, {}).get(unit)) is not None:
                yield check.of("viewer", unit, region.code, predicted, seen)
    if entry.nodes is not None:
        yield from check.nodes("", entry.nodes, entry.audience, (run.nodes, run.viewers, run.held))


def _of_event(entry: Entry, event: Event) -> Iterator[Check]:
    check = _Checks(entry, event.event, event.at)
    region = next((one for one in entry.regions if one.code == event.region), None)
    if region is None:
        return
    scale = event.viewers / region.audience
    seen = {"bit/s": (event.egress_gbits or 0) * 1e9, "requests/s": event.requests_per_second or 0}
    for unit, predicted in region.demand.items():
        if value := seen.get(unit):
            yield check.of("peak", unit, region.code, predicted.scale(scale), Interval.exact(value))
    if region.nodes is not None and event.nodes is not None and event.held is not None:
        yield from check.nodes(region.code, region.nodes, region.audience, (event.nodes, event.viewers, event.held))


class _Checks:
    """Makes the checks of one advice against one thing that happened."""

    def __init__(self, entry: Entry, against: str, at: datetime) -> None:
        self._known: dict[str, Any] = {
            "scenario": entry.scenario,
            "advised_at": entry.recorded_at,
            "advised_from": entry.runs,
            "against": against,
            "at": at,
        }

    def of(self, kind: Kind, unit: str, region: str, predicted: Interval, observed: Interval) -> Check:
        """A figure against a figure."""
        error = (predicted.mid - observed.mid) / observed.mid if observed.mid else None
        figures = {"predicted": predicted, "observed": observed, "held": agree(predicted, observed), "error": error}
        return Check(kind=kind, unit=unit, region=region, **figures, **self._known)

    def nodes(self, region: str, nodes: int, audience: int, seen: tuple[int, float, bool]) -> Iterator[Check]:
        """Whether the nodes were enough; nothing where what happened does not say.

        Fewer nodes that held at least that audience say yes; as many or more that did not hold it or less say no. What
        was there, scaled to the audience, then bounds the error: nobody saw how few would have been enough.
        """
        had, viewers, held = seen
        yes = held and had <= nodes and viewers >= (1 - NEAR) * audience
        no = not held and had >= nodes and viewers <= (1 + NEAR) * audience
        if yes or no:
            scale = audience / max(1.0, viewers)
            over = (
                max(0.0, nodes / (had * max(1.0, scale)) - 1) if yes else min(0.0, nodes / (had * min(1.0, scale)) - 1)
            )
            known = {"predicted": Interval.exact(float(nodes)), "observed": Interval.exact(float(had)), "error": over}
            yield Check(kind="nodes", unit="nodes", region=region, held=yes, **known, **self._known)


def agree(predicted: Interval, observed: Interval) -> bool:
    """Whether the prediction holds what was observed, which is itself known only within its interval.

    Two independent estimates differ by the root of the sum of their squared errors, so the half widths that face each
    other are added like that; of an exact observation it asks whether it lies inside the interval.
    """
    if observed.mid >= predicted.mid:
        room = math.hypot(predicted.high - predicted.mid, observed.mid - observed.low)
    else:
        room = math.hypot(predicted.mid - predicted.low, observed.high - observed.mid)
    return abs(observed.mid - predicted.mid) <= room * (1 + 1e-9)


def _scores(checks: Sequence[Check]) -> Iterator[Score]:
    kinds = dict.fromkeys((check.kind, check.unit) for check in checks)
    for kind, unit in sorted(kinds):
        yield _score(kind, unit, [check for check in checks if (check.kind, check.unit) == (kind, unit)])
    yield _score("all", "", checks)


def _score(about: Kind | Literal["all"], unit: str, checks: Sequence[Check]) -> Score:
    held = sum(check.held for check in checks)
    alike = [check for check in checks if about == "nodes" or check.kind != "nodes"]
    errors = [check.error for check in alike if check.error is not None]
    return Score(
        about=about,
        unit=unit,
        checks=len(checks),
        held=held,
        share=share(held, len(checks)) if len(checks) >= FEWEST else None,
        bias=median(errors) if len(errors) >= FEWEST else None,
    )
