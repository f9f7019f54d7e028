"""Runs one rehearsal from the process that Locust's master (or only) runner lives in.

Hands each worker its share, collects their reports into the journal, says how many viewers the plan has present,
and ends the run: everybody leaves, last reports come in, the footer is written. Locust's own stop goes on after.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from typing import Any, Final

import gevent
from locust.env import Environment
from locust.runners import MasterRunner

from loadtests.arrivals import Headcount, arrivals
from loadtests.errors import InputError, SurgecastError
from loadtests.journal import SILENCE, Journal, run_id
from loadtests.limits import HERE, NOTHING, Machine, Need
from loadtests.results import Ending, Footer, Generator, Window
from loadtests.run import RUN_FILE
from loadtests.scenario import Scenario
from loadtests.wiring.assignment import GRIEF, Assignment, Report
from loadtests.wiring.injector import Injector
from loadtests.wiring.locust_stats import add_windows
from loadtests.wiring.seats import count_seats
from loadtests.wiring.stopping import asked_to_abort, interrupts_go_to_main
from loadtests.wiring.worker import DRAIN, Worker

BEGIN, FINISH, REPORT = "surgecast_begin", "surgecast_finish", "surgecast_report"
STEP_BACK: Final = 5
"""How much nicer a master is than its workers: with 5 it gets a quarter of a core that both want (sched(7))."""
LEAD: Final = 1.0
"""Seconds between telling the workers and run second zero, so that all start together."""
TAIL: Final = 0.5
"""Seconds after the planned end before the run is ended: the last leavers close their requests."""


class Director:
    """One process's view of the run; ``observe`` sees every second as it is written.

    ``machine`` is what this process may use of its own, where it drives viewers itself; ``need`` is
    what the workers on other machines hold theirs against.
    """

    def __init__(
        self,
        environment: Environment,
        scenario: Scenario,
        out: Path | None,
        observe: Callable[[int, list[Window], list[Generator]], None],
        machine: Machine = HERE,
        need: Need = NOTHING,
    ) -> None:
        interrupts_go_to_main()
        count_seats()
        self._machine, self._need = machine, need
        self.environment, self.scenario, self._out, self._observe = environment, scenario, out, observe
        self.journal: Journal | None = None
        self.footer: Footer | None = None
        self._worker: Worker | None = None
        self._greenlets: list[gevent.Greenlet] = []
        self._ending: Ending | None = None
        self._stepped_back = False
        self._failed = False
        """Whether the start just tried came to nothing."""

    # -- begin ----------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """A Locust test starts: open the journal, hand out the shares."""
        self._epoch = time.time() + LEAD
        self._ending, self.footer = None, None
        names = self._worker_names()
        journal = Journal(self._new_folder(), self.scenario, self._epoch, tuple(names.values()), self._observe)
        try:
            journal.open()
        except OSError as error:
            self._fail(f"{journal.folder}: the run cannot be written: {error.strerror}")
            return
        self.journal = journal
        self._headcount = Headcount(arrivals(self.scenario))
        for index, (client, name) in enumerate(names.items()):
            self._assign(client, self._assignment(index, len(names), name))
        self._greenlets.append(gevent.spawn(self._keep_flushing))
        self._injector = Injector(self.scenario.faults, journal.note, lambda: self.now)
        self._greenlets += self._injector.start()

    def _new_folder(self) -> Path:
        """Where this start writes; a second start from the web UI does not overwrite the first."""
        if self._out is None:
            return Path("runs") / run_id(self.scenario, datetime.fromtimestamp(self._epoch, UTC))
        later = (self._out.with_name(f"{self._out.name}-{number}") for number in count(2))
        return next(folder for folder in chain([self._out], later) if not (folder / RUN_FILE).exists())

    def _fail(self, message: str) -> None:
        """No load without a record: say why, and have Locust stop."""
        sys.stderr.write(f"surgecast: {message}\n  → give another --out\n")
        self._failed = True
        self.environment.process_exit_code = InputError.exit_code

    def _worker_names(self) -> dict[str, str]:
        runner = self.environment.runner
        if not isinstance(runner, MasterRunner):
            return {"local": "worker-0"}
        if not self._stepped_back:
            self._stepped_back = True
            os.nice(STEP_BACK)  # where cores are few, workers go first: a master may be late, a viewer may not
        clients = runner.clients.ready + runner.clients.spawning + runner.clients.running
        return {client.id: f"worker-{index}" for index, client in enumerate(clients)}

    def _assignment(self, index: int, workers: int, name: str) -> Assignment:
        assert self.journal is not None
        return Assignment(
            run_id=self.journal.folder.name,
            scenario=self.scenario,
            index=index,
            workers=workers,
            worker=name,
            need=self._need,
            epoch=self._epoch,
        )

    def _assign(self, client: str, assignment: Assignment) -> None:
        runner = self.environment.runner
        if isinstance(runner, MasterRunner):
            runner.send_message(BEGIN, assignment.model_dump(mode="json"), client_id=client)
            return
        stats = self.environment.stats
        self._worker = Worker(
            assignment, self.collect, lambda windows: add_windows(stats, windows), machine=self._machine
        )
        self._greenlets.append(gevent.spawn(self._worker.run))
        self._greenlets[-1].link_exception(self._crashed)

    def _crashed(self, greenlet: gevent.Greenlet) -> None:
        """The worker came to grief, which gevent has told already: end the run, for nobody drives it any more."""
        self._broken("worker-0", f"{GRIEF}: {greenlet.exception!r}", SurgecastError.exit_code)

    def _broken(self, worker: str, why: str, code: int) -> None:
        """A worker drives nobody, or nobody any more: the run cannot be whole, so it ends."""
        assert self.journal is not None
        sys.stderr.write(f"surgecast: {worker}: {why}\n")
        self.journal.note(self.now, "worker_failed", f"{worker}: {why}", worker=worker)
        self._ending = "failed"
        self.environment.process_exit_code = code

    def _keep_flushing(self) -> None:
        while self.journal is not None:
            self.journal.flush(self.now)
            if (reason := asked_to_abort(self.journal.folder)) and self._ending is None:
                self.journal.note(self.now, "aborted", reason)
                self._ending = "aborted"
            gevent.sleep(1.0)

    # -- while it runs --------------------------------------------------------------------------------------------

    @property
    def now(self) -> float:
        """Run seconds."""
        return time.time() - self._epoch

    def seats(self) -> int | None:
        """Viewers the plan has present a second from now; None when the run is over."""
        if self.journal is None:
            failed, self._failed = self._failed, False
            return None if failed else 1
        self._ending = self._ending or self._planned_ending()
        return None if self._ending else self._headcount.at(self.now + 1.0)

    def _planned_ending(self) -> Ending | None:
        if self.now >= self.scenario.surge.duration + TAIL:
            return "finished"
        limit = self._run_time()
        return "run_time" if limit and self.now >= limit else None

    def _run_time(self) -> float:
        options = self.environment.parsed_options
        return float(options.run_time or 0) if options else 0.0

    def collect(self, report: Report) -> None:
        """A worker reports."""
        if self.journal is not None and report.run_id == self.journal.folder.name:
            self.journal.collect(report.worker, report.until, report.unpack(), self.now, last=report.last)
            if report.failure and self._ending is None:
                self._broken(report.worker, report.failure, report.exit_code)

    def on_report(self, msg: Any, **_: object) -> None:
        """A remote worker's report, as Locust delivers it."""
        self.collect(Report.model_validate(msg.data))

    # -- end ------------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Locust is about to stop the test: end the run first. The footer is written whatever happens."""
        if self.journal is None:
            return
        gevent.killall(self._greenlets)
        self._greenlets.clear()
        try:
            self._injector.finish()
            self._finish_workers()
        finally:
            self.footer = self.journal.close(self._ending or self._why_early(), self.now)
            self.folder, self.journal = self.journal.folder, None

    def _why_early(self) -> Ending:
        options = self.environment.parsed_options
        return "interrupted" if options and options.headless else "stopped"

    def _finish_workers(self) -> None:
        assert self.journal is not None
        if self._worker is not None:
            self._worker.finish()
            return
        runner = self.environment.runner
        assert isinstance(runner, MasterRunner)
        runner.send_message(FINISH)
        deadline = time.monotonic() + DRAIN + SILENCE
        while self.journal.awaited and time.monotonic() < deadline:
            gevent.sleep(0.05)
            self.journal.flush(self.now)
