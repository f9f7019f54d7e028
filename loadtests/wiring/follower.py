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

from loadtests.errors import InputError, SurgecastError
from loadtests.limits import Machine, check, limits_here, load_of
from loadtests.preflight import looks
from loadtests.reaching import reach_of_all
from loadtests.region import Frozen
from loadtests.wiring.assignment import GRIEF, Assignment, Report
from loadtests.wiring.locust_stats import add_windows
from loadtests.wiring.messages import (
    BEGIN,
    CALL,
    FINISH,
    HEARD,
    HERE_I_AM,
    LOOK,
    REHOME,
    REPORT,
    SEEN,
    Call,
    Heard,
    LookThere,
    Present,
    Rehome,
    SeenThere,
)
from loadtests.wiring.options import labels_of, machine_of
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
        self._labels = labels_of(self._options)
        self._worker: Worker | None = None
        self._run_id = ""
        self._greenlet: gevent.Greenlet | None = None

    def listen(self) -> None:
        """Take the director's messages."""
        take = self._runner.register_message
        take(CALL, self.on_call)
        take(LOOK, self.on_look, concurrent=True)
        take(BEGIN, self.on_begin)
        take(HEARD, self.on_heard)
        take(REHOME, self.on_rehome)
        take(FINISH, self.on_finish, concurrent=True)

    def on_call(self, msg: Any, **_: object) -> None:
        """The director calls the roll."""
        self._answer(HERE_I_AM, Present(run_id=Call.model_validate(msg.data).run_id, labels=self._labels))

    def on_look(self, msg: Any, **_: object) -> None:
        """The director wants to know what a target looks like from here."""
        wanted = LookThere.model_validate(msg.data)
        try:
            found = looks(wanted.scenario, [wanted.region], machine_of(self._options))[wanted.region]
            self._answer(SEEN, SeenThere(run_id=wanted.run_id, region=wanted.region, seen=found))
        except SurgecastError as error:
            self._answer(SEEN, SeenThere.refused(wanted, error))

    def on_begin(self, msg: Any, **_: object) -> None:
        """The director hands out a share."""
        self.finish()
        assignment = Assignment.model_validate(msg.data)
        stats, self._run_id = self._environment.stats, assignment.run_id
        try:
            machine = machine_of(self._options)
            self._tell_limits(assignment, machine)
            worker = Worker(assignment, self._send, lambda windows: add_windows(stats, windows), machine)
        except InputError as error:  # the master has counted on us already: it has to be told
            sys.stderr.write(f"surgecast: {error}\n")
            self._send(Report.of_failure(assignment, str(error), error.exit_code))
            return
        self._worker = worker
        self._greenlet = gevent.spawn(worker.run)
        self._greenlet.link_exception(
            lambda greenlet: self._send(Report.of_failure(assignment, f"{GRIEF}: {greenlet.exception!r}"))
        )

    def _tell_limits(self, assignment: Assignment, machine: Machine) -> None:
        """Hold this machine's limits against what its workers carry of the peak; InputError where it cannot fit."""
        reach = reach_of_all(assignment.scenario, assignment.homes.carried(assignment.worker))
        processes, need = self._processes, assignment.need
        need = need._replace(viewers=need.viewers * processes)
        load = load_of(need, processes=processes, of=processes, resolve=reach.resolve)
        for warning in check(load, machine, limits_here()):
            sys.stderr.write(f"surgecast: {assignment.worker}: {warning}\n")

    def on_heard(self, msg: Any, **_: object) -> None:
        """The director has heard a report."""
        heard = Heard.model_validate(msg.data)
        if self._worker is not None and heard.run_id == self._run_id:
            self._worker.heard(heard.sent_at)

    def on_rehome(self, msg: Any, **_: object) -> None:
        """A worker was lost, and some of its viewers may be ours now."""
        rehome = Rehome.model_validate(msg.data)
        if self._worker is not None and rehome.run_id == self._run_id:
            self._worker.rehome(rehome.homes)

    def on_finish(self, **_: object) -> None:
        """The director ends the run, or wants no more of this worker."""
        self.finish()

    def leave(self) -> None:
        """The process is to stop while the run goes on: its viewers move; nothing when there is no run."""
        self.finish(why="it was told to stop")

    def finish(self, why: str = "") -> None:
        """End the share and send the last report; nothing when there is none."""
        worker, self._worker = self._worker, None
        greenlet, self._greenlet = self._greenlet, None
        if worker is None:
            return
        if greenlet is not None:
            if greenlet.exception is not None:
                return  # it came to grief: without a last report the director counts this worker as lost
            greenlet.kill()
        worker.leave(why) if why else worker.finish()

    def _send(self, report: Report) -> None:
        self._answer(REPORT, report)

    def _answer(self, kind: str, what: Frozen) -> None:
        self._runner.send_message(kind, what.model_dump(mode="json"))
