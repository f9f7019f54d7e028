"""Our loop without Locust, its viewers behind last miles: one process; a line of JSON a second, and one a viewer.

``python -m benchmarks.rig.shaped PROFILE``, with the work named in the environment. The protocol *endless* is one body
that never ends, so that nothing but the last mile limits it; any other is one of ours.
"""

from __future__ import annotations

import gc
import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any, Final, cast

from benchmarks.rig.layers import Nothing
from benchmarks.rig.ours import scenario
from benchmarks.rig.profiles import Profile, profile
from benchmarks.rig.servers import ENDLESS
from benchmarks.rig.work import Work
from loadtests.arrivals import arrivals
from loadtests.engine.loop import Loop, Reach
from loadtests.engine.pace import PACKET
from loadtests.recorder import CohortTally, Recorder
from loadtests.session import Get, Session, Viewer, WaitUntil
from loadtests.wiring.worker import TICK

REST: Final = 3
"""Seconds in which the last to join are connected, though there be an outage."""
SECONDS: Final = "seconds.jsonl"
VIEWERS: Final = "viewers.json"


class Account(Nothing):
    """What one viewer got, second by second, and how far its first bytes were from what its last mile says."""

    def __init__(self, loop: Loop, start: int, end: int) -> None:
        super().__init__()
        self._loop, self._start, self._end = loop, start, end
        self.last_mile: Profile | None = None
        self.join_at = 0.0
        self.bytes: dict[int, int] = {}
        self.late: list[float] = []
        self.done = self.failed = 0
        self.body, self.responded, self.request_failed = self._body, self._responded, self._failed

    def _body(self, kind: str, size: int) -> None:
        del kind
        second = int(self._loop.clock())
        self.bytes[second] = self.bytes.get(second, 0) + size

    def _failed(self, *_: object, **__: object) -> None:
        self.failed += 1

    def _responded(self, kind: str, status: int, *, size: int, head: int, ttfb: float, **_: object) -> None:
        del kind, status
        now = self._loop.clock()
        if self._start <= now < self._end:
            self.done += 1
            if (line := self.last_mile) is not None and line.rate(int(now - self.join_at)):
                promised = line.trip + min(size + head, PACKET) * 8 / line.rate(int(now - self.join_at))
                self.late.append(ttfb - promised)

    def told(self) -> dict[str, Any]:
        """For the file."""
        got = sum(self.bytes.get(second, 0) for second in range(self._start, self._end))
        line, start = self.last_mile, self._start - self.join_at
        promised = line.bits(start, start + self._end - self._start) / 8 if line else 0.0
        return {"promised": promised, "got": got, "late": self.late, "done": self.done, "failed": self.failed}


class Accounts(Recorder):
    """One for each viewer, who is a cohort of its own."""

    def __init__(self, loop: Loop, work: Work) -> None:
        super().__init__()
        (step,) = work.stairs.steps()
        rest = REST if work.protocol == "endless" else 0
        self._loop, self._start, self._end = loop, step.start + rest, step.end
        self.of: dict[str, Account] = {}

    def tally(self, region: str, cohort: str) -> CohortTally:
        """The viewer's."""
        del region
        if cohort not in self.of:
            self.of[cohort] = Account(self._loop, self._start, self._end)
        return cast("CohortTally", self.of[cohort])

    def close_until(self, at: float) -> Any:
        """No windows."""
        self.second = int(at)
        return iter(())


def endless(viewer: Viewer, work: Work) -> Session:
    """One request."""
    yield WaitUntil(viewer.join_at)
    yield Get(f"{work.origins[viewer.number % len(work.origins)]}/{ENDLESS}", "segment", limit=2**40, timeout=1e6)


def make_loop(name: str, work: Work, accounts: list[Accounts]) -> Loop:
    """With everybody who comes."""
    plan = scenario(work.model_copy(update={"protocol": "paced"}) if work.protocol == "endless" else work)

    def watch(viewer: Viewer, tally: CohortTally) -> Session:
        account = cast("Account", tally)
        account.join_at, account.last_mile = viewer.join_at, profile(name, viewer.number)
        if work.protocol == "endless":
            return endless(viewer, work)
        return plan.stream.watch(viewer, plan.player, tally)

    coming = (viewer._replace(cohort=str(viewer.number)) for viewer in arrivals(plan, work.epoch))
    target = plan.target
    reach = Reach(
        target.resolve, target.ca_file, target.claimed_hosts, last_mile=lambda viewer: profile(name, viewer.number)
    )
    loop = Loop(coming, watch, reach=reach, begins=time.monotonic() + work.epoch - time.time())
    accounts.append(Accounts(loop, work))
    loop.recorder = accounts[0]
    return loop


def main(name: str) -> None:
    """Drive until the climb is over, then write down what each viewer got."""
    work = Work.model_validate_json(Path(os.environ["BENCHMARK_WORK"]).read_text(encoding="utf-8"))
    accounts: list[Accounts] = []
    loop = make_loop(name, work, accounts)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)
    reported, end = 0, work.stairs.duration + 1
    with (work.folder / SECONDS).open("w", encoding="utf-8") as lines:
        while (now := loop.clock()) < end:
            loop.step()
            if now >= reported + 1:
                reported = int(now)
                line = loop.health.read(reported - 1, "shaped", sockets=loop.sockets, viewers=0, received=0)
                lines.write(line.model_dump_json() + "\n")
                lines.flush()
            time.sleep(TICK)
    told = [account.told() for account in accounts[0].of.values()]
    (work.folder / VIEWERS).write_text(json.dumps({"viewers": told, "faults": loop.health.faults}), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
