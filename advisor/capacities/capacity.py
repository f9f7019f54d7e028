"""What a node carries: every model is asked, and of the resources that stood still one is named as binding.

Past the cliff the resource that ran out is delivered at a constant rate. Where the link ran out, time is added after
the first byte; where requests ran out, before it. Where that does not tell, every other rate still varies with the
mix of requests (segments of different sizes, playlists, joins), so the binding one is the one that varies least.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, Literal

import numpy as np

from advisor.blocks import Floats, block_means, draws, seed_of
from advisor.capacities.concurrency import Concurrency, concurrency
from advisor.capacities.nodecount import NodeScaling, node_scaling
from advisor.capacities.observed import MOSTLY, full
from advisor.capacities.plateau import overload_seconds, settled
from advisor.measured.measure import APART, JUDGED, LOADED, Measurement
from advisor.measured.seconds import Second
from advisor.models import Capacity, Excuse, Model
from loadtests import plugins
from loadtests.region import Frozen

MODELS: Final = "advisor.models"
SURE: Final = 0.90
"""Share of resamples that must agree which resource varies least; with fewer, nodes are planned on both."""
SLOW_BYTES: Final = 1 / 3
"""A node that is out of requests lets a segment wait for its first byte and then sends it at once. When a third or
more of the added time falls after the first byte, the link is what is short (assumed; less says nothing)."""
BYTES: Final = "bandwidth"
_SERVERS: Final = {"cpu": "cpu", "network": BYTES, "memory": "memory"}
"""The model of each resource that servers tell of."""


class Binding(Frozen):
    """The resource that ran out first, and how that is known."""

    model: str | None
    """None when nothing ran out."""
    by: Literal["only", "variation", "transfer", "observed", "sign", "each"]
    """``only``: no other stood still. ``variation``: it varied least. ``transfer``: the bytes came slowly.
    ``observed``: by the servers' own words it was full, and it is the agreement for how long.
    ``sign``: the resource showed a sign of its own (connections refused, start-ups late) before anything else broke.
    ``each``: so it did, and other resources ran out when that sign was gone: nodes are planned on all of them."""
    agreement: float
    """Share of resamples that name the same resource as the one that varies least; 1 when only one stood still."""
    transfer: float
    """Of the time that overload added to a median segment, the share after its first byte."""

    @property
    def sure(self) -> bool:
        """Whether nodes need only be planned on this one."""
        return self.by != "each" and (self.by in ("transfer", "observed", "sign") or self.agreement >= SURE)


class Capacities(Frozen):
    """All that is known of a node."""

    found: tuple[Capacity, ...]
    excuses: tuple[Excuse, ...]
    binding: Binding
    scaling: NodeScaling | None = None
    """How the limit grows with the nodes, where it was reached at two node counts or more; else nodes are taken to
    add up."""
    concurrency: Concurrency | Excuse | None = None
    """Throughput over the load steps: a cross-check, no plan uses it."""

    @property
    def saturated(self) -> tuple[Capacity, ...]:
        """The limits that nodes are planned on: one, two that cannot be told apart, or several each reached alone."""
        return tuple(capacity for capacity in self.found if capacity.saturated)

    def of(self, model: str) -> Capacity | None:
        """The capacity that a model found."""
        return next((capacity for capacity in self.found if capacity.model == model), None)


def models() -> tuple[Model, ...]:
    """Every model in the folder, with its default settings."""
    found = (plugins.find(MODELS, name)() for name in plugins.names(MODELS))
    return tuple(model for model in found if isinstance(model, Model))


def capacities(measurement: Measurement) -> Capacities:
    """Ask every model, then decide which resource binds; runs with fewer nodes only show how nodes add up."""
    every, measurement = measurement, measurement.of_nodes(measurement.nodes)
    known = models()
    answers, verdict = _judged(known, measurement)
    return Capacities(
        found=tuple(answer for answer in answers if isinstance(answer, Capacity)),
        excuses=tuple(answer for answer in answers if isinstance(answer, Excuse)),
        binding=verdict,
        scaling=next((node_scaling(one, every) for one in known if type(one).plugin_name() == verdict.model), None),
        concurrency=concurrency(measurement),
    )


def _judged(known: Sequence[Model], measurement: Measurement) -> tuple[list[Capacity | Excuse], Binding]:
    """What every model answers, with the limits that another one explains as "at least", and which of them binds."""
    answers = [model.fit(measurement) for model in known]
    limits = [one for one in answers if isinstance(one, Capacity) and one.saturated]
    if first := _first_sign(limits):
        return _beside(first, answers, known, measurement)
    flat = [one.model for one in limits]
    verdict = _binding([one for one in known if type(one).plugin_name() in flat], measurement)
    if not verdict.sure:
        return answers, verdict
    return [one if _name(one) == verdict.model else _only_at_least(one) for one in answers], verdict


def _only_at_least(answer: Capacity | Excuse) -> Capacity | Excuse:
    """Flat only because another resource was: a node carries at least what it delivered."""
    return answer.model_copy(update={"saturated": False}) if isinstance(answer, Capacity) else answer


def _first_sign(limits: Sequence[Capacity]) -> Capacity | None:
    """The earliest sign of its own, where there is one."""
    signs = [one for one in limits if one.evidence.basis == "sign"]
    return min(signs, key=lambda one: (one.evidence.first_broken or 0, one.model), default=None)


def _beside(
    first: Capacity, answers: Sequence[Capacity | Excuse], known: Sequence[Model], measurement: Measurement
) -> tuple[list[Capacity | Excuse], Binding]:
    """A sign explains what stands still while it lasts (who got in), and nothing of the seconds without it.

    So every other model is asked again without these seconds, and what is a limit then stays one.
    """
    sign = next(one for one in known if type(one).plugin_name() == first.model)
    signs = overload_seconds(measurement.whole(JUDGED), sign.is_broken)
    rest, then = _judged([one for one in known if one is not sign], _without(measurement, signs))
    kept = {one.model: one for one in rest if isinstance(one, Capacity) and one.saturated}
    found = [one if one is first else kept.get(_name(one)) or _only_at_least(one) for one in answers]
    slowed = transfer_share(measurement.whole(LOADED), settled(overload_seconds(measurement.whole(JUDGED))))
    agreement = then.agreement if then.by in ("variation", "each") else 1.0
    return found, Binding(model=first.model, by="each" if kept else "sign", agreement=agreement, transfer=slowed)


def _name(answer: Capacity | Excuse) -> str:
    return answer.model if isinstance(answer, Capacity) else answer.about


def _without(measurement: Measurement, seconds: Iterable[Second]) -> Measurement:
    """The runs without some seconds, which are on the clock of `measure.apart`."""
    left = {second.at for second in seconds}
    runs = tuple(
        run.model_copy(update={"whole": tuple(one for one in run.whole if one.at + number * APART not in left)})
        for number, run in enumerate(measurement.runs)
    )
    return measurement.model_copy(update={"runs": runs})


def _binding(flat: list[Model], measurement: Measurement) -> Binding:
    """Bandwidth when the bytes themselves came slowly, else the resource that varies least.

    Where the added time was spent is physics; which rate varies least is only a habit of overloads: with viewers
    constant at the peak, a rate that merely equals what they ask for stands just as still.
    """
    names = [type(model).plugin_name() for model in flat]
    overload = settled(overload_seconds(measurement.whole(JUDGED)))
    slowed = transfer_share(measurement.whole(LOADED), overload)
    if len(flat) < 2:
        return Binding(model=names[0] if names else None, by="only", agreement=1.0, transfer=slowed)
    told = {_SERVERS[resource]: share for resource, share in full(measurement).items() if share >= MOSTLY}
    if len(told) == 1 and (name := next(iter(told))) in names:
        return Binding(model=name, by="observed", agreement=told[name], transfer=slowed)
    least, agreement = _least_varying(flat, overload, measurement.seed)
    if slowed >= SLOW_BYTES and BYTES in names:
        return Binding(model=BYTES, by="transfer", agreement=agreement, transfer=slowed)
    return Binding(model=names[least], by="variation", agreement=agreement, transfer=slowed)


def _least_varying(flat: list[Model], overload: list[Second], seed: str) -> tuple[int, float]:
    """Which of the models varies least from second to second, and the share of resamples that say so.

    A limit holds in each second; a rate that is only steady because another one is stands still over longer times.
    """
    times = [second.at for second in overload]
    rates = np.array([[model.rate(second) for second in overload] for model in flat])
    means = np.array([block_means(times, rate) for rate in rates])
    squares = np.array([block_means(times, rate) for rate in rates**2])
    drawn = draws(means.shape[1], len(times), seed_of(seed))
    resampled = np.argmin(_variation(means[:, drawn], squares[:, drawn]), axis=0)
    least = int(np.argmin(_variation(means, squares)))
    return least, round(float(np.mean(resampled == least)), 3)


def _variation(means: Floats, squares: Floats) -> Floats:
    """Standard deviation over mean of the seconds in the blocks of the last axis."""
    mean = means.mean(axis=-1)
    found: Floats = np.sqrt(np.maximum(0.0, squares.mean(axis=-1) - mean**2)) / mean
    return found


def transfer_share(loaded: Sequence[Second], overload: Sequence[Second]) -> float:
    """Of the time that overload added to a median segment, the share after its first byte; 0 when none was added."""
    before = [second for second in loaded if second.total and not second.broken]
    after = [second for second in overload if second.total]
    if not before or not after:
        return 0.0
    added = _median_total(after) - _median_total(before)
    waiting = _median_ttfb(after) - _median_ttfb(before)
    return round(min(1.0, max(0.0, 1.0 - waiting / added)), 3) if added > 0 else 0.0


def _median_total(seconds: Sequence[Second]) -> float:
    return float(np.median([second.total.p50 for second in seconds if second.total]))


def _median_ttfb(seconds: Sequence[Second]) -> float:
    return float(np.median([second.ttfb.p50 for second in seconds if second.ttfb] or [0.0]))
