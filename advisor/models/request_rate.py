"""Requests: a node answers so many a second, whatever their size; the rest waits, then is refused."""

from __future__ import annotations

from typing import Literal

from advisor.capacities import plateau, queue_fit
from advisor.measured.measure import Measurement
from advisor.measured.seconds import Second
from advisor.models import Capacity, Excuse, Model


class RequestRate(Model):
    """Requests answered well per second; a refusal is not service."""

    @property
    def unit(self) -> Literal["requests/s"]:
        """Requests per second."""
        return "requests/s"

    def rate(self, second: Second) -> float:
        """Requests that ended well."""
        return float(second.served)

    def fit(self, measurement: Measurement) -> Capacity | Excuse:
        """The request plateau; without one, where waits that grow put it (`Capacity.beyond`)."""
        found = plateau.fit(self, measurement)
        if isinstance(found, Capacity) and not found.saturated:
            return found.model_copy(update={"beyond": queue_fit.beyond(self, measurement)})
        return found
