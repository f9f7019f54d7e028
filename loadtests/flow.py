"""What a surge comes to in expectation: who arrives per second, who leaves early, how many are there.

Concurrency is the convolution of the arrival rate with the survival function of the stay,
N(t) = ∫ rate(u) · S(t - u) du, so the rate that a shape's ``viewers`` take is solved from

    rate_k = (N_{k+1} - expected survivors at k+1) / S(half a second)

on a one-second grid. Where the shape falls faster than people leave by themselves, everybody present leaves with
the hazard that makes it so (an exit wave) and nobody arrives. What a shape's ``arrivals`` bring is added to N as their
own convolution with S. Regions that live a shape differently have a flow each.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist
from typing import Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from loadtests.scenario import Scenario, Stay
from loadtests.shapes import Shape

Series: TypeAlias = npt.NDArray[np.float64]
_NORMAL = NormalDist()

BLOCK: Final = 1024
"""Seconds whose arrivals are solved one by one; what is left of those who came before them is worked out at once."""
LEAST: Final = 0.5
"""Viewers that an exit wave leaves over at least: nobody can be sent away in part."""


def survival(stay: Stay, after: float) -> float:
    """Share of viewers still there ``after`` seconds (20 % zappers exponential, the rest lognormal by default)."""
    if after <= 0:
        return 1.0
    long_view = 1.0 - _NORMAL.cdf(math.log(after / stay.median) / stay.spread)
    return stay.zappers * math.exp(-after / stay.zapper_mean) + (1 - stay.zappers) * long_view


@dataclass(frozen=True, slots=True)
class Flow:
    """What happens in expectation, on a one-second grid."""

    rate: Series
    """Arrivals per second during each second."""
    exit_hazard: Series
    """Extra leaving rate per second during each second."""


@lru_cache(maxsize=64)
def solve_flow(shape: Shape, stay: Stay) -> Flow:
    """The arrival rate and exit hazard under which expected concurrency follows the shape."""
    wanted = expected(shape, stay)[1:]
    seconds = len(wanted)
    alive = _alive(stay, seconds)
    latest_first = alive[: BLOCK + 1][::-1].copy()
    rate, hazard, present = np.zeros(seconds), np.zeros(seconds), np.zeros(seconds)
    for start in range(0, seconds, BLOCK):
        earlier = _convolved(present[:start], alive, start + BLOCK)[start:]
        for k in range(start, min(start + BLOCK, seconds)):
            survivors = earlier[k - start] + float(np.dot(present[start:k], latest_first[-1 - (k - start) : -1]))
            if wanted[k] >= survivors:
                present[k] = rate[k] = (wanted[k] - survivors) / alive[0]
            elif survivors > LEAST:
                hazard[k] = math.log(survivors / max(wanted[k], LEAST))
                present[:k] *= math.exp(-hazard[k])  # what is left of those who came in each second
                earlier *= math.exp(-hazard[k])
    return Flow(_kept(rate), _kept(hazard))


@lru_cache(maxsize=64)
def expected(shape: Shape, stay: Stay) -> Series:
    """Concurrent viewers at every full second from 0, all that the shape asks for, arrivals included."""
    duration = shape.duration
    last = math.nextafter(duration, 0)
    wanted = np.array([0.0, *(shape.viewers(min(k + 1.0, last)) for k in range(math.ceil(duration)))])
    come = _come(shape, stay)
    return _kept(wanted if come is None else wanted + come)


@lru_cache(maxsize=64)
def _come(shape: Shape, stay: Stay) -> Series | None:
    """Those of the shape's own arrivals who are there at every full second; None where it has none."""
    seconds = math.ceil(shape.duration)
    rate = np.array([shape.arrivals(k + 0.5) for k in range(seconds)])
    if not rate.any():
        return None
    return _kept(np.concatenate([[0.0], _convolved(rate, _alive(stay, seconds), seconds)]))


def _convolved(rate: Series, alive: Series, seconds: int) -> Series:
    """How many of those who came are there, as many seconds on: the convolution, by way of its Fourier transform."""
    if not rate.any():
        return np.zeros(seconds)
    size = len(rate) + seconds
    there: Series = np.fft.irfft(np.fft.rfft(rate, size) * np.fft.rfft(alive[:seconds], size), size)
    return np.maximum(there[:seconds], 0.0)


def _alive(stay: Stay, seconds: int) -> Series:
    return np.array([survival(stay, k + 0.5) for k in range(seconds)])


def _kept(series: Series) -> Series:
    series.flags.writeable = False  # it is remembered, and handed out again
    return series


class Course(NamedTuple):
    """Regions that live the surge alike, and their share of all viewers."""

    shape: Shape
    regions: tuple[str, ...]
    share: float


def courses(scenario: Scenario) -> tuple[Course, ...]:
    """One for all regions where they live the surge alike, as most shapes have it."""
    alike: dict[Shape, list[str]] = {}
    for code in scenario.regions:
        alike.setdefault(scenario.surge_in(code), []).append(code)
    if len(alike) == 1:
        return tuple(Course(shape, tuple(codes), 1.0) for shape, codes in alike.items())
    shares = {code: audience.share for code, audience in scenario.regions.items()}
    return tuple(Course(shape, tuple(codes), sum(shares[c] for c in codes)) for shape, codes in alike.items())


def joins(scenario: Scenario, code: str = "") -> Series:
    """Arrivals per second during each second of the run, in one region or in all."""
    parts = (share * solve_flow(shape, scenario.stay).rate for share, shape in _parts(scenario, code))
    return _kept(sum(parts, np.zeros(1)))


def planned(scenario: Scenario, code: str = "") -> Callable[[float], float]:
    """Concurrent viewers wanted at a time in run seconds, in one region or in all."""
    parts = [(share, _watching(shape, scenario.stay)) for share, shape in _parts(scenario, code)]

    def wanted(at: float) -> float:
        return sum(share * watching(at) for share, watching in parts)

    return wanted


def _parts(scenario: Scenario, code: str) -> list[tuple[float, Shape]]:
    """The courses of one region or of all, each with its share of all viewers."""
    if not code:
        return [(one.share, one.shape) for one in courses(scenario)]
    return [(scenario.regions[code].share, one.shape) for one in courses(scenario) if code in one.regions]


@lru_cache(maxsize=64)
def _watching(shape: Shape, stay: Stay) -> Callable[[float], float]:
    """All who watch at a time. It is asked for once a second by every region that lives the surge alike."""
    come = _come(shape, stay)
    return lru_cache(maxsize=2**16)(lambda at: shape.viewers(at) + _at(come, at))


def _at(series: Series | None, at: float) -> float:
    if series is None or not 0 <= at < len(series) - 1:
        return 0.0
    second = int(at)
    return float(series[second] + (series[second + 1] - series[second]) * (at - second))
