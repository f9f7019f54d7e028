"""One advice on EC2 nodes, as the variables of it are asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from advisor.advice import Advice
from advisor.advising import advise
from advisor.carrying.exporting import Written
from advisor.carrying.terraform import export_variables
from advisor.own import Own
from loadtests.run import Run
from loadtests.scenario import Scenario
from tests.advisor.runs import Town, run_of

LAUNCH = {"node": "c7g.4xlarge", "offers": ["ec2"], "cdn": {"shield": True}, "scaling": {"pods_per_node": 2}}
URL = "https://origin.example.com/live/master.m3u8"


class Advised(NamedTuple):
    run: Run
    advice: Advice
    scenario: Scenario

    def export(self, folder: Path, carries: int = 9_800, **regions: Any) -> dict[str, Written]:
        """Written for each region; ``regions`` are replaced in the advice."""
        found = self.advice.model_copy(
            update={"regions": tuple(one.model_copy(update=regions) for one in self.advice.regions)}
        )
        each = dict.fromkeys(self.scenario.regions, carries)
        parts = export_variables(found, self.scenario, self.run.header.regions, each, folder)
        return {one.region: one for one in parts}


def advised(
    run: Run, launch: Mapping[str, Any] = LAUNCH, url: str = URL, own: Own | None = None, **changes: Any
) -> Advised:
    data = run.header.scenario.model_dump(mode="json") | changes
    data["launch"] |= launch
    data["target"] |= {"url": url, "resolve": []}
    scenario = Scenario.model_validate(data)
    changed = replace(run, header=run.header.model_copy(update={"scenario": scenario}))
    return Advised(run, advise([changed], own=own), scenario)


@pytest.fixture(scope="session")
def town(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return run_of(Town(seed=3), tmp_path_factory.mktemp("town"))


@pytest.fixture(scope="session")
def known(town: Run) -> Advised:
    """In a year that does not pass while this test is kept: AWS takes no schedule for the past."""
    return advised(town, starts_at="2099-12-05T19:30:00+07:00")
