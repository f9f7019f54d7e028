"""A Locust worker process: drives the share it is given, and reports to the director."""

from __future__ import annotations

import os
import sys
from copy import copy
from functools import cache
from typing import Any

import gevent
from locust import argument_parser
from locust.env import Environment
from locust.runners import WorkerRunner

from loadtests.errors import InputError
from loadtests.limits import Machine, check, limits_here, load_of
from loadtests.wiring.assignment import GRIEF, Assignment, Report
from loadtests.wiring.director import REPORT
from loadtests.wiring.locust_stats import add_windows
from loadtests.wiring.options import machine_of
from loadtests.wiring.seats import count_seats
from loadtests.wiring.stopping import interrupts_go_to_main, leave_with
from loadtests.wiring.worker import Worker


def remember_defaults() -> None:
    """Have Locust build its table of default options once.

    For each option of each spawn message it builds a whole parser (2.47, `WorkerRunner.handle_message`): 64 of them
    make 70 ms, or 700 ms on a busy machine, in which the worker serves nobody, in every second that seats change.
    """
    argument_parser.default_args_dict = cache(argument_parser.default_args_dict)
    argument_parser.default_args_dict()


class Follower:
    """Waits for assignments; one at a time."""

    def __init__(self, environment: Environment, runner: WorkerRunner) -> None:
        interrupts_go_to_main()
        remember_defaults()
        count_seats()
        if environment.parsed_options and environment.parsed_options.processes:
            gevent.spawn(leave_with, os.getppid())
        self._environment, self._runner = environment, runner
        self._options = copy(environment.parsed_options)  # with a spawn message the master's replace them
        self._processes = getattr(self._options, "processes", 0) or 1
        self._worker: Worker | None = None
        self._greenlet: gevent.Greenlet | None = None

    def on_begin(self, msg: Any, **_: object) -> None:
        """The director hands out a share."""
        self.finish()
        assignment = Assignment.model_validate(msg.data)
        try:
            machine = machine_of(self._options)
            self._tell_limits(assignment, machine)
        except InputError as error:  # the master has counted on us already: it has to be told
            sys.stderr.write(f"surgecast: {error}\n")
            self._send(Report.of_failure(assignment, str(error), error.exit_code))
            return
        stats = self._environment.stats
        self._worker = Worker(assignment, self._send, lambda windows: add_windows(stats, windows), machine)
        self._greenlet = gevent.spawn(self._worker.run)
        self._greenlet.link_exception(
            lambda greenlet: self._send(Report.of_failure(assignment, f"{GRIEF}: {greenlet.exception!r}"))
        )

    def _tell_limits(self, assignment: Assignment, machine: Machine) -> None:
        """Hold this machine's limits against its share of the peak; InputError where it cannot fit."""
        resolve = assignment.scenario.target.resolve
        load = load_of(assignment.need, processes=self._processes, of=assignment.workers, resolve=resolve)
        for warning in check(load, machine, limits_here()):
            sys.stderr.write(f"surgecast: {assignment.worker}: {warning}\n")

    def on_finish(self, **_: object) -> None:
        """The director ends the run."""
        self.finish()

    def finish(self) -> None:
        """End the share and send the last report; nothing when there is none."""
        worker, self._worker = self._worker, None
        greenlet, self._greenlet = self._greenlet, None
        if worker is None:
            return
        if greenlet is not None:
            if greenlet.exception is not None:
                return  # it came to grief: without a last report the director counts this worker as lost
            greenlet.kill()
        worker.finish()

    def _send(self, report: Report) -> None:
        self._runner.send_message(REPORT, report.model_dump(mode="json"))
