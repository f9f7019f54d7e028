"""Explanations of a delivered rate: fitted to the lower load steps, they compete on the top ones, which they never saw.

What viewers ask for is ``s = a · viewers + b · joins``. Each explanation says what of it is delivered, and breaks where
it asks for more than the limit C:

    proportional   s                        nothing runs out
    cliff          min(s, C)                processor sharing: all in time, then all late
    bend           s / (1 + (s/C)^4)^(1/4)  a queue that sheds a little before its limit (exponent assumed)
    collapse       min(s, C · (C/s)^k)      work is lost under overload (0 < k <= 1)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from advisor.capacities.evidence import Contest
from advisor.measured.levels import Level
from advisor.measured.seconds import Second

Floats: TypeAlias = NDArray[np.float64]

BEND: Final = 4.0
"""Exponent of the bend: at s = C it delivers 84 % (assumed)."""
GRID: Final = np.geomspace(0.5, 2.0, 121)
"""Limits tried, as shares of the highest rate seen: 1.2 % apart."""
LOSSES: Final = (0.1, 0.25, 0.5, 1.0)
"""Exponents k tried for the collapse."""
LEAST_FITTED: Final = 3
"""Fewest blocks to fit two costs and a limit to."""
TOP: Final = 1 / 3
"""Share of the blocks that is held out at most: whole load steps, from the top; at least the top one."""
CLOSE: Final = 0.02
"""Explanations whose score is this near the winner's are not told apart: their limits widen the interval (assumed)."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """Blocks of seconds: what was offered, what was delivered, whether budgets broke in most of it."""

    viewers: Floats
    joins: Floats
    rates: Floats
    broken: NDArray[np.bool_]

    def take(self, mask: NDArray[np.bool_]) -> Blocks:
        """Some of them."""
        return Blocks(self.viewers[mask], self.joins[mask], self.rates[mask], self.broken[mask])


@dataclass(frozen=True, slots=True)
class Explained:
    """An explanation with its figures."""

    name: str
    viewer: float
    """a: what one viewer asks for."""
    join: float
    """b: what one join asks for beside."""
    limit: float
    """C; infinite where nothing runs out."""
    loss: float = 0.0

    def delivers(self, blocks: Blocks) -> Floats:
        """The rate of each block."""
        return _shapes(self.loss)[self.name](self.asks(blocks), self.limit)

    def asks(self, blocks: Blocks) -> Floats:
        """What the viewers of each block ask for."""
        return self.viewer * blocks.viewers + self.join * blocks.joins

    def breaks(self, blocks: Blocks) -> NDArray[np.bool_]:
        """Whether each block asks for more than there is."""
        return self.asks(blocks) > self.limit


def blocks_of(levels: tuple[Level, ...], rate: Callable[[Second], float], broken: Callable[[Second], bool]) -> Blocks:
    """All blocks of some load steps."""

    def means(value: Callable[[Second], float]) -> Floats:
        return np.array([mean for level in levels for mean in level.means(value)], dtype=np.float64)

    return Blocks(
        viewers=means(lambda second: second.offered),
        joins=means(lambda second: float(second.joins)),
        rates=means(rate),
        broken=means(lambda second: float(broken(second))) > 0.5,
    )


def at_loads(seconds: Sequence[Second]) -> Blocks:
    """The loads of some seconds, one by one, to ask explanations what they deliver there."""
    none = np.zeros(len(seconds))
    return Blocks(
        viewers=np.array([second.offered for second in seconds], dtype=np.float64),
        joins=np.array([second.joins for second in seconds], dtype=np.float64),
        rates=none,
        broken=none > 0,
    )


def explain(blocks: Blocks) -> tuple[Explained, ...]:
    """Every explanation, fitted; empty where too few blocks held to say what a viewer asks for."""
    held = blocks.take(~blocks.broken)
    if len(held.rates) < 2 or len(blocks.rates) < LEAST_FITTED or not held.rates.any():
        return ()
    viewer, join = _costs(held)
    plain = Explained("proportional", viewer, join, float("inf"))
    if not blocks.broken.any():
        return (plain,)
    asked = plain.asks(blocks)
    found = [plain]
    for name, losses in (("cliff", (0.0,)), ("bend", (0.0,)), ("collapse", LOSSES)):
        tried = (_fit(name, loss, asked, blocks) for loss in losses)
        limit, loss = min(tried, key=lambda one: one[2])[:2]
        found.append(Explained(name, viewer, join, limit, loss))
    return tuple(found)


def held_out(levels: tuple[Level, ...]) -> int:
    """How many load steps, from the top, are held out; 0 when too little would be left to fit to."""
    blocks = [level.blocks for level in levels]
    for count in range(len(levels) - 1, 0, -1):
        out = sum(blocks[-count:])
        if sum(blocks[:-count]) >= LEAST_FITTED and (out <= TOP * sum(blocks) or count == 1):
            return count
    return 0


def compete(
    levels: tuple[Level, ...], rate: Callable[[Second], float], broken: Callable[[Second], bool]
) -> tuple[Contest | None, tuple[Explained, ...]]:
    """The contest, and of the explanations fitted to all data those that are not told apart from the winner."""
    whole = explain(blocks_of(levels, rate, broken))
    if not (count := held_out(levels)):
        return None, whole
    low, top = blocks_of(levels[:-count], rate, broken), blocks_of(levels[-count:], rate, broken)
    fitted = explain(low)
    if not fitted:
        return None, whole
    scored = {one.name: _score(one, top) for one in fitted}
    winner = min(scored, key=lambda name: sum(scored[name]))
    best = sum(scored[winner])
    contest = Contest(
        winner=winner,
        error=round(scored[winner][0], 4),
        wrong=round(scored[winner][1], 4),
        blocks=len(top.rates),
        fitted=len(low.rates),
        rivals={name: round(sum(score), 4) for name, score in scored.items()},
    )
    close = {name for name, score in scored.items() if sum(score) <= best + CLOSE}
    return contest, tuple(one for one in whole if one.name in close)


def _shapes(loss: float) -> dict[str, Callable[[Floats, float], Floats]]:
    return {
        "proportional": lambda asked, _: asked,
        "cliff": np.minimum,
        "bend": lambda asked, limit: asked / (1.0 + (asked / limit) ** BEND) ** (1.0 / BEND),
        "collapse": lambda asked, limit: np.minimum(asked, limit * (limit / np.maximum(asked, limit)) ** loss),
    }


def _costs(held: Blocks) -> tuple[float, float]:
    """Least squares through zero for what a viewer and a join ask for, neither below zero."""
    both = np.stack([held.viewers, held.joins], axis=1)
    (viewer, join), *_ = np.linalg.lstsq(both, held.rates, rcond=None)
    if viewer <= 0 or join < 0:
        return float(held.rates.sum() / held.viewers.sum()), 0.0
    return float(viewer), float(join)


def _fit(name: str, loss: float, asked: Floats, blocks: Blocks) -> tuple[float, float, float]:
    """The limit with the least absolute error, its loss exponent, and that error."""
    limits = GRID * float(blocks.rates.max())
    shape = _shapes(loss)[name]
    errors = [float(np.abs(shape(asked, limit) - blocks.rates).sum()) for limit in limits]
    best = int(np.argmin(errors))
    return float(limits[best]), loss, errors[best]


def _score(one: Explained, top: Blocks) -> tuple[float, float]:
    """Median relative error of the rate, and the share of blocks for which breaking was foretold wrongly."""
    scale = np.maximum(top.rates, 1e-9 + 0.01 * float(top.rates.max(initial=0.0)))
    error = float(np.median(np.minimum(1e6, np.abs(one.delivers(top) - top.rates) / scale)))
    return error, float(np.mean(one.breaks(top) != top.broken))
