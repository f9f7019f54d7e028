"""Plain Locust: ``locust -f loadtests/locustfile.py --scenario loadtests/scenarios/viral-goal.yaml``. Wiring only."""

from __future__ import annotations

import sys
from typing import Any

from locust import events
from locust.runners import MasterRunner, WorkerRunner

from loadtests.errors import SurgecastError
from loadtests.estimate import describe, egress
from loadtests.limits import Need, check, limits_here, load_of, peak_of
from loadtests.preflight import look
from loadtests.progress import Progress, summary_to_log
from loadtests.wiring.director import BEGIN, FINISH, REPORT, Director
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
    seen = look(scenario, machine)
    need, workers = Need(peak_of(scenario), seen.origins), options.processes or 1
    if options.processes or not isinstance(runner, MasterRunner):  # workers elsewhere look at their own machine
        load = load_of(need, processes=workers, of=workers, resolve=scenario.target.resolve)
        for warning in check(load, machine, limits_here()):
            sys.stderr.write(f"surgecast: {warning}\n")
    sys.stderr.write(describe(egress(scenario, seen.bitrates)) + "\n")
    progress = Progress(scenario)
    director = Director(environment, scenario, folder, progress.observe, machine, need)
    Surge.plan.append(director.seats)
    if isinstance(runner, MasterRunner):
        runner.register_message(REPORT, director.on_report)
    if options.progress:
        summary_to_log()
        environment.events.test_start.add_listener(lambda **_: progress.start())
        environment.events.test_stop.add_listener(lambda **_: progress.stop())
    environment.events.test_start.add_listener(lambda **_: director.begin())
    environment.events.test_stopping.add_listener(lambda **_: director.finish())


def _follow(environment: Any, runner: WorkerRunner) -> None:
    follower = Follower(environment, runner)
    runner.register_message(BEGIN, follower.on_begin)
    runner.register_message(FINISH, follower.on_finish, concurrent=True)
    environment.events.test_stopping.add_listener(lambda **_: follower.finish())
    environment.events.quitting.add_listener(lambda **_: follower.finish())


def _add_options(parser: Any) -> None:
    add_options(parser)


events.init_command_line_parser.add_listener(_add_options)  # type: ignore[no-untyped-call]
events.init.add_listener(_init)  # type: ignore[no-untyped-call]
