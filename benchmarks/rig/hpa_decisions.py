"""What a real HPA controller decided, held sync by sync against the simulator."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from advisor.autoscale.hpa import Controller, Hpa
from advisor.autoscale.replicas import Look, Tolerance


@dataclass(frozen=True, slots=True)
class Sync:
    """One sync of the controller, as it was seen when it asked for the metric."""

    at: float
    """Seconds."""
    value: int
    """The answer, in thousandths."""
    replicas: int
    """``spec.replicas`` then."""
    exist: int
    """``status.replicas`` then."""


@dataclass(frozen=True, slots=True)
class Difference:
    """A sync after which the two do not agree; those after the first may follow from it."""

    sync: Sync
    real: int
    simulated: int

    def __str__(self) -> str:
        one = self.sync
        found = f"{one.value / 1000:g} over {one.replicas} replicas ({one.exist} there)"
        return f"at {one.at:.1f} s, {found}: the controller went to {self.real}, the simulator to {self.simulated}"


def differences(hpa: Hpa, syncs: Sequence[Sync], version: tuple[int, int]) -> tuple[Difference, ...]:
    """Every sync but the last, whose decision nobody saw: the next sync finds what this one decided."""
    controller, found = Controller(hpa), []
    for this, after in pairwise(syncs):
        look = Look(this.at, this.replicas, (), Tolerance(version=version))
        decision = controller.sync(look, [this.value], this.exist)
        if decision.replicas != after.replicas:
            found.append(Difference(this, after.replicas, decision.replicas))
    return tuple(found)
