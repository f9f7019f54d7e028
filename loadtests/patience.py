"""When viewers have had enough: how long each waits for the picture, and how much standing still each puts up with."""

from __future__ import annotations

import math
from typing import Annotated

from pydantic import Field

from loadtests.chance import STALLS, STARTUP, chance
from loadtests.region import Frozen
from loadtests.session import Patience
from loadtests.units import Duration, Share


class PatienceRules(Frozen):
    """How patient an audience is.

    Start-up is measured (Krishnan and Sitaraman, IMC 2012, 23 million views, video on demand): nobody leaves in the
    first 2 s, then 5.8 percentage points of the viewers more with each second. Their fit ends near 10 s, so those who
    waited so long are taken to wait on.

    Stalls are derived from the same paper and partly assumed: viewers who stood still for 1 % of a video's duration
    watched 5 % less of it. Leaving with a constant hazard per second of stalling, a share (1 − e^−x)/x of the
    minutes is left, 95 % for x = 0.103; 1 % of a view of 8 min (assumed, as the stay) is 4.8 s, so 4.8 s / 0.103 is
    the mean patience.
    """

    startup_free: Duration = Field(default=2.0, ge=0)
    """Nobody leaves before the picture is this late."""
    startup_loss: Share = Field(default=0.058, gt=0, le=1)
    """Share of all viewers that leaves in each further second."""
    startup_until: Duration = Field(default=10.0, ge=0)
    """Whoever has waited so long waits on."""
    stall_mean: Duration = Field(default=46.0, gt=0)
    """Seconds of standing still, all stalls together, after which viewers leave: the mean of an exponential."""
    regions: dict[str, Annotated[float, Field(gt=0, le=100)]] = Field(default_factory=dict)
    """Patience of a region's viewers, as a multiple of the above."""

    def survival(self, waited: float) -> float:
        """Share of viewers who still wait for their first frame after ``waited`` seconds."""
        late = min(waited, self.startup_until) - self.startup_free
        return min(max(1.0 - self.startup_loss * late, 0.0), 1.0)

    def draw(self, seed: int, region: str) -> Patience:
        """The patience of the viewer with this seed."""
        factor = self.regions.get(region, 1.0)
        startup = self.startup_free + chance(seed, STARTUP) / self.startup_loss
        if startup >= self.startup_until:
            startup = math.inf
        stalls = -self.stall_mean * math.log1p(-chance(seed, STALLS))
        return Patience(startup * factor, stalls * factor)
