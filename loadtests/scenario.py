"""A scenario: one event to rehearse, as YAML. Everything is checked before anything starts."""

from __future__ import annotations

from datetime import datetime
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    ValidationError,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from loadtests.budgets import Budget, BudgetError, check_scope, read_budget
from loadtests.document import read_yaml
from loadtests.errors import InputError
from loadtests.faults import Fault, Need, clash
from loadtests.launch import Launch
from loadtests.patience import PatienceRules
from loadtests.players import Player
from loadtests.plugins import plugin_field
from loadtests.protocols import Protocol
from loadtests.region import Frozen, Names, load_region, region_codes, time_of_day
from loadtests.residency import DEFAULT
from loadtests.session import LadderStep
from loadtests.shapes import Place, Shape
from loadtests.shaping_checks import check_shaping
from loadtests.surge import Surge, with_curves
from loadtests.target import OwnTarget, Target
from loadtests.traces import Trace, followed
from loadtests.units import Bitrate, Duration, Share

BUNDLED = "viral-goal"
"""The scenario that `make rehearse` plays."""

OneIsWhole = 1e-6


_SENTENCE = (
    BeforeValidator(read_budget),
    PlainSerializer(lambda budget: budget.text, return_type=str),
    WithJsonSchema({"type": "string", "examples": ["startup p95 < 2s per region during peak"]}),
)


def _whole(shares: dict[Any, float]) -> dict[Any, float]:
    total = sum(shares.values())
    if abs(total - 1.0) > OneIsWhole:
        raise ValueError(f"shares must add up to 100%, these add up to {total * 100:g}%")
    return shares


class Staging(Frozen):
    """The embedded origin that `surgecast rehearse` starts for this scenario; capacity is per node."""

    egress: Bitrate | None = None
    """Bits per second, headers included; no limit when absent."""
    requests_per_second: float | None = Field(default=None, gt=0)
    latency: Duration = 0.0
    """Added before each response."""
    tokens: Duration | None = Field(default=None, gt=0)
    """How long a token is good that the master playlist hands out; no tokens when absent."""
    keys: bool = False
    """Whether segments are encrypted (AES-128), with their key in EXT-X-KEY."""

    def lacks(self, need: Need) -> str:
        """The setting that a fault would need and that is not there; empty when it is."""
        match need:
            case "capacity":
                limited = self.egress is not None or self.requests_per_second is not None
                return "" if limited else "egress or requests_per_second"
            case "tokens":
                return "" if self.tokens else "tokens"
            case "keys":
                return "" if self.keys else "keys"
            case "staging":
                return ""


class Cohort(Frozen):
    """Viewers of one region that share a kind of last mile and a mix of renditions."""

    share: Share
    access: str
    """A kind of last mile that the region has, or ``mixed``: drawn for each viewer by the region's own shares."""
    renditions: Annotated[dict[LadderStep, Share], AfterValidator(_whole)]
    trace: Annotated[Trace | None, BeforeValidator(followed)] = None
    """A recorded last mile, replayed from another second for each viewer."""


def _off(word: object) -> object:
    return "off" if word is False else word


class Audience(Frozen):
    """One region's part in the surge."""

    share: Share
    cohorts: dict[str, Cohort]
    shaping: Annotated[Literal["full", "difference", "off"], BeforeValidator(_off)] = "off"
    """Whether viewers get the last mile of their region, or only what the generators' own way lacks of it.

    YAML reads a bare ``off`` as false; it means off."""
    pop: str = ""
    """Point of presence that serves them: a city, or a cloud region such as ``aws:ap-southeast-1``."""
    generators: Literal["in_region", "elsewhere"] = "elsewhere"
    """Where the load generators of this region stand."""
    generator_rtt: Duration | None = None
    """Round trip from the generators to the target, as measured; taken off with ``shaping: difference``."""
    target: OwnTarget | None = None
    """What this region's viewers watch, where that is not the scenario's `target.url`."""

    @model_validator(mode="after")
    def _cohorts_are_whole(self) -> Self:
        _whole({name: cohort.share for name, cohort in self.cohorts.items()})
        return self


class Stay(Frozen):
    """How long viewers stay: short looks and long views (docs/scenarios.md names the sources)."""

    zappers: Share = 0.2
    zapper_mean: Duration = Field(default=20.0, gt=0)
    median: Duration = Field(default=480.0, gt=0)
    spread: float = Field(default=1.3, gt=0, le=4)
    """Sigma of the lognormal long views."""
    home: Share = 0.5
    """Share of the viewers that ask for `target.home` when they leave before the event is over."""


class Budgets(Frozen):
    """What a viewer must get for a second to count as held. All judged per second and region."""

    startup_p95: Duration = 4.0
    segment_p95: Duration = 1.0
    stall_ratio: Share = 0.01
    error_ratio: Share = 0.005
    quality_loss: Share = 0.10
    """Share of the bit rate played at light load that may be lost under load, where players choose; 100% turns it off.

    A tenth (assumed): the smallest loss that one run tells from chance; a step down a usual ladder loses a third."""


class Scenario(Frozen):
    """One event to rehearse."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
    summary: str | Names
    """One sentence, or one per language: ``{en: …, zh: …}``."""
    starts_at: datetime | None = None
    """When the real event starts, with its UTC offset: local times in the report."""
    target: Target
    stream: Annotated[Protocol, *plugin_field("loadtests.protocols", "protocol")]
    player: Annotated[Player, *plugin_field("loadtests.players", "player")]
    surge: Surge
    regions: dict[str, Audience] = Field(min_length=1)
    stay: Stay = Stay()
    patience: PatienceRules | None = None
    """When viewers have had enough; without it nobody leaves early."""
    budgets: Budgets = Budgets()
    gate: tuple[Annotated[Budget, *_SENTENCE], ...] = ()
    """What `surgecast gate` judges when it is given no file: sentences or mappings (docs/budgets.md)."""
    launch: Launch = Launch()
    staging: Staging | None = None
    faults: tuple[Annotated[Fault, *plugin_field("loadtests.faults", "fault")], ...] = ()
    """What goes wrong during the run on purpose."""
    seed: int = 1

    @field_validator("starts_at")
    @classmethod
    def _has_offset(cls, value: datetime | None) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError(f"needs a UTC offset, such as {value.isoformat()}+07:00")
        return value

    @model_validator(mode="after")
    def _regions_are_known_and_whole(self) -> Self:
        for code, audience in self.regions.items():
            if code not in region_codes():
                raise ValueError(f"regions.{code}: no such region (known: {', '.join(region_codes())})")
            known = load_region(code).access
            for name, cohort in audience.cohorts.items():
                if cohort.access not in (*known, "mixed"):
                    raise ValueError(
                        f"regions.{code}.cohorts.{name}.access: {code} has {', '.join(known)} and mixed, "
                        f"found {cohort.access!r}"
                    )
        _whole({code: audience.share for code, audience in self.regions.items()})
        return self

    @model_validator(mode="after")
    def _shaping_has_its_facts(self) -> Self:
        for code, audience in self.regions.items():
            if code in region_codes():
                check_shaping(load_region(code), audience)
        return self

    @model_validator(mode="after")
    def _patient_regions_are_rehearsed(self) -> Self:
        for code in self.patience.regions if self.patience else ():
            if code not in self.regions:
                raise ValueError(
                    f"patience.regions.{code}: not one of the regions rehearsed ({', '.join(self.regions)})"
                )
        return self

    @model_validator(mode="after")
    def _launch_regions_are_rehearsed(self) -> Self:
        launch = self.launch
        for field, codes in (
            ("audience", tuple(launch.audience)),
            ("quota_vcpus", tuple(launch.quota_vcpus)),
            ("cdn.allowed", tuple(launch.cdn.allowed)),
            ("residency", tuple(code for code in launch.residency if code != DEFAULT)),
        ):
            for code in codes:
                if code not in self.regions:
                    raise ValueError(
                        f"launch.{field}.{code}: not one of the regions rehearsed ({', '.join(self.regions)})"
                    )
        return self

    @model_validator(mode="after")
    def _gate_judges_what_is_here(self) -> Self:
        cohorts = {code: tuple(audience.cohorts) for code, audience in self.regions.items()}
        for index, budget in enumerate(self.gate):
            try:
                check_scope(budget, cohorts, self.surge.phases())
            except BudgetError as error:
                raise ValueError(f"gate.{index}: {error}") from error
        return self

    @model_validator(mode="after")
    def _surge_is_known_everywhere(self) -> Self:
        for code in self.regions:
            try:
                self.surge_in(code)
            except ValueError as error:
                raise ValueError(f"surge: {error}") from error
        return self

    def surge_in(self, code: str) -> Shape:
        """The surge as the viewers of one region live it, for all viewers as if all were there."""
        clock = None if self.starts_at is None else time_of_day(code, self.starts_at)
        return self.surge.lived(Place(code, clock))

    @model_validator(mode="after")
    def _faults_are_possible(self) -> Self:
        for index, fault in enumerate(self.faults):
            if problem := self._problem_of(fault):
                raise ValueError(f"faults.{index}: {fault.plugin_name()} {problem}")
        if problem := clash(self.faults):
            raise ValueError(problem)
        return self

    def _problem_of(self, fault: Fault) -> str:
        """Why a fault cannot happen in this run; empty when it can."""
        if fault.ends_at >= self.surge.duration:
            return f"ends at {fault.ends_at:g} s, and the run at {self.surge.duration:g} s; let it end before the run"
        if fault.unmet and self.staging is None:
            return "is done to the embedded stage: add 'staging:' (docs/staging.md), or use the fault 'command'"
        lacking = [name for need in fault.unmet if self.staging and (name := self.staging.lacks(need))]
        if lacking:
            return f"needs staging.{lacking[0]}"
        if fault.nodes_hit is not None and fault.nodes_hit >= self.target.nodes:
            return f"hits node {fault.nodes_hit}, but nodes go from 0 to {self.target.nodes - 1} (target.nodes)"
        return ""

    @property
    def targets(self) -> dict[str, Target]:
        """What each region's viewers watch."""
        regions = self.regions.items()
        return {code: part.target.over(self.target) if part.target else self.target for code, part in regions}

    @cached_property
    def is_claimed(self) -> bool:
        """Whether somebody says the target is theirs."""
        return bool(self.target.owner.strip())


def bundled_names() -> tuple[str, ...]:
    """Names of the scenarios that ship with surgecast."""
    folder = resources.files("loadtests") / "scenarios"
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")))


def read_scenario(place: str | Path) -> Scenario:
    """Read a scenario from a YAML file, or a bundled one by name; InputError says file, field, found, expected."""
    data = read_yaml(str(place), _text_of(place))
    if not isinstance(data, dict):
        raise InputError(f"{place}: expected a mapping of fields, found {type(data).__name__}", hint=_EXAMPLE)
    try:
        surge = {"surge": with_curves(data["surge"], Path(place).parent)} if "surge" in data else {}
        return Scenario.model_validate({**data, **surge}, context={"folder": Path(place).parent})
    except ValidationError as error:
        raise InputError(_explain(place, error), hint=_EXAMPLE) from error


_EXAMPLE = "docs/scenarios.md lists every field; loadtests/scenarios/viral-goal.yaml is a whole example"


def _text_of(place: str | Path) -> str:
    path = Path(place)
    if path.is_file():
        try:
            return path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"{place}: cannot be read: {error}", hint=_EXAMPLE) from error
    if str(place) in bundled_names():
        return (resources.files("loadtests") / "scenarios" / f"{place}.yaml").read_text(encoding="utf-8")
    raise InputError(f"{place}: no such scenario file", hint=f"bundled scenarios: {', '.join(bundled_names())}")


def _explain(place: str | Path, error: ValidationError, inside: tuple[int | str, ...] = ()) -> str:
    lines = []
    for problem in error.errors(include_url=False):
        loc = (*inside, *problem["loc"])
        cause = problem.get("ctx", {}).get("error")
        if isinstance(cause, ValidationError):  # a plugin's settings have their own errors
            lines.append(_explain(place, cause, loc))
            continue
        field = ".".join(str(part) for part in loc)
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = f"unknown key, found {problem['input']!r}"
        lines.append(f"{place}: {field + ': ' if field else ''}{message}")
    return "\n".join(lines)
