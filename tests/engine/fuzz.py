"""Runs the laws of hostile input with fresh examples for as long as it is told: ``python -m tests.engine.fuzz``.

The laws are the tests of `MODULES` that hypothesis drives: the engine, the parsers, the player. `make test` gives each
a few hundred examples; what is found here is added there as an ``@example``.
"""

from __future__ import annotations

import argparse
import gc
import inspect
import sys
import time
from collections.abc import Callable, Iterator
from random import Random
from types import ModuleType
from typing import Any, Final

import hypothesis
import psutil

from tests.engine import test_fuzz, test_fuzz_parsers, test_http2_fuzz
from tests.viewer import test_address, test_any_origin, test_playlist

MODULES: Final = (test_fuzz, test_fuzz_parsers, test_http2_fuzz, test_address, test_any_origin, test_playlist)
SLICE: Final = 5.0
"""Seconds that one law runs before it is the next one's turn."""
BATCH: Final = 200
"""Examples that are drawn from one seed."""
ROOM: Final = 1 << 30
"""Bytes that the process may grow by once every law has had a turn: caches fill, and a Python that leaks TLS sessions
(`loadtests.engine.channel.LEAKS`) loses 5.3 KB with each example over TLS."""


class Law:
    """One property, and how often it has been held against an example."""

    def __init__(self, test: Any) -> None:
        self.name: str = test.__name__
        self._inner, self._drawn = test.hypothesis.inner_test, test.hypothesis._given_kwargs
        self.executions = 0
        self.seconds = 0.0

    def run(self, seed: int) -> None:
        """A batch; what a broken law raises carries the falsifying example in its notes."""
        inner: Callable[..., None] = self._inner

        def counted(**drawn: object) -> None:
            self.executions += 1
            inner(**drawn)

        counted.__name__ = self.name
        often = hypothesis.settings(
            max_examples=BATCH,
            deadline=None,
            database=None,
            derandomize=False,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        hypothesis.seed(seed)(often(hypothesis.given(**self._drawn)(counted)))()

    def run_for(self, seconds: float, dice: Random) -> None:
        """Batches until the time is over."""
        begun = time.monotonic()
        while time.monotonic() - begun < seconds:
            self.run(dice.getrandbits(32))
        self.seconds += time.monotonic() - begun


def laws(modules: tuple[ModuleType, ...] = MODULES) -> Iterator[Law]:
    """Every test that hypothesis drives."""
    for module in modules:
        for test in vars(module).values():
            if hasattr(test, "hypothesis") and test.__module__ == module.__name__ and _is_alone(test):
                yield Law(test)


def _is_alone(test: Any) -> bool:
    """Whether hypothesis gives it everything: pytest's fixtures are not to be had here."""
    return set(inspect.signature(test.hypothesis.inner_test).parameters) == set(test.hypothesis._given_kwargs)


def told(found: list[Law], begun: float) -> str:
    """The counts so far."""
    lines = [f"  {law.name:70} {law.executions:10,} executions {law.seconds:8.0f} s" for law in found]
    total = sum(law.executions for law in found)
    memory = psutil.Process().memory_info().rss / 2**20
    return "\n".join([*lines, f"{(time.monotonic() - begun) / 60:.1f} min, {total:,} executions, {memory:.0f} MB"])


def main() -> int:
    """0 when every law held; a broken one raises, its falsifying example below the traceback."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=None)
    options = parser.parse_args()
    seed = int(time.time()) if options.seed is None else options.seed
    dice, found, begun, most = Random(seed), list(laws()), time.monotonic(), float("inf")
    print(f"{len(found)} laws, seed {seed}", flush=True)
    while time.monotonic() - begun < options.minutes * 60:
        for law in found:
            try:
                law.run_for(min(SLICE, options.minutes * 60 / len(found)), dice)
            except BaseException:
                print(told(found, begun), f"\nBROKEN: {law.name}", sep="", flush=True)
                raise
        gc.collect()
        print(told(found, begun), flush=True)
        grown = psutil.Process().memory_info().rss
        if grown > most:
            print(f"BROKEN: memory grew to {grown:,} bytes, at most {most:,.0f} were expected", flush=True)
            return 1
        most = min(most, grown + ROOM)
    print("every law held", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
