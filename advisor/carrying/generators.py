"""Machines that drive viewers at full size: how many, of which types, and for how long.

    machines = max(viewers ÷ (viewers a core × cores), bit/s ÷ (egress × `FULL`), viewers ÷ `PORTS`)

The catalogue's figure for the internet stands for what comes in as well: EC2's limits hold for both ways.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

from advisor.models import Excuse
from advisor.offers.catalog import load_catalog
from advisor.offers.offer import Offer
from advisor.texts import say

CATALOG: Final = "ec2"
VCPUS: Final = 16
"""Of one machine (assumed): the largest size whose way to the internet is a fixed 5 Gbit/s, and all types share it."""
FULL: Final = 0.8
"""Share of a machine's network that is planned with (assumed): a generator at its limit makes a run INVALID."""
PORTS: Final = 60_000
"""Viewers of one machine: each holds a connection to the target, and one address has 64,512 ports (some are spare)."""
EXPECTED_WITHIN: Final = 900
"""Seconds until every worker has joined (assumed, as for Kubernetes)."""
FETCH: Final = 1800
"""Seconds to look at a run before its machines end themselves (assumed)."""
ARM: Final = re.compile(r"[a-z]+[0-9]+g|a1\.")
"""EC2's naming: a g after the generation is Graviton."""


@dataclass(frozen=True, slots=True)
class Machines:
    """What drives one region's viewers."""

    count: int
    types: tuple[str, ...]
    """Of one size and one processor, the cheapest first: spot takes whichever is least wanted."""
    minutes: int
    """After so many each machine ends itself."""
    binding: str
    """What asks for most machines, as the id of the reason: ``machines_cores``, ``_network`` or ``_ports``."""
    egress: float
    """bit/s of one machine."""


def machines(region: str, at: str, viewers: int, wire: float, per_core: int, seconds: float) -> Machines | Excuse:
    """For ``viewers`` that pull ``wire`` bit/s in the provider's region ``at``, in a run of so many seconds."""
    offers = _offered(at)
    egress = min((one.egress.value for one in offers if one.egress), default=0.0)
    if not egress:
        return Excuse(
            about=region, reason=say("tf_no_machines", at=at, vcpus=str(VCPUS)), remedy=say("remedy_tf_no_machines")
        )
    asks = {
        "machines_cores": viewers / (per_core * VCPUS),
        "machines_network": wire / (egress * FULL),
        "machines_ports": viewers / PORTS,
    }
    binding = max(asks, key=lambda name: asks[name])
    return Machines(
        count=max(1, math.ceil(asks[binding])),
        types=tuple(one.name for one in offers),
        minutes=math.ceil((seconds + EXPECTED_WITHIN + FETCH) / 60),
        binding=binding,
        egress=egress,
    )


def _offered(at: str) -> list[Offer]:
    """Types of the size that the region has, of the processor with more of them, the cheapest first."""
    there = [one for one in load_catalog(CATALOG) if one.vcpus and one.vcpus.value == VCPUS]
    there = [one for one in there if one.egress and one.zones and one.zones.get(at, 0) > 0]
    there.sort(key=lambda one: (price.value if (price := one.price_in(at)) else math.inf, one.name))
    arm, x86 = [one for one in there if ARM.match(one.name)], [one for one in there if not ARM.match(one.name)]
    return arm if len(arm) >= len(x86) else x86
