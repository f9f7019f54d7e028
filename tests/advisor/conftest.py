"""Runs that many tests read, made once: each a town whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

import pytest

from advisor.advice import Advice
from advisor.advising import advise
from loadtests.run import Run
from tests.advisor.runs import Town, run_of

Maker = Callable[[Town], Run]
_numbers = count()


@pytest.fixture(scope="session")
def make(tmp_path_factory: pytest.TempPathFactory) -> Maker:
    """Simulate a town, write its run to a file and read it again."""
    folder = tmp_path_factory.mktemp("towns")
    return lambda town: run_of(town, folder / str(next(_numbers)))


@pytest.fixture(scope="session")
def saturated(make: Maker) -> Run:
    """Two nodes of 40 Mbit/s, driven to three times their egress."""
    return make(Town(seed=3))


@pytest.fixture(scope="session")
def quiet(make: Maker) -> Run:
    """The same nodes, never driven to their limit."""
    return make(Town(seed=4, baseline=30, peak=60, ramp=20, hold=25))


@pytest.fixture(scope="session")
def advice(saturated: Run) -> Advice:
    """The advice on the saturated run."""
    return advise([saturated])
