"""What came of a cluster: the advisor's answer, the runs at N and N - 1, right or wrong; kept as JSON lines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Literal, TypeAlias

from pydantic import ValidationError

from benchmarks.proof.drawn import Drawn
from loadtests.errors import InputError
from loadtests.region import Frozen

Outcome: TypeAlias = Literal["held", "broke", "invalid"]
"""``invalid``: the generator was the limit, at every attempt."""
State: TypeAlias = Literal["right", "wrong", "could not measure", "skipped"]
ENOUGH: Final = 11 / 12
"""Share of the measured clusters that must be right."""


class Ran(Frozen):
    """One run."""

    nodes: int
    outcome: Outcome
    why: str
    """The first lasting breach, or why the run is invalid; empty when it held."""
    viewers: float
    """Most viewers over five seconds."""
    per_viewer: float
    """Of the resource that binds, delivered per viewer and second at the end of the hold; bit/s or requests/s."""
    generator_cpu: float
    """Busiest second of the generator, as a share of a core."""
    attempts: int


class Answer(Frozen):
    """What the advisor said after the rehearsal."""

    nodes: int | None
    """None when it had no number."""
    ratio: tuple[float, float, float] | None
    """Demand over what a node carries: low, middle, high of the two 90 % intervals put together."""
    binding: str
    """The model whose resource asks for most nodes."""
    why: str = ""
    """Why there is no number."""


class Record(Frozen):
    """One cluster from the draw to the judgement."""

    drawn: Drawn
    skipped: str = ""
    """Why it was not tried; empty when it was."""
    audience: int = 0
    declared: float | None = None
    """Declared ratio of the full load as it was run."""
    fraction: float = 0.0
    """Viewers at the rehearsal's peak over the audience."""
    rehearsal: Ran | None = None
    answer: Answer | None = None
    enough: Ran | None = None
    """The run at N."""
    too_few: Ran | None = None
    """The run at N - 1."""
    seconds: float = 0.0

    @property
    def state(self) -> State:
        """Right only when N held and N - 1 broke."""
        if self.skipped:
            return "skipped"
        runs = (self.rehearsal, self.enough, self.too_few)
        if any(run is not None and run.outcome == "invalid" for run in runs):
            return "could not measure"
        if self.enough is None or self.too_few is None:
            return "wrong"
        return "right" if (self.enough.outcome, self.too_few.outcome) == ("held", "broke") else "wrong"

    @property
    def inside(self) -> bool | None:
        """Whether the predicted interval holds the declared ratio."""
        if self.answer is None or self.answer.ratio is None or self.declared is None:
            return None
        return self.answer.ratio[0] <= self.declared <= self.answer.ratio[2]


class Tally(Frozen):
    """Over all clusters."""

    right: int
    wrong: int
    unmeasured: int
    skipped: int
    inside: int
    """Declared ratios inside the predicted interval."""

    @classmethod
    def of(cls, records: Sequence[Record]) -> Tally:
        """Count."""
        states = [record.state for record in records]
        return cls(
            right=states.count("right"),
            wrong=states.count("wrong"),
            unmeasured=states.count("could not measure"),
            skipped=states.count("skipped"),
            inside=sum(bool(record.inside) for record in records),
        )

    @property
    def measured(self) -> int:
        """Clusters that count."""
        return self.right + self.wrong

    @property
    def good(self) -> bool:
        """Whether enough of them were right; of none, not."""
        return self.measured > 0 and self.right >= ENOUGH * self.measured - 1e-9


def read(place: Path) -> list[Record]:
    """Records of an earlier benchmark; a last line that was cut is left out, InputError for anything else amiss."""
    if not place.exists():
        return []
    lines = place.read_text(encoding="utf-8").splitlines(keepends=True)
    found = []
    for number, line in enumerate(lines, 1):
        try:
            found.append(Record.model_validate_json(line))
        except ValidationError as error:
            if number == len(lines) and not line.endswith("\n"):
                break
            raise InputError(f"{place}: line {number} is no record of the proof", hint="give another file") from error
    return found


def write(place: Path, records: Iterable[Record]) -> None:
    """All records, in place of what was there."""
    place.write_text("".join(f"{record.model_dump_json()}\n" for record in records), encoding="utf-8")


def left(wanted: Sequence[Drawn], records: Sequence[Record]) -> list[Drawn]:
    """The clusters that still have to be tried: those never tried, and those that could not be measured or skipped."""
    done = [record.drawn for record in records if record.state in ("right", "wrong")]
    return [drawn for drawn in wanted if drawn not in done]
