"""Faults: what goes wrong during a run on purpose, one file each. They say what and when; `loadtests.wiring` does it.

A fault asks for *orders*: to the embedded stage, or a command of the user's own. It is pure: the run's own clock
decides when an order goes out, and each is told in the run file as it happens (``fault_begins``, ``fault_ends``).
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, Any, ClassVar, Final, Literal, NamedTuple, Self, TypeAlias

from pydantic import ConfigDict, Field, StringConstraints

from loadtests.plugins import Plugin
from loadtests.region import Frozen
from loadtests.units import Duration

CONTROL: Final = "SURGECAST_STAGE_CONTROL"
"""Environment variable with the path of the stage's control socket: `surgecast rehearse` sets it for the load."""

Need: TypeAlias = Literal["staging", "capacity", "tokens", "keys"]
"""What the scenario's ``staging`` must have for a fault to be possible."""

Argv: TypeAlias = tuple[Annotated[str, StringConstraints(min_length=1)], ...]
"""A program and its arguments; no shell reads them."""


class StageOrder(Frozen):
    """To the embedded stage: kill or start a node, or change what all its nodes do."""

    do: Literal["kill", "start", "share", "expire", "rotate"]
    node: int | None = Field(default=None, ge=0)
    """None: every node."""
    share: float = Field(default=1.0, gt=0, le=1)
    """Of the declared capacity, for ``share``."""


class CommandOrder(Frozen):
    """A command of the user's own."""

    argv: Argv = Field(min_length=1)


Order: TypeAlias = StageOrder | CommandOrder


class Step(NamedTuple):
    """A moment of a fault: what happens, in words without secrets, and the order that makes it happen."""

    text: str
    order: Order | None
    """None: nothing has to be done for it."""


class Fault(Plugin):
    """Something that breaks at a moment of the run, and must be over for the target to come back."""

    model_config = ConfigDict(serialize_by_alias=True, validate_by_name=True)

    at: Duration = Field(ge=0)
    """Run seconds at which it begins."""
    recover_within: Duration = Field(default=30.0, gt=0)
    """From its end until all must be as before. A target that still fails then, with the same viewers, is metastable.
    Thirty seconds: the six retries of hls.js take 31 s (docs/viewer.md)."""

    needs: ClassVar[tuple[Need, ...]] = ()
    """What it needs of the stage, where it runs no command."""

    @property
    def ends_at(self) -> float:
        """Run seconds at which its cause is gone; `at` for one that is over at once."""
        return self.at

    @property
    def nodes_hit(self) -> int | None:
        """The one node that it hits, None for all: of one kind, only one fault hits a node at a time."""
        return None

    @abstractmethod
    def begins(self) -> Step:
        """What makes it happen."""

    def ends(self) -> Step | None:
        """What takes its cause away; None for a fault that is over at once."""
        return None

    def shown(self) -> Self:
        """The fault as it may stand in a run file: without a command's arguments, which may hold secrets."""
        return self

    @property
    def runs_commands(self) -> bool:
        """Whether it runs a command of the user's own."""
        steps = (self.begins(), self.ends())
        return any(isinstance(step.order, CommandOrder) for step in steps if step)

    @property
    def unmet(self) -> tuple[Need, ...]:
        """What it needs of the stage."""
        return () if self.runs_commands else self.needs


class LastingFault(Fault):
    """A fault whose cause lasts."""

    lasting: Duration = Field(alias="for", gt=0)
    """Seconds from its beginning to its end."""

    @property
    def ends_at(self) -> float:
        """When its cause is taken away."""
        return self.at + self.lasting


def without_arguments(argv: Argv) -> Argv:
    """A command's name; that it had arguments is shown, not which."""
    return (*argv[:1], "…") if len(argv) > 1 else argv


def clash(faults: tuple[Fault, ...]) -> str:
    """Why two of these faults cannot both be; empty when all can. Faults of different kinds may overlap."""
    for index, one in enumerate(faults):
        for number, other in enumerate(faults[:index]):
            same = type(one) is type(other) and not one.runs_commands
            together = one.at < other.ends_at and other.at < one.ends_at
            if same and together and (None in (hit := {one.nodes_hit, other.nodes_hit}) or len(hit) == 1):
                return f"faults.{index}: overlaps faults.{number}, the same kind on the same node; let one end first"
    return ""


def settings_of(fault: Fault) -> dict[str, Any]:
    """Its settings as a scenario spells them, fit for a run file."""
    return {"fault": fault.plugin_name(), **fault.shown().model_dump(mode="json")}
