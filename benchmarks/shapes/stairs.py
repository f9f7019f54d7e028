"""Viewers climb stairs (`benchmarks.rig.work`)."""

from __future__ import annotations

from benchmarks.rig.work import Stairs as Plan
from loadtests.shapes import Phase, Shape


class Stairs(Shape):
    """From level to level, a while at each."""

    plan: Plan

    def phases(self) -> tuple[Phase, ...]:
        """Up the first ramp, then everything that is measured."""
        first = float(self.plan.steps()[0].start)
        end = self.plan.duration + 600.0  # whoever started us ends us
        return Phase(name="warm_up", start=0.0, end=first), Phase(name="peak", start=first, end=end)

    def viewers(self, at: float) -> float:
        """Concurrent viewers wanted."""
        before, begins = 0, 0
        for step, ramp in zip(self.plan.steps(), self.plan.ramps(), strict=True):
            if at < begins + ramp:
                return before + (step.viewers - before) * (at - begins) / ramp
            before, begins = step.viewers, step.end
            if at < begins:
                break
        return float(before)
