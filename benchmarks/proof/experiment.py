"""One cluster from end to end: rehearse small, ask the advisor, run N nodes and N - 1 under the full load."""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from advisor.advising import advise
from advisor.interval import Interval
from advisor.measured.measure import JUDGED, measure
from advisor.plans.plan import Plan
from advisor.verdict import verdict
from benchmarks.proof.drawn import OVERLOAD, Drawn
from benchmarks.proof.judged import Answer, Outcome, Ran, Record
from benchmarks.proof.load import HOLD, QUIET, Curve, counted_on, drive, joining, scenario
from benchmarks.proof.memory import memory
from benchmarks.proof.namespaces import missing
from benchmarks.proof.nodes import declared, filled_by, staged, work_per_viewer
from benchmarks.proof.spent import Sampled, sampling, trial
from loadtests.errors import CannotMeasure
from loadtests.run import Run

ATTEMPTS: Final = 3
"""At a run whose generator was the limit: other work on the machine does not last."""
TRIAL_ERROR: Final = 1.2
"""What a request costs more in the trial: those of many viewers are answered together."""
MOST_NODES: Final = 12
"""More are not started: an answer as wrong as that needs no run."""


def advised(plan: Plan) -> int:
    """Nodes as planned: with a weight of 1, no margin, no spare and no zone to lose that is the median of the draws."""
    return plan.nodes


LONGER: Final = 15
"""Seconds more of quiet where the advisor could not tell what a healthy viewer costs."""


@dataclass(slots=True)
class Bench:
    """Where an experiment writes, and what goes in front of each load."""

    folder: Path
    before: Sequence[str] = ()
    label: str = ""
    quiet: int = QUIET
    hold: int = HOLD
    """Seconds at the baseline and at the peak of every run."""

    def tell(self, text: str) -> None:
        """For people who wait."""
        sys.stderr.write(f"{self.label}: {text}\n")
        sys.stderr.flush()


def experiment(drawn: Drawn, bench: Bench) -> Record:
    """The whole; what went wrong with this machine is raised, what went wrong with the advice is in the record."""
    if drawn.kind == "nginx" and (why := missing()):
        return Record(drawn=drawn, skipped=why)
    began = time.monotonic()
    record = rehearse(drawn, bench)
    nodes = record.answer.nodes if record.answer else None
    if nodes is not None and 1 < nodes <= MOST_NODES:
        enough = under_full_load(record, nodes, bench)
        too_few = under_full_load(record, nodes - 1, bench) if enough.outcome != "invalid" else None
        record = record.model_copy(update={"enough": enough, "too_few": too_few})
    return record.model_copy(update={"seconds": round(time.monotonic() - began, 1)})


def rehearse(drawn: Drawn, bench: Bench) -> Record:
    """As far as the advisor's answer; without one when the rehearsal could not be measured."""
    tried = _rehearsal(drawn, bench)
    record = Record(drawn=drawn, rehearsal=tried.ran)
    if tried.run is None:
        return record
    audience = round(drawn.ratio * tried.fill)
    answer = _answer(tried.run, drawn, audience)
    if answer.nodes is None and bench.quiet == QUIET:
        bench.tell(f"no answer: {answer.why}; rehearsed again with a longer quiet, as the advisor asks")
        return rehearse(drawn, replace(bench, quiet=QUIET + LONGER))
    ratio = "({:.2f}, {:.2f}, {:.2f})".format(*answer.ratio) if answer.ratio else "none"
    bench.tell(f"ratio {audience / tried.fill:.2f} declared, {ratio} predicted: N = {answer.nodes} {answer.why}")
    found = {"audience": audience, "declared": audience / tried.fill, "fraction": tried.peak / audience}
    return record.model_copy(update=found | {"answer": answer})


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """The last rehearsal, and what a node carries by what it declares."""

    run: Run | None
    ran: Ran
    peak: float
    """Viewers."""
    fill: float
    """Viewers who fill one node."""


def _rehearsal(drawn: Drawn, bench: Bench) -> Rehearsal:
    """Past the limit of its nodes; where that was not reached, once more with a higher load, as the advisor asks."""
    cpu, peak = drawn.binds == "cpu", 0.0
    fill = _filled_by_cpu(drawn, bench) if cpu else filled_by(drawn, declared(drawn))
    bench.tell(f"{drawn.name}, {drawn.binds}: a node carries {fill:.0f} viewers; rehearsal with {drawn.rehearsed}")
    for _ in range(ATTEMPTS):
        peak = max(1.2 * peak, OVERLOAD * drawn.rehearsed * fill)
        run, ran, sampled = _run(drawn, drawn.rehearsed, peak, 0, bench)
        if run is not None and cpu:
            fill = _at_the_limit(run, sampled, bench) / drawn.rehearsed / work_per_viewer(drawn)
        if ran.outcome != "held":
            break
    return Rehearsal(run, ran, peak, fill)


def under_full_load(record: Record, nodes: int, bench: Bench) -> Ran:
    """So many nodes under all of it."""
    return _run(record.drawn, nodes, record.audience, record.audience, bench)[1]


def _run(drawn: Drawn, nodes: int, peak: float, audience: int, bench: Bench) -> tuple[Run | None, Ran, Sampled]:
    """A run that counts, at the first of some attempts; None for the run when none did."""
    ran, sampled = None, Sampled()
    for attempt in range(1, ATTEMPTS + 1):
        name = f"{drawn.number}-{nodes}-nodes-{audience or 'rehearsal'}-{attempt}-"
        out = Path(tempfile.mkdtemp(prefix=name, dir=bench.folder))
        with memory() as folder, staged(drawn, nodes, folder) as stage:
            curve = Curve(peak, joining(drawn), bench.quiet, bench.hold)
            plan = scenario(drawn, stage, nodes, curve, drawn.seed + 1000 * drawn.number + 1)
            plan = counted_on(plan, audience) if audience else plan
            with sampling(stage) as sampled:
                run = drive(plan, out, bench.before)
        ran = _judge(run, drawn, nodes, attempt, bench.hold)
        bench.tell(f"{nodes} nodes, {ran.viewers:.0f} viewers: {ran.outcome} {ran.why}")
        if ran.outcome != "invalid":
            return run, ran, sampled
    assert ran is not None
    return None, ran, sampled


def _judge(run: Run, drawn: Drawn, nodes: int, attempt: int, hold: int) -> Ran:
    """By the advisor's own verdict: a lasting breach of a budget."""
    worst = max((one.cpu for one in run.generators), default=0.0)
    outcome: Outcome = "invalid"
    try:
        measurement = measure([run])
    except CannotMeasure as error:
        return Ran(
            nodes=nodes,
            outcome=outcome,
            why=error.message,
            viewers=0,
            per_viewer=0,
            generator_cpu=worst,
            attempts=attempt,
        )
    found = verdict(measurement)
    first, why = found.first, ""
    if first is not None:
        why = f"{first.budget} {first.value:.3g} over {first.limit:g} at second {first.at} with {first.viewers} viewers"
    judged = measurement.whole(JUDGED)
    end = [second for second in judged if second.at >= judged[-1].at - hold + 1]
    viewers = max(1, sum(second.viewers for second in end))
    asked = sum(second.wire_bits if drawn.binds == "egress" else second.served for second in end)
    return Ran(
        nodes=nodes,
        outcome=found.state,
        why=why,
        viewers=max(second.viewers for second in judged),
        per_viewer=asked / viewers,
        generator_cpu=worst,
        attempts=attempt,
    )


def _answer(rehearsal: Run, drawn: Drawn, audience: int) -> Answer:
    try:
        advice = advise([rehearsal], {drawn.region: audience})
    except CannotMeasure as error:
        return Answer(nodes=None, ratio=None, binding="", why=error.message)
    plan = advice.regions[0].nodes
    if not isinstance(plan, Plan):
        return Answer(nodes=None, ratio=None, binding="", why=plan.reason.text)
    ratio = ratio_of(plan.demand, plan.per_node)
    return Answer(
        nodes=advised(plan), ratio=ratio, binding=plan.binding, why="" if plan.bound == "needed" else plan.bound
    )


def ratio_of(demand: Interval, per_node: Interval) -> tuple[float, float, float]:
    """Low, middle, high of demand over what a node carries; the ends are those of both intervals."""
    return demand.low / per_node.high, demand.mid / per_node.mid, demand.high / per_node.low


def _filled_by_cpu(drawn: Drawn, bench: Bench) -> float:
    """Viewers who fill one node, by a short trial: good enough to choose the load of the rehearsal."""
    with memory() as folder, staged(drawn, 1, folder) as stage:
        rate = trial(stage, drawn)
    bench.tell(f"a trial: {rate:,.0f} {'requests' if drawn.tls else 'bits'} a second")
    return TRIAL_ERROR * rate / work_per_viewer(drawn)


def _at_the_limit(rehearsal: Run, sampled: Sampled, bench: Bench) -> float:
    """Work of all nodes in a second during the hold of the rehearsal, when their CPU was full."""
    end = rehearsal.header.started_at.timestamp() + rehearsal.header.phases[-1].end
    rate = sampled.between(end - bench.hold, end)
    bench.tell(f"in the hold: {rate.cpu:.3f} seconds of CPU and {rate.work:,.0f} of work a second")
    return rate.work
