"""Tables on stdout, figures as JSON: medians with ranges over the rounds, ratios of medians."""

from __future__ import annotations

import argparse
import json
import math
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.rig.machine import facts
from benchmarks.rig.measured import Measured

NOISE = 0.05
"""Share of the client's core: what others use of it beyond this is told, for it spoils the figures."""


class Spread(NamedTuple):
    """One figure over all rounds."""

    median: float
    low: float
    high: float
    rounds: int

    def text(self, form: str = ",.0f") -> str:
        """For people: the median, the range in brackets where there is one."""
        shown = f"{self.median:{form}}"
        return shown if self.rounds == 1 else f"{shown} [{self.low:{form}} to {self.high:{form}}]"


def spread(values: Iterable[float]) -> Spread | None:
    """Median and range; None when nothing was measured."""
    known = [value for value in values if not math.isnan(value)]
    return Spread(statistics.median(known), min(known), max(known), len(known)) if known else None


def ratio(upper: Spread | None, lower: Spread | None) -> float | None:
    """Of two medians; None when one was not measured."""
    return upper.median / lower.median if upper and lower and lower.median else None


def options(about: str | None, *, rounds: int, seconds: int) -> argparse.ArgumentParser:
    """What every benchmark can be told."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write all figures there")
    parser.add_argument("--rounds", type=int, default=rounds, help=f"default {rounds}")
    parser.add_argument(
        "--seconds", type=int, default=seconds, help=f"measured at each step, by fours, default {seconds}"
    )
    return parser


HEAD = (
    f"{'client':<22}{'viewers':>8}{'req/s':>9}{'CPU':>6}{'kernel':>8}{'us/req':>8}{'lag p99':>9}{'errors':>8}"
    f"{'recon.':>8}{'nginx':>7}{'others':>8}"
)


def row(measured: Measured, verdict: str | None = None) -> str:
    """A line under `HEAD`; milliseconds of lag, shares of a core."""
    m = measured
    shown = verdict if verdict is not None else ("held" if m.held else "not held")
    shown += " (nginx's core was full: a lower bound)" if m.is_bound else ""
    return (
        f"{m.client:<22}{m.viewers:>8,}{m.requests:>9,.0f}{m.cpu:>6.2f}{m.kernel:>8.2f}{m.microseconds:>8.0f}"
        f"{m.lag_p99 * 1000:>9.1f}{m.errors:>8,}{m.reconnects:>8,}{m.server_cpu:>7.2f}{m.others:>8.2f}  {shown}"
    )


def noise(measured: Sequence[Measured]) -> str:
    """How much others disturbed, empty when they did not."""
    disturbed = [one for one in measured if one.others > NOISE]
    if not disturbed:
        return ""
    worst = max(one.others for one in disturbed)
    return (
        f"NOISE: in {len(disturbed)} of {len(measured)} steps others used more than {NOISE:.0%} of the client's core "
        f"(up to {worst:.0%}); trust the ratios of CPU per request at most"
    )


def write(place: Path | None, name: str, figures: dict[str, Any], measured: Iterable[Measured] = ()) -> None:
    """The JSON file, if one is wanted; what is not known is left out."""
    if place is None:
        return
    whole = {"benchmark": name, **facts(), **_known(figures), "steps": [one.figures() for one in measured]}
    place.write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")


def _known(value: Any) -> Any:
    if isinstance(value, Spread):
        return value._asdict()
    if isinstance(value, dict):
        return {key: _known(one) for key, one in value.items() if one is not None}
    return value
