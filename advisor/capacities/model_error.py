"""How far a simulation is off: its figures beside those of a real run of the same scenario, over ramp and peak."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from pydantic import FiniteFloat

from advisor.measured.measure import JUDGED
from loadtests.errors import InputError
from loadtests.region import Frozen
from loadtests.results import Window
from loadtests.run import Run

NEAR: Final = 0.10
"""Allowed error of concurrency, requests and egress, as a share of the real figure."""
NEAR_STALLS: Final = 0.20
"""Allowed error of the stall ratio."""
FEW_STALLS: Final = 0.001
"""Below this share of stalled time a relative error says nothing: the difference itself must stay below it."""


class Figure(Frozen):
    """One figure of both runs. Viewers, requests/s, bit/s, or a share."""

    name: str
    simulated: FiniteFloat
    real: FiniteFloat
    allowed: FiniteFloat
    """As a share of the real figure."""

    @property
    def error(self) -> float:
        """As a share of the real figure; the difference where that is nought."""
        off = self.simulated - self.real
        return off / self.real if self.real else off

    @property
    def holds(self) -> bool:
        """Whether the model is near enough."""
        small = self.name == "stall_ratio" and abs(self.simulated - self.real) < FEW_STALLS
        return small or abs(self.error) <= self.allowed


class ModelError(Frozen):
    """All figures over the seconds that both runs judge."""

    simulated: str
    real: str
    seconds: int
    figures: tuple[Figure, ...]

    @property
    def holds(self) -> bool:
        """Whether every figure does."""
        return all(figure.holds for figure in self.figures)


def model_error(simulated: Run, real: Run) -> ModelError:
    """Compare; InputError when the runs are not of the same audience, or the wrong way round."""
    _same(simulated, real)
    mine, theirs = _judged(simulated), _judged(real)
    seconds = len({window.at for window in theirs})
    if not seconds or not mine:
        raise InputError(f"run {real.header.run_id} holds no second of its ramp or peak", hint="give a whole run")
    found = [(_FIGURES[name](mine), _FIGURES[name](theirs)) for name in _FIGURES]
    figures = tuple(
        Figure(
            name=name,
            simulated=round(one, 9),
            real=round(other, 9),
            allowed=NEAR_STALLS if name == "stall_ratio" else NEAR,
        )
        for name, (one, other) in zip(_FIGURES, found, strict=True)
    )
    return ModelError(simulated=simulated.header.run_id, real=real.header.run_id, seconds=seconds, figures=figures)


def _same(simulated: Run, real: Run) -> None:
    if simulated.header.simulated is None or real.header.simulated is not None:
        raise InputError("expected a simulation and a real run", hint="give --against a run that was measured")
    for field in ("surge", "stay", "regions", "stream", "player"):
        if getattr(simulated.header.scenario, field) != getattr(real.header.scenario, field):
            raise InputError(
                f"run {real.header.run_id} differs from the scenario in {field}",
                hint="simulate the scenario that was run: leave --viewers and --audience out",
            )


def _judged(run: Run) -> list[Window]:
    spans = [(phase.start, phase.end) for phase in run.header.phases if phase.name in JUDGED]
    return [window for window in run.windows if any(start <= window.at < end for start, end in spans)]


def _per_second(windows: list[Window], value: Callable[[Window], float]) -> float:
    return sum(map(value, windows)) / len({window.at for window in windows})


def _viewers(windows: list[Window]) -> float:
    return _per_second(windows, lambda window: window.players.viewers)


def _requests(windows: list[Window]) -> float:
    return _per_second(windows, lambda window: sum(one.count for one in window.requests.values()))


def _egress(windows: list[Window]) -> float:
    return 8 * _per_second(windows, lambda window: sum(one.bytes + one.head_bytes for one in window.requests.values()))


def _stalls(windows: Iterable[Window]) -> float:
    players = [window.players for window in windows]
    stalled = sum(one.stall_seconds for one in players)
    watched = stalled + sum(one.play_seconds for one in players)
    return stalled / watched if watched else 0.0


_FIGURES: Final[dict[str, Callable[[list[Window]], float]]] = {
    "viewers": _viewers,
    "requests": _requests,
    "egress": _egress,
    "stall_ratio": _stalls,
}
