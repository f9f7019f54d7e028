"""Capacity models: how much of one resource a node carries, one file each."""

from __future__ import annotations

from abc import abstractmethod
from typing import Literal, TypeAlias

from advisor.capacities.evidence import Contest, Limiting, Step
from advisor.interval import Interval
from advisor.measured.measure import Measurement
from advisor.measured.seconds import Second
from advisor.texts import Message
from loadtests.plugins import Plugin
from loadtests.region import Frozen

Unit: TypeAlias = Literal["bit/s", "requests/s", "joins/s", "connections", "messages/s"]
"""What a resource is counted in."""


class Excuse(Frozen):
    """Why there is no answer, and what to do to get one."""

    about: str
    """Name of the model or code of the region that has no answer."""
    reason: Message
    remedy: Message
    is_aside: bool = False
    """Whether the scenario has nothing of the kind, so that the answer is not missed: reports show it folded."""


class Evidence(Frozen):
    """What a capacity stands on. Rates are of the whole target, in the model's unit."""

    basis: Literal["plateau", "held", "sign"]
    """The rate under overload, the rate held at the highest load, or what was carried when the resource's own sign came
    (connections refused, start-ups late while all else held)."""
    first_broken: int | None
    """Second of the first lasting breach."""
    broken_budgets: tuple[str, ...]
    seconds: int
    """Valid seconds of that basis."""
    span: tuple[int, int]
    """First and last of these seconds, in the run that they are from."""
    viewers: tuple[int, int]
    """Fewest and most viewers in them."""
    plateau: Interval | None
    """Rate from the first lasting breach to the last broken second, whatever the basis."""
    held: float
    """Highest `BLOCK`-second rate at which the budgets still held."""
    variation: float
    """Standard deviation over mean of the block means in these seconds."""
    limiting: Limiting | None = None
    """The breach that shows the limit: which step, which seconds, which budget, how many samples."""
    steps: tuple[Step, ...] = ()
    """Every load step of the run, from the lightest."""
    contest: Contest | None = None
    """Which explanation of the rate foretold the top load steps best; None where too few were run to hold some out."""


class Capacity(Frozen):
    """What the target carries of one resource."""

    model: str
    unit: Unit
    per_node: Interval
    saturated: bool
    """True: this is the limit. False: a node carries at least this, the limit was not reached."""
    evidence: Evidence
    beyond: Interval | None = None
    """Where waits that grew below the limit put it: one node, within twice the tested rate. No plan uses it."""


class Model(Plugin):
    """One resource that can run out."""

    @property
    @abstractmethod
    def unit(self) -> Unit:
        """Of what ``rate`` counts."""

    @abstractmethod
    def rate(self, second: Second) -> float:
        """How much of the resource was delivered in a second."""

    def is_broken(self, second: Second) -> bool:
        """Whether viewers felt in a second that something ran out: by default, that any budget was broken."""
        return bool(second.broken)

    @abstractmethod
    def fit(self, measurement: Measurement) -> Capacity | Excuse:
        """What a node carries, or why that cannot be said."""
