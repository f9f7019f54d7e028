"""Does a scenario's faults at their times, by the run's own clock, and notes each as it happens.

    Director second zero ──► Injector ──┬─► StageOrder ──► the stage's control socket
                                        └─► CommandOrder ─► a process of the user's own

A fault that could not be done is noted too: the advisor must not take a run for a test that it was not. What was
begun is ended, also when the run ends first.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import time
from collections.abc import Callable
from typing import Any, Final, Protocol

import gevent
from gevent import subprocess

from loadtests.errors import InputError
from loadtests.faults import CONTROL, CommandOrder, Fault, Order, StageOrder, Step
from loadtests.scenario import Scenario

BEGINS, ENDS = "fault_begins", "fault_ends"
COMMAND_LIMIT: Final = 30.0
"""Seconds that a command may take; then it is killed and counts as not done."""
STAGE_LIMIT: Final = 30.0
"""Seconds for an answer of the stage: a node may take fifteen to start."""


class Noting(Protocol):
    """Where a note goes: `Journal.note`."""

    def __call__(self, at: float, kind: str, text: str, **data: object) -> None:
        """Append it at once."""


def check_faults(scenario: Scenario, *, run_commands: bool) -> None:
    """InputError where the faults of a scenario cannot be done from here; called before any load."""
    steps = [step for fault in scenario.faults for step in (fault.begins(), fault.ends()) if step]
    commands = [step.order for step in steps if isinstance(step.order, CommandOrder)]
    if commands and not run_commands:
        programs = ", ".join(sorted({one.argv[0] for one in commands}))
        raise InputError(
            f"the scenario's faults run commands on this machine: {programs}",
            hint="read them; if they may run, add --run-fault-commands",
        )
    for command in commands:
        if shutil.which(command.argv[0]) is None:
            raise InputError(
                f"faults: there is no program {command.argv[0]!r} here", hint="give its path, or install it"
            )
    if not os.environ.get(CONTROL) and any(isinstance(step.order, StageOrder) for step in steps):
        raise InputError(
            "the scenario's faults are done to the embedded stage, and none was started for this run",
            hint="use `surgecast rehearse`, or for another target faults of the kind 'command'",
        )


class Injector:
    """The faults of one run; ``clock`` tells its seconds."""

    def __init__(self, faults: tuple[Fault, ...], note: Noting, clock: Callable[[], float]) -> None:
        self._faults, self._note, self._clock = faults, note, clock
        self._open: dict[int, Fault] = {}
        """Begun, and not ended yet."""

    def start(self) -> list[gevent.Greenlet]:
        """One greenlet a fault: a node that is slow to start holds up nothing else."""
        return [gevent.spawn(self._live, index, fault) for index, fault in enumerate(self._faults)]

    def finish(self) -> None:
        """The run is over: end what its greenlets have begun. Call it when they are gone."""
        greenlets = [gevent.spawn(self._end, index) for index in list(self._open)]
        gevent.joinall(greenlets)

    def _live(self, index: int, fault: Fault) -> None:
        self._sleep_until(fault.at)
        if fault.ends() is not None:
            self._open[index] = fault
        self._do(index, fault, BEGINS, fault.begins(), fault.at)
        if index in self._open:
            self._sleep_until(fault.ends_at)
            self._end(index)

    def _end(self, index: int) -> None:
        fault = self._open[index]
        step = fault.ends()
        assert step is not None
        self._do(index, fault, ENDS, step, fault.ends_at)
        self._open.pop(index, None)

    def _sleep_until(self, at: float) -> None:
        while (left := at - self._clock()) > 0:
            gevent.sleep(left)

    def _do(self, index: int, fault: Fault, kind: str, step: Step, planned: float) -> None:
        """A beginning is noted at the time it was asked for, an end at the time it was done."""
        asked = self._clock()
        try:
            problem = _problem(step.order)
        except gevent.GreenletExit:
            self._tell(fault, index, kind, step, planned, asked, "the run was ended while it was being done")
            raise
        self._tell(fault, index, kind, step, planned, asked, problem)

    def _tell(
        self, fault: Fault, index: int, kind: str, step: Step, planned: float, asked: float, problem: str
    ) -> None:
        took = self._clock() - asked
        name = fault.plugin_name()
        text = f"{name}: {f'NOT done: {problem}' if problem else step.text}"
        data: dict[str, Any] = {"fault": name, "index": index, "planned": planned, "took": round(took, 3)}
        data |= {"recover_within": fault.recover_within, "problem": problem}
        self._note(asked if kind == BEGINS else asked + took, kind, text, **data)


def _problem(order: Order | None) -> str:
    """Carry out an order; why it could not be done, empty when it was."""
    try:
        match order:
            case StageOrder():
                return _ask_stage(order)
            case CommandOrder():
                return _run(order)
            case None:
                return ""
    except (OSError, ValueError) as error:
        return f"{type(error).__name__}: {error}"


def _ask_stage(order: StageOrder) -> str:
    with socket.socket(socket.AF_UNIX) as line:
        line.settimeout(STAGE_LIMIT)
        line.connect(os.environ.get(CONTROL, ""))
        line.sendall(order.model_dump_json().encode() + b"\n")
        with line.makefile("rb") as answers:
            return str(json.loads(answers.readline())["problem"])


def _run(order: CommandOrder) -> str:
    """Why it failed, empty when it did not. What it says goes to our own stderr: it may repeat its arguments.

    No pipe is read, so that nothing it leaves behind can hold the run up.
    """
    began = time.monotonic()
    child = subprocess.Popen(  # the user's own command, allowed by a flag of its own, without a shell
        order.argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
    )
    try:
        code = child.wait(COMMAND_LIMIT)
    except (subprocess.TimeoutExpired, gevent.GreenletExit) as end:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        if isinstance(end, gevent.GreenletExit):
            raise  # what it began must not go on behind the back of the command that mends it
        return f"{order.argv[0]} was killed after {time.monotonic() - began:.0f} s: it must end by itself"
    return f"{order.argv[0]} ended with {code}; what it said is in locust.log or on the terminal" if code else ""
