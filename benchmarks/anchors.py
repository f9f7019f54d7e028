"""Extrapolated throughput against what was measured: ours beside the plain USL, on public and on random curves.

``python -m benchmarks.anchors [--json OUT] [--random 100]``, about two minutes. Every split with at least four steps
below and a step at the end (1.5 or 2 times as far) counts; coverage counts every held-out point up to there.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final, TypeAlias

import numpy as np

from advisor.capacities.laws import USL, Floats
from advisor.capacities.scalability import Scalability
from benchmarks.rig import report
from benchmarks.rig.curves import ROLES, Curve, public, random_curves

REACHES: Final = (1.5, 2.0)
LEAST: Final = 4
"""Steps below a split."""
AT_END: Final = 0.9
"""A split counts for errors when its last point is at least this share of the reach away."""
SEED: Final = 20261127
"""Of the random curves here; the constants were tuned with others (seed 1)."""
OPTIMISTIC: Final = 0.10

Forecast: TypeAlias = tuple[Floats, Floats, Floats]
"""Low, middle, high; the ends of a method that gives none are NaN."""
Method: TypeAlias = Callable[[Floats, Floats, Floats], Forecast]
"""Loads and rates that are known, loads ahead."""


@dataclass(frozen=True, slots=True)
class Split:
    """A forecast from the steps up to ``known``."""

    curve: str
    known: float
    half: bool
    """Whether it is the split at half of the curve's highest load."""
    full: bool
    """Whether there is a point at the end of the reach."""
    mape: float
    end: float
    """Relative error at the last point; above zero is optimistic."""
    held: int
    points: int


def ours(loads: Floats, rates: Floats, ahead: Floats) -> Forecast:
    """`advisor.capacities.scalability`."""
    return Scalability(tuple(loads.tolist()), tuple(rates.tolist())).ends(ahead)


def plain_usl(loads: Floats, rates: Floats, ahead: Floats) -> Forecast:
    """The USL by least squares of throughput, as R's ``usl`` and ``nls`` do, coefficients of zero or more.

    Least squares of (N / X) with weights Y^3 / X, Y being the fit so far, has the same fixed point.
    """
    found = USL.fit(loads, rates, np.ones((1, len(loads))))
    for _ in range(500):
        fitted = np.exp(USL.log_rate(found, loads))
        again = USL.fit(loads, rates, (fitted**3 / rates) / (rates**2).mean())
        if np.allclose(again, found, rtol=1e-10, atol=0):
            break
        found = again
    middle = np.exp(USL.log_rate(found, ahead))[0]
    unknown = np.full(len(ahead), np.nan)
    return unknown, middle, unknown


def splits(curves: Iterable[Curve], reach: float, method: Method) -> Iterator[Split]:
    """Every split of every curve."""
    for curve in curves:
        loads, rates, top = curve.loads, curve.rates, curve.loads[-1]
        for known in range(LEAST, len(loads)):
            last = loads[known - 1]
            ahead = (loads > last) & (loads <= reach * last * 1.001)
            if not ahead.any():
                continue
            low, middle, high = method(loads[:known], rates[:known], loads[ahead])
            errors = middle / rates[ahead] - 1
            yield Split(
                curve=curve.name,
                known=float(last),
                half=last <= top / 2 < loads[known],
                full=bool(loads[ahead][-1] >= AT_END * reach * last),
                mape=float(np.abs(errors).mean()),
                end=float(errors[-1]),
                held=int(((rates[ahead] >= low) & (rates[ahead] <= high)).sum()),
                points=int(ahead.sum()),
            )


@dataclass(frozen=True, slots=True)
class Summary:
    """Over splits."""

    splits: int
    mape: float
    """Median."""
    most_optimistic: float
    most_pessimistic: float
    optimistic: float
    """Share of the end points that are more than `OPTIMISTIC` too high."""
    coverage: float
    points: int

    @classmethod
    def of(cls, found: Sequence[Split]) -> Summary:
        """Errors of the full ones, coverage of all."""
        full = [one for one in found if one.full]
        points = sum(one.points for one in found)
        return cls(
            splits=len(full),
            mape=median(one.mape for one in full),
            most_optimistic=max(one.end for one in full),
            most_pessimistic=min(one.end for one in full),
            optimistic=sum(one.end > OPTIMISTIC for one in full) / len(full),
            coverage=sum(one.held for one in found) / points,
            points=points,
        )

    def row(self, label: str, *, intervals: bool) -> str:
        """A line under `HEAD`."""
        shown = f"{self.coverage:>9.0%} of {self.points}" if intervals else f"{'-':>9}"
        return (
            f"{label:<30}{self.splits:>7}{self.mape:>9.1%}{self.most_optimistic:>+10.1%}{self.most_pessimistic:>+10.1%}"
            f"{self.optimistic:>8.0%}{shown}"
        )

    def figures(self) -> dict[str, Any]:
        """For programs."""
        return {name: getattr(self, name) for name in self.__slots__}


HEAD: Final = f"{'':<30}{'splits':>7}{'MAPE':>9}{'highest':>10}{'lowest':>10}{'>+10 %':>8}{'in 90 %':>9}"


def halves() -> Iterator[tuple[str, Split, Split]]:
    """Each anchor from its lower half to twice that: ours and the plain USL."""
    for curve in public("anchor"):
        our, plain = (next(one for one in splits([curve], 2.0, how) if one.half) for how in (ours, plain_usl))
        yield curve.name, our, plain


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--random", type=int, default=100, help="random curves, default 100")
    options = parser.parse_args()
    figures: dict[str, Any] = {"halves": {}}
    print("from the lower half of the load to all of it: MAPE and error at the end, ours and plain USL")
    for name, our, plain in halves():
        print(f"{name:<30}{our.mape:>9.1%}{our.end:>+9.1%}   {plain.mape:>9.1%}{plain.end:>+9.1%}")
        figures["halves"][name] = {"ours": [our.mape, our.end], "usl": [plain.mape, plain.end]}
    sets: list[tuple[str, Sequence[Curve]]] = [(role, public(role)) for role in ROLES]
    sets.append(("random", random_curves(options.random, SEED)))
    for reach in REACHES:
        print(f"\nall splits, x {reach:g}: median MAPE, errors at the end, points in the interval\n{HEAD}")
        for label, curves in sets:
            for name, method in (("ours", ours), ("plain USL", plain_usl)):
                found = list(splits(curves, reach, method))
                if not any(one.full for one in found):
                    continue
                summary = Summary.of(found)
                print(summary.row(f"{label} ({len(curves)} curves), {name}", intervals=method is ours), flush=True)
                figures[f"{label} x{reach:g} {name}"] = summary.figures()
    report.write(options.json, "anchors", figures)


if __name__ == "__main__":
    main()
