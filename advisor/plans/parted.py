"""How a whole number is parted among several who want of it: in proportion, by choices that fit, row by row."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from fractions import Fraction
from typing import Final, Generic, NamedTuple, TypeVar

import numpy as np

KEPT: Final = 1000
"""Choices that are followed at once, the best first: with many markets and several quotas the best may be missed."""

Name = TypeVar("Name", bound=Hashable)


def parted(total: int, weights: Sequence[Fraction | int]) -> list[int]:
    """A whole number in proportion to weights, by the largest remainder; equal remainders in their order.

    Alike where all weights are zero; nothing where there is none.
    """
    whole = sum(weights)
    if not whole:
        return parted(total, [1] * len(weights)) if weights else []
    exact = [Fraction(total) * weight / whole for weight in weights]
    found = [int(part) for part in exact]
    ordered = sorted(range(len(exact)), key=lambda at: found[at] - exact[at])
    for at in ordered[: total - sum(found)]:
        found[at] += 1
    return found


def filled(total: int, gaps: Sequence[int], weights: Sequence[Fraction | int]) -> list[int]:
    """First what closes each gap, in proportion where that is too much; what is over goes by the weights."""
    if total <= sum(gaps):
        return parted(total, gaps)
    over = parted(total - sum(gaps), weights)
    return [gap + more for gap, more in zip(gaps, over, strict=True)]


class Option(NamedTuple, Generic[Name]):
    """One way to serve somebody."""

    pool: Name | None
    """What it takes of; None where that has no end."""
    taken: int
    cost: float
    is_priced: bool
    """Whether the cost is known; it is zero where it is not."""
    nodes: int


class _Path(NamedTuple):
    """Choices for the first few; better ones are smaller."""

    unserved: Fraction
    unpriced: int
    cost: float
    nodes: int
    used: tuple[int, ...]
    picks: tuple[int, ...]
    """Places of the options; beyond the last of them where nothing is chosen."""


def chosen(
    weights: Sequence[Fraction], options: Sequence[Sequence[Option[Name]]], rooms: Mapping[Name, int]
) -> list[Option[Name] | None]:
    """An option for each, or none, so that all keep to the rooms.

    Of all such choices the least weight goes unserved; then fewest are without a price; then they cost least, with
    fewest nodes. This is the multiple-choice knapsack, solved by following every path that another does not beat in
    all that it takes.
    """
    pools = [name for name, room in rooms.items() if _most(options, name) > room]
    paths = [_Path(Fraction(0), 0, 0.0, 0, (0,) * len(pools), ())]
    for weight, known in zip(weights, options, strict=True):
        steps = [_step(one, pools) for one in known]
        longer = [
            longer
            for path in paths
            for pick, (one, takes) in enumerate(zip(known, steps, strict=True))
            if (longer := _followed(path, one, takes, pick, [rooms[pool] for pool in pools])) is not None
        ]
        skipped = [path._replace(unserved=path.unserved + weight, picks=(*path.picks, len(known))) for path in paths]
        paths = _unbeaten([*longer, *skipped])
    picks = min(paths).picks
    return [known[pick] if pick < len(known) else None for known, pick in zip(options, picks, strict=True)]


def _most(options: Sequence[Sequence[Option[Name]]], name: Name) -> int:
    """What all would take of it if each took most."""
    return sum(max((one.taken for one in known if one.pool == name), default=0) for known in options)


def _step(one: Option[Name], pools: Sequence[Name]) -> tuple[int, ...]:
    return tuple(one.taken if pool == one.pool else 0 for pool in pools)


def _followed(path: _Path, one: Option[Name], takes: tuple[int, ...], pick: int, rooms: Sequence[int]) -> _Path | None:
    used = tuple(before + more for before, more in zip(path.used, takes, strict=True))
    if any(has > room for has, room in zip(used, rooms, strict=True)):
        return None
    unpriced, nodes = path.unpriced + (not one.is_priced), path.nodes + one.nodes
    return _Path(path.unserved, unpriced, path.cost + one.cost, nodes, used, (*path.picks, pick))


def _unbeaten(paths: Sequence[_Path]) -> list[_Path]:
    """Without those that another is as good as and takes no more; at most `KEPT`, with the one that takes least."""
    ordered, kept = sorted(paths), list[_Path]()
    used = np.array([path.used for path in ordered], dtype=np.int64)
    front = np.empty((KEPT, used.shape[1]), dtype=np.int64)
    for path, takes in zip(ordered, used, strict=True):
        if not (front[: len(kept)] <= takes).all(axis=1).any():
            front[len(kept)] = takes
            kept.append(path)
        if len(kept) == KEPT:
            return [*kept, min(paths, key=lambda one: (sum(one.used), one))]
    return kept


def cheapest_first(options: Sequence[Option[Name]]) -> list[Option[Name]]:
    """Without those that take as much of the same as a cheaper one, or more, or cost more than one without end."""
    kept: list[Option[Name]] = []
    least: dict[Name, int] = {}
    for one in sorted(options, key=lambda one: (not one.is_priced, one.cost, one.nodes)):
        if one.pool is None:
            return [*kept, one]
        if one.pool not in least or one.taken < least[one.pool]:
            least[one.pool] = one.taken
            kept.append(one)
    return kept


def in_rows(total: int, steps: Sequence[Sequence[int]]) -> list[int]:
    """Step by step, the next always to the one who has the smallest part of what it wants once half of it is had.

    ``steps`` say what each has after so many steps, rising; a step that no longer fits ends its owner's turn. Where all
    steps are alike this is Webster's method of highest averages, by which more never gives anybody less.
    """
    counts, open_ = [0] * len(steps), [at for at, rising in enumerate(steps) if rising]

    def has(at: int, count: int) -> int:
        return steps[at][count - 1] if count else 0

    def half(at: int) -> Fraction:
        return Fraction(has(at, counts[at]) + has(at, counts[at] + 1), 2 * steps[at][-1] or 1)

    while open_:
        at = min(open_, key=lambda at: (half(at), at))
        given = sum(has(other, counts[other]) for other in range(len(steps)))
        if given - has(at, counts[at]) + has(at, counts[at] + 1) > total:
            open_.remove(at)
            continue
        counts[at] += 1
        if counts[at] == len(steps[at]):
            open_.remove(at)
    return [has(at, count) for at, count in enumerate(counts)]
