"""What would change the answer: every counterfactual of every region, through the same plan. Pure; owns no clock."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from advisor.changes.carried import Carried, carried, carried_by_all, held
from advisor.changes.case import Case, Changed, Confidence
from advisor.changes.supposing import Supposition
from advisor.counterfactuals import Counterfactual, counterfactuals
from advisor.demands.cdn import cdn
from advisor.interval import Interval
from advisor.models import Capacity, Excuse
from advisor.plans.headroom import even_nodes, folded, headroom
from advisor.plans.plan import Plan, plan
from advisor.texts import Message, say
from loadtests.region import Frozen

SURENESS: Final[tuple[Confidence, ...]] = ("measured", "derived", "assumed")
"""From sure to unsure: several changes together are as sure as the least sure of them."""
WORTH: Final = 0.01
"""Share of the nodes that a change must save to be called a help (assumed): a rounding is none."""
SAME: Final = 1e-9
"""Relative difference from which a demand or a sum of money counts as changed."""


class Answer(Frozen):
    """What a region would need."""

    nodes: int | None
    """None where no number can be named."""
    fewest: int | None
    """What the resource that binds asks for; fewer than ``nodes`` where another has not been tested so far."""
    expected: int | None
    """Of that resource, if every middle were true."""
    untested: str | None
    """The model of that other resource."""
    binding: str | None
    ready: int | None
    """Of ``nodes``, those that must be ready before the surge, at the high end of the time to capacity.

    Where ``untested`` raised ``nodes``, what its own plan has ready.
    """
    lead: Interval
    """Seconds until a new node serves."""
    usd: Interval
    """CDN egress of the event at list price."""
    wire: Interval
    """bit/s that reach the nodes at the peak."""
    requests: Interval
    """Requests per second that reach them."""


class Outcome(Frozen):
    """One change, or several together, and what the answer would be."""

    counterfactual: str
    """The plugin's name; ``suppose`` for what the user asked."""
    changes: tuple[Message, ...]
    how: tuple[Message, ...]
    """Formulas, figures and sources."""
    prices: tuple[Message, ...]
    """What it costs elsewhere."""
    confidence: Confidence
    size: float
    """Of a node, today's being 1."""
    before: Answer
    after: Answer
    helps: bool
    why_not: Message | None
    """Why it changes nothing, or makes it worse."""
    viewers: Interval | None = None
    """Viewers that today's nodes would carry inside the budgets."""

    @property
    def saved(self) -> float:
        """Nodes of today's size that it saves; infinity where there was no number before."""
        if self.after.nodes is None:
            return 0.0
        return float("inf") if self.before.nodes is None else self.before.nodes - self.after.nodes * self.size


class RegionWhatIf(Frozen):
    """One region: what changes its answer, best first, then what does not, then what cannot be said."""

    code: str
    supposed: Outcome | Excuse | None
    """What the user asked for; None when nothing was asked."""
    outcomes: tuple[Outcome, ...]
    excuses: tuple[Excuse, ...]
    carried: Carried | Excuse
    """The audience that today's nodes carry."""

    @property
    def best(self) -> Outcome | None:
        """What helps most."""
        return next((one for one in self.outcomes if one.helps), None)


class WhatIf(Frozen):
    """What would change the answer, in every region, and what today's nodes carry."""

    regions: tuple[RegionWhatIf, ...]
    carried: Carried | Excuse
    """All regions together, on the same nodes."""


@dataclass(frozen=True, slots=True)
class Question:
    """What the user wants to know beyond the usual."""

    suppositions: tuple[Supposition, ...] = ()
    nodes: int | dict[str, int] = 1
    """Nodes that there are today: for all regions together, or in each."""


def what_if(cases: Sequence[Case], question: Question) -> WhatIf:
    """Try every change in every region."""
    return WhatIf(
        regions=tuple(_region(case, question) for case in cases),
        carried=carried_by_all(cases, question.nodes),
    )


def _region(case: Case, question: Question) -> RegionWhatIf:
    code = case.usage.region
    nodes = question.nodes[code] if isinstance(question.nodes, dict) else question.nodes
    base = Base(case, answer(case), carried(case, nodes), nodes)
    tried = [_outcome(base, type(one).plugin_name(), (one,)) for one in _usual(case)]
    found = [one for one in tried if isinstance(one, Outcome)]
    asked = tuple(one.change for one in question.suppositions if one.region in (None, code))
    return RegionWhatIf(
        code=code,
        supposed=_outcome(base, "suppose", asked) if asked else None,
        outcomes=tuple(sorted(found, key=_rank)),
        excuses=_apart([one for one in tried if isinstance(one, Excuse)]),
        carried=_with_best(base.carried, found),
    )


def _with_best(holds: Carried | Excuse, found: Sequence[Outcome]) -> Carried | Excuse:
    """With the change under which today's nodes carry most."""
    known = [(one.viewers, one.changes[0]) for one in found if one.viewers is not None]
    if isinstance(holds, Excuse) or not known:
        return holds
    viewers, change = max(known, key=lambda one: one[0].mid)
    if viewers.mid <= holds.viewers.mid * (1 + SAME):
        return holds
    return holds.model_copy(update={"best": change, "best_viewers": viewers})


def _usual(case: Case) -> Iterator[Counterfactual]:
    for kind in counterfactuals():
        yield from kind.usual(case)


def _apart(excuses: Sequence[Excuse]) -> tuple[Excuse, ...]:
    """One for each reason, the first with its remedy: the same words twice in a row tell nobody more."""
    return tuple({one.reason.key: one for one in reversed(excuses)}.values())[::-1]


def _rank(outcome: Outcome) -> tuple[bool, float, float, float, float]:
    """Best first: nodes, then nodes that may be saved, then those ready before the surge, then money."""
    before, after = outcome.before, outcome.after
    least = (before.nodes or 0) - (after.fewest or before.nodes or 0) * outcome.size
    early = (before.ready or 0) - (after.ready or before.ready or 0) * outcome.size
    return (not outcome.helps, -outcome.saved, -least, -early, after.usd.mid - before.usd.mid)


def compose(case: Case, changes: Sequence[Counterfactual]) -> tuple[Case, tuple[Changed, ...]] | Excuse:
    """Every change on top of the one before; those that do not apply are left out."""
    steps: list[Changed] = []
    for one in changes:
        match one.apply(case):
            case Excuse() as excuse:
                return excuse
            case Changed() as changed:
                steps.append(changed)
                case = changed.case
            case None:
                pass
    return case, tuple(steps)


@dataclass(frozen=True, slots=True)
class Base:
    """A region as it is: what every change is compared with."""

    case: Case
    answer: Answer
    carried: Carried | Excuse
    nodes: int
    """Nodes of today."""


def _outcome(base: Base, name: str, changes: Sequence[Counterfactual]) -> Outcome | Excuse | None:
    match compose(base.case, changes):
        case Excuse() as excuse:
            return excuse
        case (_, ()):
            already = Excuse(about=name, reason=say("whatif_already"), remedy=say("whatif_other_value"))
            return already if name == "suppose" else None
        case (other, steps):
            return _told(base, name, other, steps)


def _told(base: Base, name: str, other: Case, steps: tuple[Changed, ...]) -> Outcome | Excuse:
    case, before = base.case, base.answer
    after = answer(other, case, before)
    if before.nodes is None and after.nodes is None and name != "suppose":
        found = plan(other.asked)
        assert isinstance(found, Excuse)  # it has no nodes
        return found
    known = isinstance(base.carried, Carried) and other.size == case.size
    outcome = Outcome(
        counterfactual=name,
        changes=tuple(step.what for step in steps),
        how=tuple(step.how for step in steps),
        prices=tuple(step.price for step in steps if step.price),
        confidence=max((step.confidence for step in steps), key=SURENESS.index),
        size=other.size / case.size,
        before=before,
        after=after,
        helps=False,
        why_not=None,
        viewers=held(other, base.nodes, case, base.carried) if known and isinstance(base.carried, Carried) else None,
    )
    helps = _helps(outcome)
    return outcome.model_copy(update={"helps": helps, "why_not": None if helps else _why_not(case, other, outcome)})


def _helps(outcome: Outcome) -> bool:
    """Whether it saves nodes, surely or perhaps, or nodes that must be ready early, or else money; never for more."""
    before, after = outcome.before, outcome.after
    if before.nodes is None or after.nodes is None or after.fewest is None:
        return after.nodes is not None
    if outcome.saved < 0:
        return False  # what it may save rests on a resource that may ask for more nodes than today
    least = WORTH * before.nodes
    early = (before.ready or 0) - (after.ready or before.ready or 0) * outcome.size
    if outcome.saved >= least or before.nodes - after.fewest * outcome.size >= least or early >= least:
        return True
    return early >= 0 and after.usd.mid < before.usd.mid * (1 - WORTH)


def _why_not(case: Case, other: Case, outcome: Outcome) -> Message:
    """The reason in one sentence."""
    before, after = outcome.before, outcome.after
    if before.nodes is None or after.nodes is None:
        return say("whatif_why_no_number")
    if outcome.saved < 0:
        key = "whatif_why_perhaps_worse" if after.untested else "whatif_why_worse"
        return say(key, more=f"{-outcome.saved:,g}")
    if (after.ready or 0) * outcome.size > (before.ready or 0):
        return say("whatif_why_sooner")
    if outcome.saved > 0 or (after.fewest or 0) * outcome.size < before.nodes:
        return say("whatif_why_little")
    if outcome.size != 1.0:
        return say("whatif_why_size")
    if case.lead.total != other.lead.total:
        return say("whatif_why_lead", least=f"{other.lead.total.low:.0f}")
    found = plan(case.asked)
    assert isinstance(found, Plan)  # it has nodes
    then = other.asked.demand.of(found.unit)
    if then is not None and abs(then.high - found.demand.high) > SAME * found.demand.high:
        return say("whatif_why_whole", zones=str(case.asked.launch.zones))
    return say(f"whatif_kept_{found.unit.partition('/')[0]}")


def answer(case: Case, base: Case | None = None, before: Answer | None = None) -> Answer:
    """What the case needs. Compared with ``base``, never more than is needed today for a load that has not grown."""
    usd = cdn(case.edge, case.place, case.scenario, peak_seconds=case.peak_seconds).event_usd
    found = plan(case.asked)
    asks = {"wire": case.asked.demand.wire, "requests": case.asked.demand.requests}
    if isinstance(found, Excuse):
        return Answer(
            nodes=None,
            fewest=None,
            expected=None,
            untested=None,
            binding=None,
            ready=None,
            lead=case.lead.total,
            usd=usd,
            **asks,
        )
    nodes, ready, untested = found.nodes, found.ready, None
    if base and before:
        for other in _untested(case, found):
            least, early = _for_untested(case, other, base, before, found)
            if least > nodes:
                nodes, ready, untested = least, max(ready, early), other.model
    return Answer(
        nodes=nodes,
        fewest=found.nodes,
        expected=found.expected,
        untested=untested,
        binding=found.binding,
        ready=min(nodes, ready) if case.asked.rise else None,
        lead=case.lead.total,
        usd=usd,
        **asks,
    )


def _untested(case: Case, found: Plan) -> list[Capacity]:
    """Resources whose limit was not reached, where another's was: they carry at least what they have shown."""
    if found.bound != "needed":
        return []
    known = case.asked.capacities.found
    return [one for one in known if not one.saturated and case.asked.demand.of(one.unit) and one.per_node.low > 0]


def _for_untested(case: Case, capacity: Capacity, base: Case, before: Answer, found: Plan) -> tuple[int, int]:
    """Nodes that ask no more of this resource than was shown, or than today's plan asks of a node as large.

    And those of them that must be ready before the surge. A plan asks that of the nodes that are left once a zone, and
    all that may fail beside it, is gone.
    """
    only = case.asked.capacities.model_copy(update={"found": (capacity.model_copy(update={"saturated": True}),)})
    alone = plan(replace(case.asked, capacities=only))
    now, then = base.asked.demand.of(capacity.unit), case.asked.demand.of(capacity.unit)
    shown = [(alone.nodes, alone.ready)] if isinstance(alone, Plan) else []
    if before.nodes is not None and now is not None and then is not None and now.high > 0:
        today = plan(base.asked)
        assert isinstance(today, Plan)  # it has nodes
        alike = _carrying(today) * then.high / now.high * base.size / case.size
        if alike <= _carrying(found) * (1 + SAME):
            return found.nodes, found.ready
        others = [step for step in headroom(case.asked.launch) if step.name != "utilisation"]
        whole = int(folded(others, np.asarray(alike)))
        course = alone if isinstance(alone, Plan) else found
        share = course.ready / course.nodes  # of the course that it follows
        shown.append((whole, even_nodes(whole * share, case.asked.launch.zones)))
    return min(shown, default=(0, 0))


def _carrying(found: Plan) -> float:
    """Of its nodes, those that carry everything when all that it may lose is lost."""
    return next(step.nodes for step in found.steps if step.name == "utilisation")
