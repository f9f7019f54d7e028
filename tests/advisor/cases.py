"""Cases by hand: one region with round figures, so that a test can reckon in its head."""

from __future__ import annotations

from advisor.capacities.capacity import Binding, Capacities
from advisor.changes.case import Case
from advisor.demands.demand import Demand
from advisor.demands.rise import Rise, rise
from advisor.demands.usage import Curve, Usage
from advisor.interval import Interval
from advisor.models import Capacity, Evidence, Unit
from advisor.plans.plan import Asked
from loadtests.launch import Launch
from loadtests.region import load_region
from loadtests.shapes import Phase
from tests.advisor.runs import Town

EVIDENCE = Evidence(
    basis="plateau",
    first_broken=40,
    broken_budgets=("segment_p95",),
    seconds=30,
    span=(40, 70),
    viewers=(100, 300),
    plateau=None,
    held=1.0,
    variation=0.01,
)
SCENARIO = Town().scenario
BARE = Launch.model_validate({"zones": 1, "spare_nodes": 0, "target_utilisation": "100%"})
"""Nothing but demand over capacity."""
UNITS: dict[str, Unit] = {
    "bandwidth": "bit/s",
    "request_rate": "requests/s",
    "joins": "joins/s",
    "connections": "connections",
}
RUNGS = {300_000: 0.5, 700_000: 0.3, 1_500_000: 0.2}


def around(mid: float, spread: float = 0.0, coverage: float = 0.9) -> Interval:
    return Interval(low=mid * (1 - spread), mid=mid, high=mid * (1 + spread), coverage=coverage, samples=30)


def capacity(model: str, per_node: float, *, saturated: bool = True, spread: float = 0.0) -> Capacity:
    return Capacity(
        model=model, unit=UNITS[model], per_node=around(per_node, spread), saturated=saturated, evidence=EVIDENCE
    )


def ramp(viewers: float, seconds: int = 300, quiet: int = 30) -> Curve:
    """A tenth, then a straight line up, then a hold; everybody who is new has joined."""
    present = [0.1 * viewers] * quiet
    present += [viewers * (0.1 + 0.9 * (step + 1) / seconds) for step in range(seconds)]
    present += [viewers] * 60
    joins = [max(0.0, now - before) for before, now in zip([present[0], *present], present, strict=False)]
    return Curve(tuple(present), tuple(joins))


def rise_of(curve: Curve) -> Rise | None:
    """How its viewers grow, second by second."""
    seconds = len(curve.viewers)
    first = next(at for at in range(1, seconds) if curve.viewers[at] > curve.viewers[0])
    phases = (Phase(name="baseline", start=0, end=first), Phase(name="ramp", start=first, end=seconds))
    return rise(lambda at: curve.viewers[min(seconds - 1, int(at))], phases)


def case_of(
    *found: Capacity,
    viewers: float = 10_000,
    launch: Launch | None = None,
    factor: float = 10.0,
    usage: Usage | None = None,
    spread: float = 0.0,
) -> Case:
    """Viewers of 700 kbit/s and one request a second; a join costs 4 Mbit and 5 requests."""
    curve = usage.curves[0] if usage else ramp(viewers)
    used = usage or Usage(
        region="id",
        segments=0.5,
        media=0.98,
        playlists=0.01,
        rungs=RUNGS,
        hits={"segment": 60, "playlist": 30},
        misses={"segment": 4, "playlist": 6},
        seconds=50,
        curves=(curve,),
    )
    demand = Demand(
        region="id",
        viewers=Interval.exact(viewers),
        wire=around(used.worst(700e3, 4e6), spread),
        requests=around(used.worst(1.0, 5.0), spread),
        joins=around(used.worst(0.0, 1.0), spread),
        all_joins=viewers,
        wire_per_viewer=around(700e3, spread),
        requests_per_viewer=around(1.0, spread),
        wire_per_join=around(4e6, spread),
        requests_per_join=around(5.0, spread),
        tested_viewers=viewers / factor,
    )
    model = next((one.model for one in found if one.saturated), None)
    binding = Binding(model=model, by="only", agreement=1, transfer=0)
    capacities = Capacities(found=found, excuses=(), binding=binding)
    asked = Asked(demand, capacities, launch or BARE, factor, rise=rise_of(curve), is_brief=True)
    return Case(asked=asked, usage=used, edge=demand, place=load_region("id"), scenario=SCENARIO)
