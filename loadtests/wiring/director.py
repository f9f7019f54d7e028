"""Runs one rehearsal from the process that Locust's master (or only) runner lives in.

Hands each worker its share, collects their reports into the journal, says how many viewers the plan has present,
and ends the run: everybody leaves, last reports come in, the footer is written. Locust's own stop goes on after.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from itertools import chain, count
from pathlib import Path
from typing import Any, Final

import gevent
from locust.env import Environment
from locust.runners import MasterRunner

from loadtests.arrivals import Headcount, arrivals
from loadtests.errors import InputError, SurgecastError
from loadtests.estimate import describe, egress
from loadtests.homes import Homes, deal
from loadtests.journal import SILENCE, Journal, run_id
from loadtests.limits import HERE, NOTHING, Machine, Need
from loadtests.needs import needs_of
from loadtests.preflight import Look, seen_stream
from loadtests.reaching import reach_of_all
from loadtests.results import Ending, Footer, Gap, Generator, Window
from loadtests.run import RUN_FILE
from loadtests.scenario import Scenario
from loadtests.wiring.assignment import GRIEF, Assignment, Report
from loadtests.wiring.injector import Injector
from loadtests.wiring.locust_stats import add_windows
from loadtests.wiring.lookout import Lookout
from loadtests.wiring.losses import Losses
from loadtests.wiring.messages import BEGIN, FINISH, HEARD, REHOME, REPORT, Heard, Rehome
from loadtests.wiring.roster import Roster
from loadtests.wiring.seats import count_seats
from loadtests.wiring.stopping import asked_to_abort, interrupts_go_to_main
from loadtests.wiring.worker import DRAIN, Worker

STEP_BACK: Final = 5
"""How much nicer a master is than its workers: with 5 it gets a quarter of a core that both want (sched(7))."""
LEAD: Final = 1.0
"""Seconds between telling the workers and run second zero, so that all start together."""
PERIOD: Final = 0.5
"""Seconds between two looks after the workers: what one that leaves costs its viewers."""
HELD_UP: Final = 1.0
"""Seconds by which such a look is late when this process itself was held up."""
TAIL: Final = 0.5
"""Seconds after the planned end before the run is ended: the last leavers close their requests."""


class Director:
    """One process's view of the run; ``observe`` sees every second as it is written.

    ``machine`` is what this process may use of its own, where it drives viewers itself; ``seen`` is what the targets
    of the regions look like. What it lacks, the workers look at before the run.
    """

    def __init__(
        self,
        environment: Environment,
        scenario: Scenario,
        out: Path | None,
        observe: Callable[[int, list[Window], list[Generator]], None],
        machine: Machine = HERE,
        seen: Mapping[str, Look] | None = None,
    ) -> None:
        interrupts_go_to_main()
        count_seats()
        self._machine, self._seen = machine, dict(seen) if seen is not None else None
        self.environment, self.scenario, self._out, self._observe = environment, scenario, out, observe
        self.journal: Journal | None = None
        self.footer: Footer | None = None
        self._worker: Worker | None = None
        self._greenlets: list[gevent.Greenlet] = []
        self._ending: Ending | None = None
        self._stepped_back = self._failed = self._over = False
        """Whether this process has made way for its workers, the start just tried came to nothing, the run ends."""
        runner = environment.runner
        self._roster = Roster(runner) if isinstance(runner, MasterRunner) else None
        if isinstance(runner, MasterRunner):
            runner.register_message(REPORT, self.on_report)

    # -- begin ----------------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """A Locust test starts: call the roll, deal the viewers, open the journal, hand out the shares."""
        self._ending, self.footer, self._over = None, None, False
        try:
            homes, needs = self._deal()
            self._open(homes)
        except SurgecastError as error:
            self._fail(error)
            return
        self._losses, self._ticked = Losses(homes), self.now
        self._headcount = Headcount(arrivals(self.scenario))
        for index, name in enumerate(self._names):
            self._assign(self._assignment(name, homes, index / len(self._names), needs.get(name, NOTHING)))
        self._greenlets.append(gevent.spawn(self._look_after))
        assert self.journal is not None
        self._injector = Injector(self.scenario.faults, self.journal.note, lambda: self.now)
        self._lookout = Lookout(self.scenario, self.journal.observed, self.journal.note, self._epoch)
        self._greenlets += [*self._injector.start(), *self._lookout.start()]

    def _deal(self) -> tuple[Homes, dict[str, Need]]:
        """Who drives whom, and what that asks of each at the peak; InputError where it cannot be."""
        workers = self._call()
        self._names = tuple(workers)
        homes = deal(self.scenario.regions, workers)
        for name, labels in workers.items():
            reach_of_all(self.scenario, homes.carried(name))
            if not homes.carried(name):
                why = f"its labels ({', '.join(labels)}) are no regions of it" if labels else "all regions have others"
                sys.stderr.write(f"surgecast: {name} carries nobody in this scenario: {why}\n")
        seen = self._look(homes)
        return homes, needs_of(self.scenario, homes, seen) if self._roster is not None and seen else {}

    def _call(self) -> dict[str, tuple[str, ...]]:
        if self._roster is None:
            return {"worker-0": ()}
        if not self._stepped_back:
            self._stepped_back = True
            os.nice(STEP_BACK)  # where cores are few, workers go first: a master may be late, a viewer may not
        return self._roster.call(self.scenario.name)

    def _look(self, homes: Homes) -> dict[str, Look]:
        """What the targets look like; those not seen from here are looked at from where they are watched."""
        if self._seen is None:
            return {}
        far = [region for region in self.scenario.regions if region not in self._seen]
        if far and self._roster is not None:
            found = self._roster.look(self.scenario.name, self.scenario, far, homes)
            bitrates = {region: look.bitrates for region, look in (self._seen | found).items()}
            sys.stderr.write(describe(egress(self.scenario, bitrates)) + "\n")
            self._seen |= found
        return self._seen

    def _open(self, homes: Homes) -> None:
        self._epoch = time.time() + LEAD
        carried = {name: homes.carried(name) for name in self._names}
        streams = {region: seen_stream(look) for region, look in (self._seen or {}).items()}
        journal = Journal(self._new_folder(), self.scenario, self._epoch, self._names, self._observe, carried, streams)
        try:
            journal.open()
        except OSError as error:
            raise InputError(
                f"{journal.folder}: the run cannot be written: {error.strerror}", hint="give another --out"
            ) from error
        self.journal = journal

    def _new_folder(self) -> Path:
        """Where this start writes; a second start from the web UI does not overwrite the first."""
        if self._out is None:
            return Path("runs") / run_id(self.scenario, datetime.fromtimestamp(self._epoch, UTC))
        later = (self._out.with_name(f"{self._out.name}-{number}") for number in count(2))
        return next(folder for folder in chain([self._out], later) if not (folder / RUN_FILE).exists())

    def _fail(self, error: SurgecastError) -> None:
        """No load without a record, nor with viewers that nobody carries: say why, and have Locust stop."""
        sys.stderr.write(f"surgecast: {error}\n")
        self._failed = True
        self.environment.process_exit_code = error.exit_code

    def _assignment(self, name: str, homes: Homes, late: float, need: Need) -> Assignment:
        assert self.journal is not None
        return Assignment(
            run_id=self.journal.folder.name,
            scenario=self.scenario,
            homes=homes,
            worker=name,
            late=late,
            need=need,
            epoch=self._epoch,
            leased=self._roster is not None,
        )

    def _assign(self, assignment: Assignment) -> None:
        if self._roster is not None:
            self._roster.send(assignment.worker, BEGIN, assignment)
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
        if self.journal is None or report.run_id != self.journal.folder.name:
            return
        self.journal.collect(report.worker, report.until, report.unpack(), self.now, last=report.last)
        if report.leaving and not self._over:
            self.journal.leave(report.worker, report.sent_at, report.leaving)
        for part in report.taken:
            self._tell(self._losses.taken(report.worker, part))
        if report.failure and self._ending is None:
            self._broken(report.worker, report.failure, report.exit_code)

    def on_report(self, msg: Any, **_: object) -> None:
        """A remote worker's report, as Locust delivers it. It is told that it was heard, or given up."""
        report = Report.model_validate(msg.data)
        self.collect(report)
        if self.journal is None or report.run_id != self.journal.folder.name or report.last or report.leaving:
            return
        assert self._roster is not None
        if report.worker in self.journal.lost:
            self._roster.send_to(msg.node_id, FINISH, None)
        else:
            self._roster.send_to(msg.node_id, HEARD, Heard(run_id=report.run_id, sent_at=report.sent_at))

    # -- lost workers ---------------------------------------------------------------------------------------------

    def _look_after(self) -> None:
        """Write what is whole, and see to the viewers of workers that fell silent or left."""
        while self.journal is not None:
            held_up = self.now - self._ticked - PERIOD
            if held_up > HELD_UP:
                self.journal.forgive(held_up)
            self._ticked = self.now
            self.journal.flush(self.now)
            if (reason := asked_to_abort(self.journal.folder)) and self._ending is None:
                self.journal.note(self.now, "aborted", reason)
                self._ending = "aborted"
            self._rehome()
            gevent.sleep(PERIOD)

    def _rehome(self) -> None:
        """Deal the viewers of lost workers to the others; where nobody may carry them, the run is over."""
        assert self.journal is not None
        if self._losses.homes.abandoned and self._ending is None:
            sys.stderr.write(f"surgecast: nobody is left to carry {', '.join(self._losses.homes.abandoned)}\n")
            self._ending = "worker_lost"
        lost = [worker for worker in self.journal.lost if worker not in self._losses.homes.lost]
        for worker in lost:
            sys.stderr.write(f"surgecast: {worker} is lost; its viewers move to the workers that may carry them\n")
            self._tell(self._losses.lose(worker, self.journal.lost[worker], self.now))
        if lost and self._roster is not None:
            told = Rehome(run_id=self.journal.folder.name, homes=self._losses.homes)
            for worker in set(self._names) - set(told.homes.lost):
                self._roster.send(worker, REHOME, told)

    def _tell(self, gaps: Iterable[Gap]) -> None:
        """The viewers of a lost worker are back."""
        assert self.journal is not None
        for gap in gaps:
            text = f"{sum(gap.viewers.values())} viewers of {gap.worker} are back after {gap.until - gap.since} s"
            sys.stderr.write(f"surgecast: {text}\n")
            self.journal.note(self.now, "rehomed", text, **gap.model_dump(mode="json"))

    # -- end ------------------------------------------------------------------------------------------------------

    def finish(self) -> None:
        """Locust is about to stop the test: end the run first. The footer is written whatever happens."""
        if self.journal is None:
            return
        self._over = True
        gevent.killall(self._greenlets)
        self._greenlets.clear()
        try:
            self._lookout.finish()
            self._injector.finish()
            self._finish_workers()
        finally:
            ending = self._ending or self._why_early()
            self.footer = self.journal.close(ending, self.now, self._losses.gaps(self.now))
            self.folder, self.journal = self.journal.folder, None

    def _why_early(self) -> Ending:
        options = self.environment.parsed_options
        return "interrupted" if options and options.headless else "stopped"

    def _finish_workers(self) -> None:
        assert self.journal is not None
        if self._worker is not None:
            self._worker.finish()
            return
        assert self._roster is not None
        for worker in self._names:
            self._roster.send(worker, FINISH)
        deadline = time.monotonic() + DRAIN + SILENCE
        while self.journal.awaited and time.monotonic() < deadline:
            gevent.sleep(0.05)
            self.journal.flush(self.now)
