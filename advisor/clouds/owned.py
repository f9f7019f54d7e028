"""What Reserved Instances cover of a plan, beside what else runs.

They are no machines but a price: zonal ones for one type in one zone, where they also hold room; regional ones for
every size of a family, by normalised units (``owned.yaml``). Which instances use them AWS settles each hour, and no
interface tells it: here the instances that run and the capacity reservations that are free have theirs first, and the
plan's nodes what is left. Nodes of the plan's type that managed node groups have in service are the plan's own.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from importlib import resources
from typing import Any, Final

import yaml

from advisor.clouds.counted import BUYING, lasting
from advisor.clouds.quotas import class_of
from advisor.clouds.snapshot import Owned, Place


@cache
def _facts() -> Mapping[str, Any]:
    return dict(yaml.safe_load((resources.files("advisor") / "clouds" / "owned.yaml").read_text(encoding="utf-8")))


def family_of(kind: str) -> str:
    """``c7g`` of ``c7g.4xlarge``."""
    return kind.partition(".")[0]


@cache
def units_of(kind: str) -> float | None:
    """Normalised units of a type; None where its size has none that are known."""
    family, _, size = kind.partition(".")
    known: dict[str, float] = _facts()["units"]["value"]
    if size in known:
        return known[size]
    for end in ("xlarge", "xl"):
        count = size.removeprefix("metal-").removesuffix(end)
        if size.endswith(end) and count.isdecimal() and 0 < len(count) <= 3:
            return int(count) * known["xlarge"]
    metal: dict[float, list[str]] = _facts()["metal"]["value"]
    return next((units for units, names in metal.items() if size == "metal" and family in names), None)


@cache
def reach_of(kind: str) -> str:
    """What regional ones of a type apply to: its family, or the type alone where sizes are not exchanged."""
    return kind if class_of(kind) in _facts()["rigid"]["value"] else family_of(kind)


@dataclass(frozen=True, slots=True)
class Cover:
    """Nodes of one type that are paid for either way: by free capacity reservations, and by Reserved Instances."""

    rooms: tuple[int, ...] = (0,)
    """Of each zone that is planned with, those for which room is held; those zones that hold most."""
    reach: str = ""
    """What its regional ones apply to; those of types with one reach are one and the same."""
    units: float = 0.0
    """Of regional ones, normalised: what the others leave; below zero where they want more than there is."""
    each: float = 1.0
    """Units of a node."""
    own: float = 0.0
    """Units that nodes of this type take today which are the plan's own."""

    def paid(self, nodes: int) -> int:
        """Of so many nodes, spread evenly over the zones: whole nodes, though a part of one may be covered too."""
        each = math.ceil(nodes / len(self.rooms))
        held = min(nodes, sum(min(each, room) for room in self.rooms))
        return held + min(nodes - held, max(0, math.floor(self.units / self.each)))


def counting(place: Place, until: datetime | None) -> tuple[Owned, ...]:
    """Those that last to the end of the event; none where nobody knows when that is."""
    return tuple(one for one in place.owned or () if until is not None and one.ends >= until)


def cover(place: Place, kind: str, zones: int, until: datetime | None) -> Cover:
    """Of a type, with so many zones to plan with. Reserved Instances cover nothing where nobody knows what runs."""
    rooms = Counter[str]()
    for one in lasting(place, kind, until):
        rooms[one.zone] += one.free
    reach = reach_of(kind)
    known = [one for one in counting(place, until) if reach_of(one.kind) == reach]
    units, own = 0.0, 0.0
    if known and place.running is not None:
        runs = {name: Counter(found) for name, found in place.spread.items() if reach_of(name) == reach}
        others = runs | {kind: Counter(runs.get(kind, {})) - own_nodes(place, kind)}
        zonal = _zonal(known)
        rooms.update(zonal.get(kind, Counter()) - others[kind])
        free = [(one.kind, one.free) for one in place.reservations or () if reach_of(one.kind) == reach]
        regional = [(one.kind, one.count) for one in known if not one.zone]
        asked = [*_beyond(others, zonal), *free]
        if None not in [units_of(name) for name, _ in (*asked, *regional, (kind, 1))]:
            units = _units(regional) - _units(asked)
            own = _units(_beyond(runs, zonal)) - _units(_beyond(others, zonal))
    held = (*(count for _, count in rooms.most_common(zones)), *[0] * (zones - len(rooms)))
    return Cover(held, reach, units, units_of(kind) or 1.0, own)


def room(place: Place, kind: str, until: datetime | None) -> int:
    """Instances of a type for which zonal ones hold room to the end of the event, and that do not run."""
    if place.running is None:
        return 0
    held = _zonal(counting(place, until)).get(kind, Counter[str]())
    return (held - Counter(place.spread.get(kind, {}))).total()


def _zonal(known: Iterable[Owned]) -> dict[str, Counter[str]]:
    """By type and zone."""
    found: dict[str, Counter[str]] = {}
    for one in known:
        if one.zone:
            found.setdefault(one.kind, Counter())[one.zone] += one.count
    return found


def _beyond(runs: Mapping[str, Counter[str]], zonal: Mapping[str, Counter[str]]) -> list[tuple[str, int]]:
    """Instances that zonal ones do not cover, by type: what regional ones are used for."""
    return [(name, (found - zonal.get(name, Counter())).total()) for name, found in runs.items()]


def own_nodes(place: Place, kind: str) -> Counter[str]:
    """By zone: nodes of the type that managed node groups have in service on demand."""
    behind = {name for one in place.node_groups or () if one.buying == BUYING[False] for name in one.groups}
    found = Counter[str]()
    for group in place.groups or ():
        if group.name in behind:
            found.update(group.spread.get(kind, {}))
    return found


def _units(counts: Iterable[tuple[str, int]]) -> float:
    return sum((units_of(name) or 0.0) * count for name, count in counts)


NOTHING: Final = Cover()
"""Where no account was read."""
