"""Plain Locust: ``locust -f loadtests/locustfile.py --scenario loadtests/scenarios/viral-goal.yaml``. Wiring only."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from locust import events
from locust.runners import MasterRunner, WorkerRunner

from loadtests.errors import SurgecastError
from loadtests.estimate import describe, egress
from loadtests.homes import deal
from loadtests.limits import Machine, check, limits_here, load_of
from loadtests.needs import needs_of
from loadtests.preflight import Look, looks
from loadtests.progress import Progress, summary_to_log
from loadtests.reaching import reach_of_all
from loadtests.scenario import Scenario
from loadtests.wiring.director import Director
from loadtests.wiring.follower import Follower
from loadtests.wiring.injector import check_faults
from loadtests.wiring.options import add_options, chosen_scenario, free_folder, machine_of
from loadtests.wiring.seats import LiveViewer, Surge
from loadtests.wiring.stopping import end_children

__all__ = ["LiveViewer", "Surge"]


def _init(environment: Any, runner: Any, **_: object) -> None:
    if isinstance(runner, WorkerRunner):
        _follow(environment, runner)
        return
    try:
        _direct(environment, runner)
    except SurgecastError as error:
        sys.stderr.write(f"surgecast: {error}\n")
        end_children()
        sys.exit(error.exit_code)


def _direct(environment: Any, runner: Any) -> None:
    options = environment.parsed_options
    scenario, folder, machine = chosen_scenario(options), free_folder(options.out), machine_of(options)
    check_faults(scenario, run_commands=options.run_fault_commands)
    workers = options.processes or 1
    elsewhere = isinstance(runner, MasterRunner) and not options.processes
    seen = looks(scenario, _near(scenario, elsewhere=elsewhere), machine)
    if not elsewhere:  # workers elsewhere look at their own machine
        _tell_limits(scenario, workers, seen, machine)
    if len(seen) == len(scenario.regions):  # else the workers see the others first
        bitrates = {region: look.bitrates for region, look in seen.items()}
        sys.stderr.write(describe(egress(scenario, bitrates)) + "\n")
    progress = Progress(scenario)
    director = Director(environment, scenario, folder, progress.observe, machine, seen)
    Surge.plan.append(director.seats)
    if options.progress:
        summary_to_log()
        environment.events.test_start.add_listener(lambda **_: progress.start())
        environment.events.test_stop.add_listener(lambda **_: progress.stop())
    environment.events.test_start.add_listener(lambda **_: director.begin())
    environment.events.test_stopping.add_listener(lambda **_: director.finish())


def _near(scenario: Scenario, *, elsewhere: bool) -> list[str]:
    """Regions whose target is looked at from here; workers elsewhere look at those of regions that have their own."""
    return [code for code, part in scenario.regions.items() if not (elsewhere and part.target)]


def _tell_limits(scenario: Scenario, workers: int, seen: Mapping[str, Look], machine: Machine) -> None:
    """Hold this machine's limits against the whole peak; InputError where it cannot fit."""
    alone = deal(scenario.regions, {"worker-0": ()})
    need = needs_of(scenario, alone, seen)["worker-0"]
    reach = reach_of_all(scenario, scenario.regions)
    for warning in check(load_of(need, processes=workers, of=workers, resolve=reach.resolve), machine, limits_here()):
        sys.stderr.write(f"surgecast: {warning}\n")


def _follow(environment: Any, runner: WorkerRunner) -> None:
    try:
        follower = Follower(environment, runner)
    except SurgecastError as error:
        sys.stderr.write(f"surgecast: {error}\n")
        sys.exit(error.exit_code)
    follower.listen()
    environment.events.test_stopping.add_listener(lambda **_: follower.leave())
    environment.events.quitting.add_listener(lambda **_: follower.leave())


def _add_options(parser: Any) -> None:
    add_options(parser)


events.init_command_line_parser.add_listener(_add_options)  # type: ignore[no-untyped-call]
events.init.add_listener(_init)  # type: ignore[no-untyped-call]
