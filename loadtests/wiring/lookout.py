"""Asks the servers under test how they are, beside the load and without disturbing it.

A loop of its own, with connections of its own, in the director: nothing that it does is counted as load. Each address
is asked at fixed times of the run; a server that does not answer leaves a gap and a note, never a number. Answers are
capped in time and size, redirects are not followed, and only hosts that the scenario claims are asked.
"""

from __future__ import annotations

import math
import os
import sys
import time
from collections.abc import Callable
from itertools import count
from typing import Final

import gevent

from loadtests.engine.loop import Loop
from loadtests.engine.visit import Visit
from loadtests.faults import CONTROL
from loadtests.observers import Ask, Observer
from loadtests.observers.stage import Stage
from loadtests.rates import target_of
from loadtests.reaching import reach_of
from loadtests.readings import Look
from loadtests.results import Line
from loadtests.scenario import Scenario
from loadtests.session import Failed, Get, Got, Session, Viewer, WaitUntil
from loadtests.wiring.injector import Noting

TIMEOUT: Final = 4.0
"""Seconds for an answer. A server under overload answers late, and then its answer is worth most."""
LARGEST: Final = 4 * 2**20
"""Bytes of an answer: what node_exporter says of a machine with hundreds of cores is one million."""
TICK: Final = 0.01
"""Seconds from one turn to the next; arrival times are the kernel's, so a turn that is late blurs nothing."""
SILENT, BACK = "observer_silent", "observer_back"


def observers_of(scenario: Scenario) -> tuple[Observer, ...]:
    """Who asks, in this run: those of the scenario, or for the stage that was started for this run its own."""
    target = scenario.target
    own = (Stage(),) if scenario.staging is not None and os.environ.get(CONTROL) else ()
    return tuple(one.beside(target.url, target.resolve) for one in target.observe or own)


class Lookout:
    """Looks after the nodes of one run. ``keep`` takes each line, ``note`` what goes wrong."""

    def __init__(self, scenario: Scenario, keep: Callable[[Line], None], note: Noting, epoch: float) -> None:
        self._observers, self._keep, self._note, self._epoch = observers_of(scenario), keep, note, epoch
        target = scenario.target
        reach = reach_of(target)._replace(hosts=target.observed_hosts)
        self._faults = 0
        """Of the loop's, those that are noted."""
        self.loop = Loop(reach=reach, begins=time.monotonic() + epoch - time.time())
        for observer in self._observers:
            for ask in observer.asks():
                viewer = Viewer(0, "observer", "observer", "lowest", ask.url, 0.0, math.inf, epoch)
                tally = self.loop.recorder.tally("observer", "observer")
                self.loop.admit(Visit(viewer, tally), self._look_at(observer, ask))

    def start(self) -> list[gevent.Greenlet]:
        """Its greenlet; none when there is nobody to ask."""
        return [gevent.spawn(self._run)] if self._observers else []

    def finish(self) -> None:
        """Close its connections. Call it when the greenlet is gone."""
        self.loop.cancel()

    def _run(self) -> None:
        while True:
            self.turn()
            gevent.sleep(TICK)

    def turn(self) -> None:
        """Go on with what is under way."""
        self.loop.step()
        self.loop.windows(self.loop.clock())  # its own requests are nobody's load
        self._own_up()

    def _own_up(self) -> None:
        """An error of ours ends the session that asks one address: that is a gap to the end, and never a silent one."""
        health = self.loop.health
        if health.faults > self._faults:
            self._faults = health.faults
            text = f"an error in surgecast ended {self._faults} of its looks at servers; first {health.first_fault!r}"
            self._note(self.loop.clock(), SILENT, text[:300], observer="", about="")
            sys.stderr.write(f"surgecast: observer: {text[:300]}\n")

    def _look_at(self, observer: Observer, ask: Ask) -> Session:
        before: dict[str, Look] = {}
        problem = ""
        for number in count():
            yield WaitUntil(number * observer.every)
            if self.loop.clock() >= (number + 1) * observer.every:
                continue  # the answer before took longer: no two at once
            reply = yield Get(ask.url, "home", True, LARGEST, TIMEOUT, TIMEOUT)
            assert isinstance(reply, Got | Failed)
            found = self._take(observer, ask, reply, before)
            if found != problem and bool(found) != bool(problem):
                self._tell(observer, ask, reply.at, found)
            problem = found

    def _take(self, observer: Observer, ask: Ask, reply: Got | Failed, before: dict[str, Look]) -> str:
        """Keep what an answer says; else why it says nothing. A node that it does not name has a gap from here."""
        known = dict(before)
        before.clear()
        if isinstance(reply, Failed):
            return f"{reply.reason}: {reply.detail}"
        if reply.status != 200:
            return f"answered {reply.status}"
        try:
            readings = observer.read(ask, reply.body.decode("utf-8", "replace"))
        except (ValueError, ArithmeticError) as error:  # numbers of a stranger: also those that no float holds
            return str(error)
        for node, reading in readings.items():
            look = Look((reply.started + reply.at) / 2, reply.at - reply.started, reading)
            line = target_of(node, observer.plugin_name(), known.get(node), look, self._epoch)
            before[node] = look
            if line is not None:
                self._keep(line)
        return "" if readings else "it names no node"

    def _tell(self, observer: Observer, ask: Ask, at: float, problem: str) -> None:
        name = f"{observer.plugin_name()} {ask.key}"
        text = f"{name}: {problem}" if problem else f"{name} answers again"
        self._note(at, SILENT if problem else BACK, text[:300], observer=observer.plugin_name(), about=ask.key)
        if problem:
            sys.stderr.write(f"surgecast: observer {text[:300]}\n")
