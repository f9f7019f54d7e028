"""Runs of a town whose truth is known, as what is compared; each is simulated once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import pytest

from advisor.compare.comparison import Comparison
from advisor.compare.reading import read_outcomes
from advisor.compare.table import compare
from advisor.foreign import Outcomes
from tests.advisor.runs import Town, write

Maker = Callable[[Town], Outcomes]


def town(seed: int, **changes: Any) -> Town:
    """A town that is never near its limit, unless a change makes it so."""
    return replace(Town(seed=seed, baseline=20, peak=60), **changes)


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    folder = tmp_path_factory.mktemp("towns")
    numbers = iter(range(1000))
    return lambda town: read_outcomes(str(write(town, folder / str(next(numbers)))))


@pytest.fixture(scope="session")
def light(make: Maker) -> Callable[[int], Outcomes]:
    """Runs of one town that is never near its limit."""
    return cache(lambda seed: make(town(seed)))


@pytest.fixture(scope="session")
def worse(light: Callable[[int], Outcomes], make: Maker) -> Comparison:
    """The same town before and after its nodes lost most of their egress; a generator was busy for five seconds."""
    return compare([light(1), make(town(2, egress=16e6, busy=range(40, 45)))])
