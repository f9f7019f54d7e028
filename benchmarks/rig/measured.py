"""What came of one step of one client, and the one definition of *held*."""

from __future__ import annotations

import math
import subprocess
import sys
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

from benchmarks.rig.machine import Moment, sleep_until
from benchmarks.rig.perf import Sampling
from benchmarks.rig.servers import Servers
from benchmarks.rig.work import PER_VIEWER, Step, Work

CPU_HELD: Final = 0.90
"""Of one core, all processes of the client together."""
LAG_HELD: Final = 0.020
"""Seconds that requests start later than due, p99."""
DONE_HELD: Final = 0.98
"""Of the requests due."""
FULL: Final = 0.97
"""Of its core: a client that uses more has nothing left, and no later step will be held."""
LATE: Final = 0.05
"""Of a step's length: when its ends were looked at later than that, it is not known what it used."""
SERVER_FULL: Final = 0.95
"""Of its core: nginx is the limit, so a client's figure is a lower bound."""


class Climbed(NamedTuple):
    """A step, and the counters at its ends."""

    step: Step
    before: Moment
    after: Moment
    kernel_share: float
    """Of the client's CPU, by perf; NaN where nobody looked."""


class Told(NamedTuple):
    """What a client says of the seconds of one step itself."""

    viewers: float
    requests: float
    """A second."""
    lag_p99: float
    errors: int
    reconnects: int
    body_bytes: float
    """A second."""
    joins: float = math.nan
    """A second."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One client at one step. Times are seconds, rates per second, CPU is shares of one core."""

    client: str
    level: int
    """Viewers planned."""
    viewers: int
    """Viewers present."""
    seconds: float
    requests: float
    body_bytes: float
    cpu: float
    kernel: float
    """Of ``cpu``, as the system's ticks see it."""
    kernel_share: float
    """Of ``cpu``, as perf sees it; NaN where nobody looked."""
    others: float
    """Of the client's core, used by others: above a few per cent the figures are no good."""
    server_cpu: float
    server_core: float
    lag_p99: float
    errors: int
    reconnects: int
    joins: float
    connections: float
    """Accepted by nginx, a second."""
    answered: float
    """By nginx, a second: the second witness of ``requests``."""
    private_bytes: float
    """At the end: what the client's processes hold for themselves; NaN where nobody looked."""
    socket_buffer_bytes: int
    """At the end: of all TCP sockets of this machine."""
    slab_bytes: int
    """At the end: the kernel's small objects, sockets among them."""

    @property
    def held(self) -> bool:
        """Whether the client did all of the paced work in time."""
        due = self.viewers * PER_VIEWER
        kept = self.cpu < CPU_HELD and self.lag_p99 < LAG_HELD
        return kept and not self.errors and self.requests >= due * DONE_HELD

    @property
    def microseconds(self) -> float:
        """CPU of the client per request."""
        return self.cpu / self.requests * 1e6 if self.requests else math.nan

    @property
    def microseconds_in_kernel(self) -> float:
        """Of `microseconds`: by perf where it looked, otherwise by the system's ticks."""
        share = self.kernel / self.cpu if math.isnan(self.kernel_share) else self.kernel_share
        return self.microseconds * share

    @property
    def per_core(self) -> float:
        """Requests per core-second of the client."""
        return self.requests / self.cpu if self.cpu else math.nan

    @property
    def gigabits_per_core(self) -> float:
        """Body bits per core-second of the client."""
        return self.body_bytes * 8 / 1e9 / self.cpu if self.cpu else math.nan

    @property
    def is_bound(self) -> bool:
        """Whether nginx was the limit."""
        return self.server_core > SERVER_FULL

    def figures(self) -> dict[str, Any]:
        """For JSON: what is not known is left out."""
        derived = {"held": self.held, "microseconds_per_request": self.microseconds, "server_full": self.is_bound}
        known = asdict(self) | derived
        return {name: value for name, value in known.items() if not _is_nan(value)}


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and math.isnan(value)


def put_together(work: Work, told: Told, climbed: Climbed) -> Measured:
    """What the client says, and what the system says of the same seconds."""
    before, after = climbed.before, climbed.after
    seconds = after.at - before.at
    cpu, core = after.client.since(before.client), after.client_core.since(before.client_core)
    spread = len(work.core.split(",")) if work.core else 1
    return Measured(
        client=work.client,
        level=climbed.step.viewers,
        viewers=round(told.viewers),
        seconds=seconds,
        requests=told.requests,
        body_bytes=told.body_bytes,
        cpu=cpu.total / seconds,
        kernel=cpu.kernel / seconds,
        kernel_share=climbed.kernel_share,
        others=max(0.0, core.total - cpu.total) / seconds if spread == 1 else math.nan,
        server_cpu=after.server.since(before.server).total / seconds,
        server_core=after.server_core.since(before.server_core).total / seconds,
        lag_p99=told.lag_p99,
        errors=told.errors,
        reconnects=told.reconnects,
        joins=told.joins,
        connections=(after.connections - before.connections) / seconds,
        answered=(after.requests - before.requests) / seconds,
        private_bytes=after.memory.private,
        socket_buffer_bytes=after.memory.buffers,
        slab_bytes=after.memory.slab,
    )


def follow(work: Work, epoch: float, servers: Servers, client: subprocess.Popen[bytes]) -> list[Climbed]:
    """Watch a client climb: the counters at both ends of each step; stops early when it is full or gone."""
    climbed = []
    full = 0
    for step in work.stairs.steps():
        sleep_until(epoch + step.start)
        before = servers.moment(client.pid)
        sampling = Sampling(client.pid, work.stairs.hold - 1, work.folder / "perf.data") if work.sampled else None
        sleep_until(epoch + step.end)
        if client.poll() is not None:
            break
        after = servers.moment(client.pid, private=work.protocol == "idle")
        if abs(after.at - before.at - work.stairs.hold) > LATE * work.stairs.hold:
            sys.stderr.write(f"{work.client} at {step.viewers:,} viewers: we were held up ourselves, no figure\n")
            continue
        climbed.append(Climbed(step, before, after, sampling.kernel_share() if sampling else math.nan))
        full += after.client.since(before.client).total > FULL * (after.at - before.at)
        if full > 1 and work.protocol == "paced":
            break
    return climbed
