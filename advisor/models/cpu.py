"""CPU: a node's processor is busy for each request and each byte, and at 100 % it serves no more.

By the utilisation law U = X · S (advisor/capacities/observed.py). That the CPU was full is told by the servers, and how
many requests a second it then carried by the viewers.
"""

from __future__ import annotations

from typing import Literal

from advisor.capacities import plateau
from advisor.capacities.observed import is_observed, ran_out
from advisor.measured.measure import Measurement
from advisor.measured.seconds import Second
from advisor.models import Capacity, Excuse, Model
from advisor.texts import say


class Cpu(Model):
    """Requests answered well per second and node at a full CPU, with the rehearsed mix of requests and bytes."""

    @property
    def unit(self) -> Literal["requests/s"]:
        """Requests per second."""
        return "requests/s"

    def rate(self, second: Second) -> float:
        """Requests that ended well."""
        return float(second.served)

    def fit(self, measurement: Measurement) -> Capacity | Excuse:
        """The request plateau where the CPU was full in the overload; else what was carried is a bound."""
        if not is_observed(measurement, "cpu"):
            reason, remedy = say("excuse_not_observed"), say("remedy_observe")
            return Excuse(about="cpu", reason=reason, remedy=remedy, is_aside=True)
        found = plateau.fit(self, measurement)
        if isinstance(found, Capacity) and not ran_out(measurement, "cpu"):
            return found.model_copy(update={"saturated": False})
        return found
