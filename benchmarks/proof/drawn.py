"""One random cluster, decided by its place in the rotation and its seed: pure.

*Declared ratio* is what the full load asks of the resource that binds, over what one node declares of it; N is that,
rounded up. An estimate with an error of some per cent cannot tell N from N - 1 when the ratio lies that close to a
whole number, and a real cluster neither, for its nodes never share the load quite evenly. So the full load is drawn
with a ratio whose fraction lies in `BAND`; loads outside are left out, and that is said wherever results are shown.
"""

from __future__ import annotations

from random import Random
from typing import Final, Literal, TypeAlias

from loadtests.region import Frozen
from loadtests.session import LadderStep

Kind: TypeAlias = Literal["embedded", "nginx"]
Binds: TypeAlias = Literal["egress", "requests", "cpu"]

BAND: Final = (0.30, 0.75)
"""Where the fraction of the declared ratio lies. Below, N - 1 nodes would be short by less than 1 / 10 of a node each,
and half a minute is not enough to see it; above, the busiest of N nodes has no room for its uneven share."""
NODES: Final = (3, 4, 5)
"""Nodes that the full load needs, by what is declared."""
OVERLOAD: Final = 1.35
"""Load of the rehearsal at its peak over what its nodes declare: past the limit, or there is nothing to find."""
MIXES: Final[tuple[dict[LadderStep, float], ...]] = (
    {"lowest": 1.0},
    {"lowest": 0.8, "middle": 0.2},
    {"lowest": 0.3, "middle": 0.7},
    {"middle": 1.0},
)
"""Renditions and the share of viewers that watch each."""
HEAVY: Final[tuple[dict[LadderStep, float], ...]] = ({"highest": 1.0}, {"middle": 0.4, "highest": 0.6})
"""Where the CPU binds and no handshakes use it up: large segments cost more of it."""
MARKETS: Final = (
    ("id", "mobile", "aws:ap-southeast-3"),
    ("in", "mobile", "aws:ap-south-1"),
    ("br", "fixed", "aws:sa-east-1"),
    ("sg", "fixed", "aws:ap-southeast-1"),
)
"""Regions, a kind of last mile of each, and the point of presence that serves it."""
PLAYERS: Final = ("hls_js", "shaka", "dash_js")


class Turn(Frozen):
    """What the rotation says, so that any number of clusters covers the kinds evenly; chance says the rest."""

    kind: Kind
    binds: Binds
    segment: int = 2
    """Seconds; the embedded origin has no other."""
    tls: bool = False
    """A connection for each request, with a full handshake: what makes it dear in CPU."""
    shaped: bool = False
    """Whether viewers have the last miles of their region."""


ROTATION: Final = (
    Turn(kind="embedded", binds="egress"),
    Turn(kind="nginx", binds="cpu"),
    Turn(kind="nginx", binds="egress"),
    Turn(kind="embedded", binds="requests"),
    Turn(kind="nginx", binds="egress", segment=4),
    Turn(kind="nginx", binds="cpu", tls=True),
    Turn(kind="embedded", binds="egress", shaped=True),
    Turn(kind="nginx", binds="requests"),
    Turn(kind="nginx", binds="egress", shaped=True),
    Turn(kind="nginx", binds="cpu", segment=4),
    Turn(kind="embedded", binds="requests", shaped=True),
    Turn(kind="nginx", binds="cpu", tls=True, shaped=True),
)


class Drawn(Turn):
    """A cluster and its loads."""

    number: int
    seed: int
    mix: dict[LadderStep, float]
    player: str
    region: str
    access: str
    pop: str
    rehearsed: int
    """Nodes of the rehearsal."""
    fill: int
    """Viewers who fill one node; of a CPU that follows from `quota` and is measured instead."""
    quota: float
    """Share of a core that each node has, where the CPU binds; else 0."""
    ratio: float
    """The declared ratio of the full load that was drawn."""

    @property
    def name(self) -> str:
        """For people."""
        tls = "TLS for each request" if self.tls else ""
        words = [self.kind, f"{self.segment} s", tls, "shaped" if self.shaped else ""]
        return " ".join(word for word in words if word)


def draw(number: int, seed: int) -> Drawn:
    """Cluster ``number``, counted from 0; the same numbers give the same cluster on every machine."""
    turn = ROTATION[number % len(ROTATION)]
    dice = Random(f"proof {seed} {number}")  # text is hashed by SHA-512, not by the process's own hash
    nodes = dice.choice(NODES[:1] if turn.tls else NODES)  # handshakes cost the generator as well
    ratio = round(nodes - 1 + dice.uniform(*BAND), 3)
    heavy = turn.binds == "cpu" and not turn.tls
    mixes = HEAVY if heavy else MIXES[:2] if turn.shaped or turn.tls else MIXES
    region, access, pop = dice.choice(MARKETS)
    quotas = (0.06, 0.07, 0.08) if turn.tls else (0.05, 0.06, 0.07)
    return Drawn(
        **turn.model_dump(),
        number=number,
        seed=seed,
        mix=dice.choice(mixes),
        player=dice.choice(PLAYERS),
        region=region,
        access=access,
        pop=pop,
        rehearsed=dice.choice((1, 2)) if nodes > 3 else 1,
        fill=dice.randrange(130, 190, 5),
        quota=dice.choice(quotas) if turn.binds == "cpu" else 0.0,
        ratio=ratio,
    )


def left_out() -> float:
    """The share of random loads that `BAND` leaves out."""
    return 1.0 - (BAND[1] - BAND[0])
