"""What a node carries: every model is asked, and of the resources that stood still one is named as binding.

Past the cliff the resource that ran out is delivered at a constant rate. Every other rate still varies with the mix
of requests (segments of different sizes, playlists, joins), so the binding one is the one that varies least.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from advisor.blocks import block_means, draws, seed_of
from advisor.measure import JUDGED, Measurement
from advisor.models import Capacity, Excuse, Model
from advisor.plateau import overload_seconds
from loadtests import plugins
from loadtests.region import Frozen

MODELS: Final = "advisor.models"
SURE: Final = 0.90
"""Share of resamples that must agree which resource varies least; with fewer, nodes are planned on both."""


class Capacities(Frozen):
    """All that is known of a node."""

    found: tuple[Capacity, ...]
    excuses: tuple[Excuse, ...]
    binding: str | None
    """Model of the resource that ran out first; None when none did."""
    agreement: float
    """Share of resamples that name the same resource; 1 when only one stood still."""

    @property
    def saturated(self) -> tuple[Capacity, ...]:
        """The limits that nodes are planned on: one, or two when they cannot be told apart."""
        return tuple(capacity for capacity in self.found if capacity.saturated)

    def of(self, model: str) -> Capacity | None:
        """The capacity that a model found."""
        return next((capacity for capacity in self.found if capacity.model == model), None)


def models() -> tuple[Model, ...]:
    """Every model in the folder, with its default settings."""
    found = (plugins.find(MODELS, name)() for name in plugins.names(MODELS))
    return tuple(model for model in found if isinstance(model, Model))


def capacities(measurement: Measurement) -> Capacities:
    """Ask every model, then decide which resource binds."""
    known = models()
    answers = [model.fit(measurement) for model in known]
    found = [answer for answer in answers if isinstance(answer, Capacity)]
    excuses = tuple(answer for answer in answers if isinstance(answer, Excuse))
    flat = [one.model for one in found if one.saturated]
    binding, agreement = _binding([one for one in known if type(one).plugin_name() in flat], measurement)
    if agreement >= SURE:
        found = [_only_at_least(one) if one.saturated and one.model != binding else one for one in found]
    return Capacities(found=tuple(found), excuses=excuses, binding=binding, agreement=agreement)


def _only_at_least(capacity: Capacity) -> Capacity:
    """Flat only because another resource was: a node carries at least what it delivered."""
    return capacity.model_copy(update={"saturated": False})


def _binding(flat: list[Model], measurement: Measurement) -> tuple[str | None, float]:
    """The model whose rate varies least, and the share of resamples that say so."""
    if len(flat) < 2:
        return (type(flat[0]).plugin_name() if flat else None), 1.0
    seconds = overload_seconds(measurement.whole(JUDGED))
    times = [second.at for second in seconds]
    means = np.array([block_means(times, [model.rate(second) for second in seconds]) for model in flat])
    drawn = means[:, draws(means.shape[1], len(times), seed_of(measurement.seed))]
    resampled = np.argmin(drawn.std(axis=2) / drawn.mean(axis=2), axis=0)
    least = int(np.argmin(means.std(axis=1) / means.mean(axis=1)))
    return type(flat[least]).plugin_name(), round(float(np.mean(resampled == least)), 3)
