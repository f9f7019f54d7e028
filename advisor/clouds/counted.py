"""What counts against a quota of an account already, and which of it is the plan's own.

Nodes of the plan's type that managed node groups have in service serve the event too (assumed), and free reservations
of it are taken up by its nodes. Both count against the quota already, so neither is asked for again.
"""

from __future__ import annotations

import math
from collections import Counter
from datetime import datetime
from typing import Final

from advisor.clouds.quotas import code_of
from advisor.clouds.snapshot import Place, Reservation

BUYING: Final = {False: "ON_DEMAND", True: "SPOT"}
"""How EKS calls the ways to buy; those of a capacity block count against other quotas."""


def used_vcpus(place: Place, code: str, *, spot: bool = False) -> int | None:
    """VCPUs that count against a quota now; None where instances or a type's vCPUs could not be read.

    Reserved instances count even while they are free (EC2 user guide, On-Demand Instance quotas).
    """
    running = place.spot if spot else place.running
    if running is None:
        return None
    free = [] if spot else [(one.kind, one.free) for one in place.reservations or ()]
    counted = [(name, count) for name, count in (*running.items(), *free) if count and code_of(name, spot=spot) == code]
    if any(name not in place.vcpus for name, _ in counted):
        return None
    return sum(place.vcpus[name] * count for name, count in counted)


def serving(place: Place, kind: str, *, spot: bool = False) -> int:
    """Nodes of a type that managed node groups have in service; none where they could not be read."""
    behind = {name for one in place.node_groups or () if one.buying == BUYING[spot] for name in one.groups}
    return sum(one.in_service.get(kind, 0) for one in place.groups or () if one.name in behind)


def lasting(place: Place, kind: str, until: datetime | None) -> tuple[Reservation, ...]:
    """Reservations of a type that the plan's nodes run in by themselves, to the end of the event.

    One that ends is left out where nobody knows when the event does.
    """
    return tuple(
        one
        for one in place.reservations or ()
        if one.kind == kind and one.is_open and (one.ends is None or (until is not None and one.ends >= until))
    )


def paid(place: Place, kind: str, nodes: int, zones: int, until: datetime | None) -> int:
    """Of so many nodes, spread evenly over zones, those that free reservations hold: they are paid for either way."""
    free: Counter[str] = Counter()
    for one in lasting(place, kind, until):
        free[one.zone] += one.free
    each = math.ceil(nodes / zones)
    held = sum(sorted((min(each, count) for count in free.values()), reverse=True)[:zones])
    return min(nodes, held)
