"""Curves of throughput over load: public measurements, and random ones whose law is known.

The random ones follow queues and networks of queues (exactly solved), the USL, roots, logarithms, exponentials and a
ceiling that gives way, most of which are no law of `advisor.capacities.laws`; loads are 7 to 19 steps up to 20 to 250,
errors 0.5 to 6 %, alike from one step to the next (as residuals of the public curves are).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, TypeAlias, get_args

import numpy as np
import yaml
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Role: TypeAlias = Literal["anchor", "check", "blind"]
ROLES: Final[tuple[Role, ...]] = get_args(Role)
DATA: Final = Path(__file__).parent.parent / "data" / "scalability.yaml"


@dataclass(frozen=True, slots=True)
class Curve:
    """Throughput at rising loads."""

    name: str
    loads: Floats
    rates: Floats


def public(role: Role) -> tuple[Curve, ...]:
    """The measurements of one role."""
    curves = yaml.safe_load(DATA.read_text(encoding="utf-8"))["curves"]
    return tuple(
        Curve(name, np.array(one["loads"], dtype=float), np.array(one["rates"], dtype=float))
        for name, one in curves.items()
        if one["role"] == role
    )


def random_curves(count: int, seed: int) -> tuple[Curve, ...]:
    """So many, the same for the same seed."""
    rng = np.random.default_rng(seed)
    return tuple(_curve(rng) for _ in range(count))


def _curve(rng: np.random.Generator) -> Curve:
    name = str(rng.choice(sorted(LAWS)))
    loads = _loads(rng)
    rates = LAWS[name](rng, loads) * np.exp(_errors(rng, len(loads))) * 10 ** rng.uniform(0, 4)
    return Curve(name, loads, rates)


def _loads(rng: np.random.Generator) -> Floats:
    steps, top = int(rng.integers(7, 20)), round(10 ** rng.uniform(1.3, 2.4))
    grids = (np.linspace(1, top, steps), np.geomspace(1, top, steps), np.linspace(top / steps, top, steps))
    chosen: Floats = grids[rng.integers(len(grids))]
    return np.unique(np.maximum(1.0, np.round(chosen)))


def _errors(rng: np.random.Generator, count: int) -> Floats:
    size, alike = 10 ** rng.uniform(-2.3, -1.2), rng.uniform(0, 0.8)
    errors = rng.standard_normal(count)
    for index in range(1, count):
        errors[index] = alike * errors[index - 1] + np.sqrt(1 - alike**2) * errors[index]
    return np.asarray(size * errors, dtype=np.float64)


def _usl(rng: np.random.Generator, loads: Floats) -> Floats:
    contention, peak = 10 ** rng.uniform(-3.5, -0.7), loads[-1] * rng.uniform(0.4, 4)
    coherency = (1 - contention) / peak**2 * float(rng.random() < 0.8)
    rates: Floats = loads / (1 + contention * (loads - 1) + coherency * loads * (loads - 1))
    return rates


def _finite_queue(rng: np.random.Generator, loads: Floats) -> Floats:
    """M/M/c with a finite population: each asks again after a time to think (machine repair, exact)."""
    servers = max(1, int(rng.uniform(0.05, 0.6) * loads[-1]))
    think = max(0.01, loads[-1] * rng.uniform(0.3, 1.5) / servers - 1)
    return np.array([_busy(round(load), servers, think) for load in loads])


def _busy(population: int, servers: int, think: float) -> float:
    waiting = np.arange(1, population + 1)
    steps = np.log((population - waiting + 1) / think) - np.log(np.minimum(waiting, servers))
    logs = np.concatenate([[0.0], np.cumsum(steps)])
    chances = np.exp(logs - logs.max())
    return float((chances * np.minimum(np.arange(population + 1), servers)).sum() / chances.sum())


def _network(rng: np.random.Generator, loads: Floats) -> Floats:
    """Closed network of two to five queues, by exact mean value analysis (Reiser and Lavenberg 1980)."""
    demands = rng.dirichlet(np.full(int(rng.integers(2, 6)), rng.uniform(0.5, 3)))
    think, queued, found = rng.uniform(0, 1) * loads[-1] * demands.max(), np.zeros(len(demands)), {}
    for population in range(1, round(loads[-1]) + 1):
        times = demands * (1 + queued)
        found[population] = population / (think + times.sum())
        queued = found[population] * times
    return np.array([found[round(load)] for load in loads])


def _gives_way(rng: np.random.Generator, loads: Floats) -> Floats:
    corner, order = loads[-1] * rng.uniform(0.3, 1.2), rng.uniform(1.5, 6)
    flat: Floats = loads / (1 + (loads / corner) ** order) ** (1 / order)
    lost: Floats = rng.uniform(0, 0.5) * np.maximum(0.0, loads - corner) / loads[-1]
    return flat * (1 - lost)


def _power(rng: np.random.Generator, loads: Floats) -> Floats:
    rates: Floats = loads ** rng.uniform(0.6, 1.0)
    return rates


def _logarithm(rng: np.random.Generator, loads: Floats) -> Floats:
    rates: Floats = loads / (1 + rng.uniform(0.02, 0.6) * np.log(loads))
    return rates


def _tanh(rng: np.random.Generator, loads: Floats) -> Floats:
    corner = loads[-1] * rng.uniform(0.3, 2)
    rates: Floats = corner * np.tanh(loads / corner)
    return rates


def _exponential(rng: np.random.Generator, loads: Floats) -> Floats:
    corner = loads[-1] * rng.uniform(0.2, 1.5)
    rates: Floats = corner * (1 - np.exp(-loads / corner))
    return rates


LAWS: Final[dict[str, Callable[[np.random.Generator, Floats], Floats]]] = {
    "usl": _usl,
    "finite queue": _finite_queue,
    "network": _network,
    "gives way": _gives_way,
    "power": _power,
    "logarithm": _logarithm,
    "tanh": _tanh,
    "exponential": _exponential,
}
