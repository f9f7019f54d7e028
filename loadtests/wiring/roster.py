"""The workers of a run as Locust's master knows them: the roll call before it, and messages to one or all of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any, Final

import gevent
from locust.runners import MasterRunner

from loadtests.errors import InputError
from loadtests.homes import Homes
from loadtests.preflight import PATIENCE, Look
from loadtests.region import Frozen
from loadtests.scenario import Scenario
from loadtests.wiring.messages import CALL, HERE_I_AM, LOOK, SEEN, Call, LookThere, Present, SeenThere

ANSWER: Final = 5.0
"""Seconds in which a worker answers the roll call: as long as it may be silent later."""


class Roster:
    """Names the workers in the order in which they came, and talks to them."""

    def __init__(self, runner: MasterRunner) -> None:
        self._runner = runner
        self._clients: dict[str, str] = {}
        self._present: dict[str, Present] = {}
        self._seen: dict[str, SeenThere] = {}
        runner.register_message(HERE_I_AM, self._on_present)
        runner.register_message(SEEN, self._on_seen)

    def call(self, run_id: str) -> dict[str, tuple[str, ...]]:
        """The labels of every worker that answers, by its name; InputError where none does."""
        clients = self._runner.clients
        ready = [client.id for client in clients.ready + clients.spawning + clients.running]
        self._present = {}
        for client in ready:
            self.send_to(client, CALL, Call(run_id=run_id))
        self._wait(lambda: all(client in self._present for client in ready), ANSWER)
        there = [client for client in ready if client in self._present]
        if not there:
            raise InputError("no worker answers", hint="start workers of the same version of surgecast")
        self._clients = {f"worker-{number}": client for number, client in enumerate(there)}
        return {name: self._present[client].labels for name, client in self._clients.items()}

    def look(self, run_id: str, scenario: Scenario, regions: Iterable[str], homes: Homes) -> dict[str, Look]:
        """What the targets of some regions look like from a worker that carries each; TargetError as it says."""
        eyes = {region: (scenario.targets[region], homes.regions[region][0]) for region in regions}
        first = {eye: region for region, eye in reversed(eyes.items())}
        self._seen = {}
        for (_, worker), region in first.items():
            self.send(worker, LOOK, LookThere(run_id=run_id, scenario=scenario, region=region))
        self._wait(lambda: set(first.values()) <= set(self._seen), PATIENCE + ANSWER)
        if silent := set(first.values()) - set(self._seen):
            raise InputError(f"no worker says what it sees of {', '.join(sorted(silent))}", hint="see the worker's log")
        return {region: self._seen[first[eye]].look() for region, eye in eyes.items()}

    def name_of(self, client: str) -> str:
        """The worker's name; empty for one that takes no part."""
        return next((name for name, known in self._clients.items() if known == client), "")

    def send(self, worker: str, kind: str, what: Frozen | None = None) -> None:
        """Tell a worker something."""
        self.send_to(self._clients[worker], kind, what)

    def send_to(self, client: str, kind: str, what: Frozen | None) -> None:
        """Tell one of Locust's clients something, whether it takes part or not."""
        self._runner.send_message(kind, what.model_dump(mode="json") if what else None, client_id=client)

    def _wait(self, done: Callable[[], bool], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not done() and time.monotonic() < deadline:
            gevent.sleep(0.02)

    def _on_present(self, msg: Any, **_: object) -> None:
        self._present[msg.node_id] = Present.model_validate(msg.data)

    def _on_seen(self, msg: Any, **_: object) -> None:
        seen = SeenThere.model_validate(msg.data)
        self._seen[seen.region] = seen
