"""Quality lost under load: players that choose ask for less when a link is full, so latency may hold while it is full.

The bit rate played at light load is what viewers get when nothing is short. Where a lasting stretch stays surely below
it by more than `budgets.quality_loss`, and the bits delivered per viewer fell as well, its seconds are broken: then
saturation is found by them as it is by late segments (processor sharing softened by ABR, docs/capacity-models.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from advisor.blocks import BLOCK, block_means, level, stretches
from advisor.interval import Interval
from advisor.measured.seconds import Second
from loadtests.scenario import Scenario

LIGHT: Final = 0.5
"""Share of the held seconds, those with fewest viewers, that show the bit rate of light load (assumed)."""
LEAST_LIGHT: Final = 10
"""Fewest such seconds: two blocks; with fewer no loss is told from chance."""
LEAST_LOST: Final = 8
"""Fewest seconds of a stretch that counts as lost: as many as a plateau needs."""


def choosing(scenario: Scenario) -> frozenset[str]:
    """The regions in which players choose their rendition, where quality has a budget."""
    if scenario.budgets.quality_loss >= 1.0:
        return frozenset()
    regions = scenario.regions.items()
    return frozenset(code for code, one in regions if any("auto" in c.renditions for c in one.cohorts.values()))


def lost_seconds(seconds: Sequence[Second], allowed: float, seed: int) -> dict[int, float]:
    """The seconds of stretches that lost more than is allowed, each with the share that it lost."""
    light = light_seconds(seconds)
    healthy = _level(light, _bitrate, seed)
    per_viewer = _level(light, _wire_of_viewer, seed)
    if healthy is None or per_viewer is None or len(light) < LEAST_LIGHT or healthy.low <= 0:
        return {}
    found: dict[int, float] = {}
    for stretch in _stretches(seconds, healthy.low * (1.0 - allowed)):
        played, wire = _level(stretch, _bitrate, seed), _level(stretch, _wire_of_viewer, seed)
        if played is None or wire is None or len(stretch) < LEAST_LOST:
            continue
        if played.high < healthy.low * (1.0 - allowed) and wire.high < per_viewer.mid:
            found |= {second.at: 1.0 - _bitrate(second) / healthy.mid for second in stretch}
    return {at: share for at, share in found.items() if share > allowed}


def light_seconds(seconds: Sequence[Second]) -> list[Second]:
    """The held seconds with fewest viewers: what is played and delivered when nothing is short."""
    held = sorted(
        (second for second in seconds if not second.broken and second.bitrate and second.viewers),
        key=lambda second: (second.offered, second.at),
    )
    kept = held[: max(LEAST_LIGHT, round(LIGHT * len(held)))]
    return sorted(kept, key=lambda second: second.at)


def _stretches(seconds: Sequence[Second], least: float) -> list[list[Second]]:
    """Stretches of consecutive seconds in which what was played stayed below ``least``."""
    low = [second for second in seconds if second.bitrate and second.bitrate < least]
    return [[low[index] for index in part] for part in stretches([second.at for second in low]) if len(part) >= BLOCK]


def _level(seconds: Sequence[Second], rate: Callable[[Second], float], seed: int) -> Interval | None:
    return level([second.at for second in seconds], [rate(second) for second in seconds], seed)


def _bitrate(second: Second) -> float:
    return second.bitrate or 0.0


def _wire_of_viewer(second: Second) -> float:
    return second.wire_bits / max(1, second.viewers)


def lower(seconds: Sequence[Second], lost: dict[int, float], allowed: float) -> dict[int, float]:
    """Of those seconds that the whole lost, those in which a region's five-second mean is below its own light load."""
    light = [_bitrate(second) for second in light_seconds(seconds)]
    usual = sum(light) / len(light) if light else 0.0
    if not usual:
        return {}
    at = [second.at for second in seconds if second.bitrate]
    means = block_means(at, [_bitrate(second) for second in seconds if second.bitrate])
    ends = [at[index] for part in stretches(at) for index in part[BLOCK - 1 :]]
    shares = {end: float(1.0 - mean / usual) for end, mean in zip(ends, means, strict=True)}
    return {end: share for end, share in shares.items() if end in lost and share > allowed}


def marked(seconds: Sequence[Second], lost: dict[int, float]) -> tuple[Second, ...]:
    """The same seconds, those that lost quality as broken."""
    return tuple(
        second.model_copy(update={"broken": (*second.broken, "quality_loss"), "quality_lost": lost[second.at]})
        if second.at in lost
        else second
        for second in seconds
    )
