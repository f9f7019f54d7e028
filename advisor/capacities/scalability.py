"""From throughput at a few load steps to throughput at a higher one, with an interval, or a refusal.

The laws of `advisor.capacities.laws` compete. Each is fitted on the lower steps and judged on the steps above, up to
twice as far (rolling origin: Tashman, International Journal of Forecasting 16, 2000); its weight is the inverse of its
mean square error there. The answer is their weighted mean in logarithms, and

    spread^2 = disagreement of the laws^2 + bootstrap over points^2 + residuals^2 + (DRIFT ln(load / highest step))^2

gives the interval: `Z90` times the spread on either side, or more where the same sum was too narrow for the steps that
were held out (split conformal: Vovk, Gammerman and Shafer, "Algorithmic Learning in a Random World", 2005).

A ceiling that has not begun to show cannot be seen by any fit. The straighter the curve still is at the top, the lower
the middle is put among the laws (`DISCOUNT`). What was tuned, on what, and how well that holds on data that was
not looked at, is in docs/capacity-science.md and ``python -m benchmarks.anchors``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

import numpy as np

from advisor.blocks import COVERAGE, Z90
from advisor.capacities.laws import LAWS, UNJUDGED, Floats, Law
from advisor.interval import Interval
from advisor.models import Excuse
from advisor.texts import say

REACH: Final = 2.0
"""Nothing is said beyond so many times the highest step (house rule, docs/reading-a-report.md)."""
LEAST_STEPS: Final = 2
"""One step shows no growth."""
JUDGED_FROM: Final = 3
"""Fewest steps that a law is fitted to when it is judged on the next ones: the USL has three coefficients."""
CALIBRATED_FROM: Final = 4
"""Fewest steps for an interval that is checked against the steps above: one more, so that laws were judged before."""
LOOK_BACK: Final = 4.0
"""Origins down to a quarter of the highest step count: two doublings, further down is another system (assumed)."""
TOP_WEIGHT: Final = 0.5
"""A step weighs by this power of its load: what lies ahead looks more like the top (chosen on synthetic curves)."""
NOISE: Final = 0.02
"""Relative error that no law is held better than: weights do not chase 2 % (assumed, as in `plateau`)."""
LEAST_NOISE: Final = 0.01
"""Relative residual that is always assumed: few points can be met by chance."""
DRIFT: Final = 0.15
"""Standard deviation per e-fold (10 % per doubling) for what no law knows (tuned: docs/capacity-science.md)."""
DISCOUNT: Final = 2.0
"""Standard deviations of the laws' disagreement that the middle is lowered by while the curve is still straight."""
STRAIGHT: Final = 4.0
"""Power of the slope (d ln X / d ln N at the top, 1 when straight, 0 at a ceiling) in that discount: it fades fast."""
MOST_STRETCH: Final = 2.0
"""`Z90` is stretched by no more: a ceiling that was a surprise once is not a surprise for ever (assumed)."""
RESAMPLES: Final = 100
"""Bootstrap weightings; only a standard deviation is taken from them."""
_SEED: Final = 91


@dataclass(frozen=True, slots=True)
class Share:
    """A law and what its forecasts of the higher steps were worth: all shares add up to 1."""

    law: str
    share: float


@dataclass(frozen=True)
class Scalability:
    """Throughput over load, as measured; asks the laws for what was not.

    ``loads`` and ``rates`` are above zero and as long as each other, loads rising; ``errors`` are relative standard
    errors of the rates, empty when unknown. ``ValueError`` when they are not.
    """

    loads: tuple[float, ...]
    rates: tuple[float, ...]
    errors: tuple[float, ...] = ()
    laws: tuple[Law, ...] = field(default=LAWS, repr=False)

    def __post_init__(self) -> None:
        rising = all(low < high for low, high in zip(self.loads, self.loads[1:], strict=False))
        numbers = (*self.loads, *self.rates)
        if len(self.loads) != len(self.rates) or not rising or not all(0 < one < math.inf for one in numbers):
            raise ValueError(f"expected rising loads and as many rates, above zero: {self.loads}, {self.rates}")
        if self.errors and (len(self.errors) != len(self.loads) or min(self.errors) < 0):
            raise ValueError(f"expected an error of zero or more for each rate, found {self.errors}")

    def at(self, load: float, about: str = "scalability") -> Interval | Excuse:
        """Throughput at a load, as a 90 % interval; an Excuse past `REACH` times the highest step.

        Below the lowest step it is taken in proportion to the load (assumed).
        """
        if len(self.loads) < LEAST_STEPS:
            return Excuse(about=about, reason=say("excuse_one_step"), remedy=say("remedy_more_steps"))
        if not load <= REACH * self.loads[-1] * (1 + 1e-9):
            enough = f"{math.ceil(load / REACH):,}" if math.isfinite(load) else "?"
            tested, asked = f"{self.loads[-1]:,.4g}", f"{load:,.4g}"
            reason = say("excuse_far_step", asked=asked, tested=tested, reach=f"{REACH:g}")
            return Excuse(about=about, reason=reason, remedy=say("remedy_far_step", enough=enough))
        if not load > 0:
            raise ValueError(f"expected a load above zero, found {load}")
        low, mid, high = (float(end[0]) for end in self.ends(np.array([max(load, self.loads[0])])))
        found = Interval(low=low, mid=mid, high=high, coverage=COVERAGE, samples=len(self.loads))
        return found.scale(min(1.0, load / self.loads[0]))

    def ends(self, loads: Floats) -> tuple[Floats, Floats, Floats]:
        """Low, middle and high throughput at each load, however far."""
        known = self._origin(len(self.loads))
        wide = self._stretch * known.spread(loads)
        mean = known.mean(loads)
        beyond = loads > self.loads[-1]
        mid = mean - beyond * DISCOUNT * known.slope**STRAIGHT * known.disagreement(loads)
        return np.exp(np.minimum(mean - wide, mid)), np.exp(mid), np.exp(np.maximum(mean + wide, mid))

    @property
    def shares(self) -> tuple[Share, ...]:
        """What each law weighs, the heaviest first."""
        weights = self._origin(len(self.loads)).weights
        found = (Share(law.name, round(float(one), 3)) for law, one in zip(self.laws, weights, strict=True))
        return tuple(sorted(found, key=lambda one: -one.share))

    @cached_property
    def _origins(self) -> dict[int, Origin]:
        return {}

    def _origin(self, steps: int) -> Origin:
        """What was known when only the lowest ``steps`` had been tested."""
        if steps not in self._origins:
            loads, rates = np.array(self.loads[:steps]), np.array(self.rates[:steps])
            errors = np.array(self.errors[:steps] or (0.0,) * steps)
            self._origins[steps] = Origin(self.laws, loads, rates, errors, self._judged(steps))
        return self._origins[steps]

    def _judged(self, steps: int) -> Floats:
        """Each law's mean square error on steps above those it was fitted to, among the lowest ``steps``.

        Where there are too few to judge by, the laws of `UNJUDGED` are judged by the steps themselves, and the others
        are not heard.
        """
        errors = [self._missed(origin, steps) for origin in range(JUDGED_FROM, steps) if self._recent(origin, steps)]
        if not errors:
            off = self._fitted(steps)(np.array(self.loads[:steps])) - np.log(self.rates[:steps])
            heard = [law.name in UNJUDGED for law in self.laws]
            return np.where(heard, (off**2).mean(axis=1), math.inf)
        return np.mean([(one**2).mean(axis=1) for one in errors], axis=0)  # type: ignore[no-any-return]

    def _missed(self, origin: int, steps: int) -> Floats:
        """Logarithm of forecast over truth, laws x steps: steps after ``origin`` within reach, at least the next."""
        last = max(origin + 1, self._within(origin, steps))
        ahead = np.array(self.loads[origin:last])
        return self._fitted(origin)(ahead) - np.log(self.rates[origin:last])

    def _within(self, origin: int, steps: int) -> int:
        """How many of the lowest ``steps`` lie within reach of ``origin`` steps."""
        return int(np.searchsorted(self.loads[:steps], REACH * self.loads[origin - 1] * (1 + 1e-9), side="right"))

    def _recent(self, origin: int, steps: int) -> bool:
        near = LOOK_BACK * self.loads[origin - 1] >= self.loads[steps - 1] * (1 - 1e-9)
        return near or origin == steps - 1

    @cached_property
    def _fits(self) -> dict[int, Fitted]:
        return {}

    def _fitted(self, steps: int) -> Fitted:
        if steps not in self._fits:
            loads, rates = np.array(self.loads[:steps]), np.array(self.rates[:steps])
            self._fits[steps] = Fitted.to(self.laws, loads, rates, weights_of(loads)[None])
        return self._fits[steps]

    @cached_property
    def _stretch(self) -> float:
        """`Z90`, or what would have held nine in ten of the steps that were held out."""
        steps, missed = len(self.loads), []
        for origin in range(CALIBRATED_FROM, steps):
            last = self._within(origin, steps)
            if last > origin and LOOK_BACK * self.loads[origin - 1] >= self.loads[-1] * (1 - 1e-9):
                known, ahead = self._origin(origin), np.array(self.loads[origin:last])
                missed += list(np.abs(known.mean(ahead) - np.log(self.rates[origin:last])) / known.spread(ahead))
        if not missed:
            return Z90
        needed = float(np.quantile(missed, min(1.0, COVERAGE * (1 + 1 / len(missed)))))
        return min(max(Z90, needed), MOST_STRETCH * Z90)


def weights_of(loads: Floats) -> Floats:
    """What each step weighs in a fit."""
    return (loads / loads[-1]) ** TOP_WEIGHT  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Fitted:
    """Every law fitted to the same steps, once for each row of weights."""

    laws: tuple[Law, ...]
    coefficients: tuple[Floats, ...]

    @classmethod
    def to(cls, laws: tuple[Law, ...], loads: Floats, rates: Floats, weights: Floats) -> Fitted:
        """Fit; ``rates`` is points, or rows x points."""
        return cls(laws, tuple(law.fit(loads, rates, weights) for law in laws))

    def __call__(self, loads: Floats) -> Floats:
        """Logarithms of X, laws x loads, of the first row."""
        return self.all(loads)[:, 0]

    def all(self, loads: Floats) -> Floats:
        """Logarithms of X, laws x rows x loads."""
        pairs = zip(self.laws, self.coefficients, strict=True)
        return np.stack([law.log_rate(found, loads) for law, found in pairs])


@dataclass(frozen=True)
class Origin:
    """What is known from some steps: the laws fitted to them, and their weights from forecasts within these steps."""

    laws: tuple[Law, ...]
    loads: Floats
    rates: Floats
    errors: Floats
    judged: Floats
    """Mean square error of each law's forecasts."""

    @cached_property
    def weights(self) -> Floats:
        """Inverse mean square errors, as shares."""
        known = 1.0 / (self.judged + NOISE**2)
        return known / known.sum()  # type: ignore[no-any-return]

    @cached_property
    def _fitted(self) -> Fitted:
        return Fitted.to(self.laws, self.loads, self.rates, weights_of(self.loads)[None])

    @cached_property
    def _resampled(self) -> Fitted:
        """Bayesian bootstrap: Rubin, Annals of Statistics 9 (1981); a rate also moves by its own error."""
        rng, points = np.random.default_rng(_SEED), len(self.loads)
        weights = weights_of(self.loads) * rng.dirichlet(np.ones(points), RESAMPLES) * points
        rates = self.rates * np.exp(self.errors * rng.standard_normal((RESAMPLES, points)))
        return Fitted.to(self.laws, self.loads, rates, weights)

    def mean(self, loads: Floats) -> Floats:
        """The laws' weighted mean of ln X."""
        return self.weights @ self._fitted(loads)

    def disagreement(self, loads: Floats) -> Floats:
        """Standard deviation of ln X over the laws."""
        found = self._fitted(loads)
        return np.sqrt(self.weights @ (found - self.weights @ found) ** 2)

    def spread(self, loads: Floats) -> Floats:
        """Standard deviation of ln X, from all that is not known."""
        low, high = np.quantile(self._resampled.all(loads), [0.05, 0.95], axis=1)
        resampled = self.weights @ ((high - low) / (2 * Z90)) ** 2
        drift = DRIFT * np.log(np.maximum(1.0, loads / self.loads[-1]))
        return np.sqrt(self.disagreement(loads) ** 2 + resampled + self.residual**2 + drift**2)  # type: ignore[no-any-return]

    @cached_property
    def residual(self) -> float:
        """How far the laws are off at the steps they were fitted to, as a share of throughput."""
        share = weights_of(self.loads) ** 2
        off = np.sqrt((self._fitted(self.loads) - np.log(self.rates)) ** 2 @ (share / share.sum()))
        return max(LEAST_NOISE, float(self.weights @ off))

    @cached_property
    def slope(self) -> float:
        """The slope d ln X / d ln N over the upper half of the loads, between 0 and 1."""
        top = self.loads[-1]
        low, high = self.mean(np.array([max(top / 2, self.loads[0]), top]))
        doubling = math.log(top / max(top / 2, float(self.loads[0])))
        return min(1.0, max(0.0, float(high - low) / doubling))


def scalability(points: Sequence[tuple[float, Interval]]) -> Scalability:
    """From measured intervals: each rate's relative standard error is a 90 % interval's half-width over 1.645."""
    ordered = sorted(points, key=lambda one: one[0])
    return Scalability(
        loads=tuple(load for load, _ in ordered),
        rates=tuple(rate.mid for _, rate in ordered),
        errors=tuple(rate.spread / Z90 for _, rate in ordered),
    )
