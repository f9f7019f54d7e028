"""The planner: 10,000 draws × 1,200 node types × 10 regions, its time and memory, beside a plain loop over the types.

``python -m benchmarks.planner [--json OUT] [--types 1200] [--regions 10] [--rounds 3]``, about a minute. The catalogue
is made up: sizes from 2 to 192 vCPUs, egress, memory and price with chance in them, a tenth not offered in each region.
It is written as YAML and read as any catalogue is, and each plan has its mix of two shapes, its ways to pay and every
refusal. The loop plans one type after the other with the same draws, and both must name the same nodes for every one.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml

from advisor.capacities.capacity import Binding, Capacities
from advisor.demands.demand import Demand
from advisor.demands.rise import Rise
from advisor.interval import Interval
from advisor.models import Capacity, Evidence, Unit
from advisor.offers.buying import Shop
from advisor.offers.catalog import parsed
from advisor.offers.offer import Offer
from advisor.plans.asked import Asked
from advisor.plans.choosing import counts
from advisor.plans.drawing import DRAWS, drawn, scores
from advisor.plans.headroom import folded, headroom
from advisor.plans.plan import Plan, plan
from advisor.plans.regret import critical_ratio, rank_of
from advisor.plans.shares import plans_of
from advisor.plans.transfer import Resource, resources
from benchmarks.rig.report import write
from loadtests.buying import Buying
from loadtests.launch import Launch
from loadtests.region import Fact

SIZES: Final = (2, 4, 8, 16, 32, 48, 64, 96, 128, 192)


def catalogue(types: int, regions: Sequence[str]) -> str:
    """So many types of chance make, as the text of a catalogue."""
    rng = np.random.default_rng(1)
    origin = {"source": "made up for benchmarks/planner.py", "as_of": "2026-11-27", "confidence": "assumed"}
    offers: dict[str, dict[str, Any]] = {}
    for number in range(types):
        vcpus = int(rng.choice(SIZES))
        missing = rng.choice(list(regions), max(1, len(regions) // 10), replace=False)
        offers[f"type-{number}"] = {
            "vcpus": vcpus,
            "memory_gib": float(vcpus * rng.choice([2, 4, 8])),
            "egress": f"{vcpus * rng.uniform(0.1, 3):.3f}Gbps",
            "usd_per_hour": round(vcpus * rng.uniform(0.03, 0.07), 4),
            "zones": {str(region): 0 for region in missing},
        }
    kinds = ("shapes", "network", "prices", "zones")
    price = {"on_demand": "100%", "savings": "70%", "spot": "40%"}
    buying = {name: {"quota": "Q", "price": {"value": share, **origin}} for name, share in price.items()}
    data = {
        "name": "made-up",
        "provider": "bench",
        "facts": {kind: dict(origin) for kind in kinds},
        "buying": buying,
        "zones": dict.fromkeys(regions, 3),
        "offers": offers,
    }
    return yaml.safe_dump(data, sort_keys=False)


def asked(region: str, size: float, offers: tuple[Offer, ...], shop: Shop) -> Asked:
    """One region with three resources that ran out."""

    def about(mid: float, spread: float = 0.1) -> Interval:
        return Interval(low=mid * (1 - spread), mid=mid, high=mid * (1 + spread), coverage=0.9, samples=60)

    seen = Evidence(
        basis="plateau",
        first_broken=1,
        broken_budgets=(),
        seconds=60,
        span=(1, 60),
        viewers=(1, 2),
        plateau=None,
        held=1.0,
        variation=0.01,
    )
    limits: tuple[tuple[str, Unit, float], ...] = (
        ("bandwidth", "bit/s", 3e9),
        ("request_rate", "requests/s", 4000.0),
        ("connections", "connections", 9000.0),
    )
    found = tuple(
        Capacity(model=model, unit=unit, per_node=about(per_node), saturated=True, evidence=seen)
        for model, unit, per_node in limits
    )
    demand = Demand(
        region=region,
        viewers=about(100_000 * size),
        wire=about(300e9 * size),
        requests=about(150_000 * size),
        joins=about(2000 * size),
        all_joins=200_000 * size,
        wire_per_viewer=about(3e6),
        requests_per_viewer=about(1.5),
        wire_per_join=about(4e6),
        tested_viewers=1000,
    )
    launch = Launch(
        quota_vcpus={region: 200_000}, underprovision_weight=19, buying=Buying.model_validate({"spot": "20%"})
    )
    return Asked(
        demand,
        Capacities(found=found, excuses=(), binding=Binding(model="bandwidth", by="only", agreement=1, transfer=0)),
        launch,
        9.0,
        rise=Rise(0.1, (0.0, 600.0), (0.0, 0.9)),
        node=offers[0],
        offers=offers[1:],
        places={"bench": region},
        shops=(shop,),
        event_seconds=7200,
    )


def crowded(questions: Sequence[Asked], place: str) -> list[Asked]:
    """The same markets, all in one place with a quota that is enough for a few of them."""
    told = {"source": "made up for benchmarks/planner.py", "as_of": "2026-11-27", "confidence": "assumed"}
    quota = {"quota_vcpus": {place: Fact[int].model_validate({"value": 20_000, **told})}}
    node, *offers = (one.model_copy(update=quota) for one in (questions[0].node, *questions[0].offers))
    launch = questions[0].launch.model_copy(update={"quota_vcpus": {}})
    places = {"bench": place}
    return [replace(one, node=node, offers=tuple(offers), launch=launch, places=places) for one in questions]


def looped(question: Asked) -> list[int]:
    """The nodes of every type, one type after the other, as one would write it down."""
    limits = question.capacities.found
    carried = resources(question.demand, limits, question.launch, question.node, question.offers)
    rank = rank_of(critical_ratio(question.launch.underprovision_weight), DRAWS)
    return [_one(question, carried, index, rank) for index in range(len(question.offers))]


def _one(question: Asked, carried: Sequence[Resource], index: int, rank: int) -> int:
    each = []
    for one in carried:
        wanted = drawn(one.asked, scores(f"demand {question.demand.region}"))
        z = scores(f"capacity {one.unit}")
        middle = one.middles[index] / one.per_node.mid * np.exp(one.wider[index] * z)
        each.append(wanted / (drawn(one.per_node, z) * middle))
    needed = np.sort(folded(headroom(question.launch), np.max(each, axis=0)))
    return int(needed[rank])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write all figures there")
    parser.add_argument("--types", type=int, default=1200, help="default 1200")
    parser.add_argument("--regions", type=int, default=10, help="default 10")
    parser.add_argument("--rounds", type=int, default=3, help="default 3")
    given = parser.parse_args()
    names = [f"place-{number}" for number in range(given.regions)]
    text = catalogue(given.types, names)
    start = time.process_time()
    _, offers, shop = parsed("made-up.yaml", text)
    reading = (time.process_time() - start) / 2
    questions = [asked(name, 1 + number / 2, offers, shop) for number, name in enumerate(names)]
    before = _megabytes()
    ours, plans = [], []
    for _ in range(given.rounds):
        start = time.process_time()
        plans = [plan(question) for question in questions]
        ours.append(time.process_time() - start)
    memory = _megabytes() - before
    together = crowded(questions, names[0])
    start = time.process_time()
    plans_of(together)
    sharing = time.process_time() - start
    start = time.process_time()
    plain = [looped(question) for question in questions]
    loop = time.process_time() - start
    counted = [counts(question, question.capacities.found) for question in questions]
    best = statistics.median(ours)
    shown: dict[str, float] = {"draws": DRAWS, "types": given.types, "regions": given.regions}
    figures = {
        **shown,
        "reading_cpu_seconds": reading,
        "cpu_seconds": ours,
        "sharing_cpu_seconds": sharing,
        "loop_cpu_seconds": loop,
        "ratio": loop / best,
        "extra_mb": memory,
    }
    print(f"{DRAWS:,} draws × {given.types:,} types × {given.regions} regions, three resources, one process")
    print(f"  reading the catalogue             {reading:6.2f} s of CPU")
    print(f"  plan, mix, refusals, alternatives {best:6.2f} s of CPU [{min(ours):.2f} to {max(ours):.2f}]")
    print(f"  the same in one place, one quota  {sharing:6.2f} s of CPU: divided, and planned again")
    print(f"  memory on top                     {memory:6.0f} MB")
    print(f"  nodes alone, one type at a time   {loop:6.2f} s: {loop / best:.1f} times as long")
    print(f"  same nodes for every type: {'yes' if counted == plain else 'NO'}")
    choices = [one.offers for one in plans if isinstance(one, Plan) and one.offers.best is not None]
    mixed = sum(1 for one in choices if one.mix is not None and len(one.mix.parts) > 1)
    print(f"  regions with an offer that fits: {len(choices)} of {given.regions}, with a cheaper mix: {mixed}")
    write(given.json, "planner", {**figures, "same": counted == plain})


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
