"""Whether a region can be shaped as a scenario asks: every fact there, the path counted once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

from loadtests.cities import atlas
from loadtests.region import SHAPING_FACTS, Region

if TYPE_CHECKING:
    from loadtests.scenario import Audience

Found = TypeVar("Found")


def check_shaping(region: Region, audience: Audience) -> None:
    """ValueError, with the field, where something is missing, or asked for twice, or would do nothing."""
    field = f"regions.{region.code}"
    if audience.pop:
        _told(f"{field}.pop", lambda: atlas().find(audience.pop))
    for name, cohort in audience.cohorts.items():
        if cohort.access == "mixed":
            kinds: Iterable[str] = _told(f"{field}.cohorts.{name}.access", region.mix)
        else:
            kinds = (cohort.access,)
        if audience.shaping != "off":
            _check_facts(region, kinds)
        elif cohort.trace is not None:
            raise ValueError(f"{field}.cohorts.{name}.trace: {field}.shaping is off, so nothing would replay it")
    _check_path(field, region, audience)


def _check_facts(region: Region, kinds: Iterable[str]) -> None:
    for kind in kinds:
        lacking = [fact for fact in SHAPING_FACTS if getattr(region.access[kind], fact) is None]
        if lacking:
            raise ValueError(
                f"regions.{region.code}.shaping: access.{kind} of the region has no {', '.join(lacking)}; "
                "name a network that has, or add the facts"
            )


def _check_path(field: str, region: Region, audience: Audience) -> None:
    in_region, known = audience.generators == "in_region", audience.generator_rtt is not None
    match audience.shaping:
        case "full" if in_region:
            raise ValueError(f"{field}.shaping: generators in the region walk its path for real; say difference or off")
        case "difference" if not in_region and not known:
            raise ValueError(
                f"{field}.generator_rtt: shaping: difference from elsewhere needs it, the measured round trip "
                "from the generators to the target"
            )
        case "full" | "off" if known:
            raise ValueError(f"{field}.generator_rtt: belongs to shaping: difference, found {audience.shaping}")
    if audience.shaping == "full" or known:
        if not audience.pop:
            raise ValueError(f"{field}.pop: needed for the path to it, such as {_nearest(region)}")
        _told(f"{field}.pop", lambda: atlas().path_rtt(region, audience.pop))


def _nearest(region: Region) -> str:
    provider, name = next(iter(region.provider_regions.items()), ("aws", "us-east-1"))
    return f"{provider}:{name}"


def _told(field: str, look: Callable[[], Found]) -> Found:
    try:
        return look()
    except ValueError as error:
        raise ValueError(f"{field}: {error}") from error
