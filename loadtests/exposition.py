"""Prometheus' text format, as far as observers need it: the samples of a few names out of a long page.

https://prometheus.io/docs/instrumenting/exposition_formats/. A page of `node_exporter` has thousands of lines and is
read in the process that directs the load, so one regular expression looks for the names that are wanted; what is no
number, or less than zero, is left out.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final, NamedTuple

_LABELS: Final = r'\{(?:[^"{}\n]|"(?:[^"\\\n]|\\.)*")*\}'
_PAIR: Final = re.compile(r'(\w+)\s*=\s*"((?:[^"\\\n]|\\.)*)"')


class Sample(NamedTuple):
    """One line: ``value`` is finite and not below zero."""

    name: str
    labels: dict[str, str]
    value: float


def samples(text: str, names: Iterable[str]) -> Iterator[Sample]:
    """Every good sample of these names."""
    for name, labels, number in _pattern(tuple(names)).findall(text):
        try:
            value = float(number)
        except ValueError:
            continue
        if math.isfinite(value) and value >= 0:
            yield Sample(name, dict(_PAIR.findall(labels)), value)


def by_name(text: str, names: Iterable[str]) -> dict[str, list[Sample]]:
    """The samples, under their names; ValueError when the page has none of them, for then it is another page."""
    wanted = tuple(names)
    found: dict[str, list[Sample]] = {name: [] for name in wanted}
    for sample in samples(text, wanted):
        found[sample.name].append(sample)
    if not any(found.values()):
        raise ValueError(f"it has none of {', '.join(wanted[:3])}: {text[:60]!r}")
    return found


def total(found: Iterable[Sample]) -> float | None:
    """The sum; None of nothing. ValueError where no float holds it."""
    values = [sample.value for sample in found]
    try:
        return math.fsum(values) if values else None
    except OverflowError as error:
        raise ValueError("it has numbers whose sum is too large") from error


@cache
def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    either = "|".join(re.escape(name) for name in names)
    return re.compile(rf"^({either})({_LABELS})?[ \t]+(\S+)", re.MULTILINE)
