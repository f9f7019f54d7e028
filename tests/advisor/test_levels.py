"""Load steps: whole blocks of about the same load, from the lightest."""

from __future__ import annotations

from itertools import pairwise

from advisor.blocks import BLOCK
from advisor.measured.levels import WIDTH, levels
from advisor.measured.measure import measure
from loadtests.run import Run


def test_steps_rise_and_hold_whole_blocks(saturated: Run) -> None:
    found = levels(measure([saturated]))
    assert len(found) >= 4
    assert all(low.viewers < high.viewers for low, high in pairwise(found))
    assert all(len(level.seconds) == BLOCK * level.blocks for level in found)
    assert all(len(level.means(lambda second: second.wire_bits)) == level.blocks for level in found)


def test_loads_within_a_step_are_alike_and_the_top_breaks(saturated: Run) -> None:
    found = levels(measure([saturated]))
    for level in found:
        loads = level.means(lambda second: second.offered)
        assert max(loads) <= WIDTH * min(loads) * 1.0001
    assert found[0].broken == 0
    assert found[-1].broken > 0.5


def test_a_region_has_its_own_steps(saturated: Run) -> None:
    measured = measure([saturated])
    assert levels(measured, "br")[-1].viewers < levels(measured)[-1].viewers / 4
