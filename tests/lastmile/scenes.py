"""Scenarios with shaped regions, and viewers of them."""

from __future__ import annotations

from typing import Any

from loadtests.arrivals import seed_of
from loadtests.scenario import BUNDLED, Scenario, read_scenario
from loadtests.session import Viewer

RENDITIONS = {"lowest": "100%"}


def scene(code: str = "id", access: str = "mobile", starts_at: str | None = None, **audience: Any) -> Scenario:
    """One region with one cohort called ``people``; shaped in full from Singapore unless told otherwise."""
    data = read_scenario(BUNDLED).model_dump(mode="json")
    cohort = {"share": "100%", "access": access, "renditions": RENDITIONS, **audience.pop("cohort", {})}
    region = {"share": "100%", "cohorts": {"people": cohort}, "shaping": "full", "pop": "singapore"} | audience
    data |= {"regions": {code: region}, "launch": {}, "starts_at": starts_at}
    return Scenario.model_validate(data)


def person(number: int, code: str = "id", join_at: float = 0.0) -> Viewer:
    """A viewer of that region with a seed of its own."""
    return Viewer(number, code, "people", "lowest", "http://x/", join_at, join_at + 60, 0.0, seed_of(7, number))
