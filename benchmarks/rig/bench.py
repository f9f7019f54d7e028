"""Runs clients against the servers, prints a line for each step, and keeps them all for the JSON file."""

from __future__ import annotations

import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Final, TypeAlias

from benchmarks.rig import ours, users
from benchmarks.rig.machine import missing
from benchmarks.rig.measured import Measured
from benchmarks.rig.report import row
from benchmarks.rig.servers import Servers, serving
from benchmarks.rig.work import Stairs, Work

US: Final = "surgecast"
FAST: Final = "FastHttpUser"
HTTP: Final = "HttpUser"

Climb: TypeAlias = Callable[[Work, Servers], list[Measured]]
CLIMBS: Final[dict[str, Climb]] = {US: ours.climb, FAST: users.climb, HTTP: users.climb}
ATTEMPTS: Final = 3
"""To get one figure on a machine that is busy with something else."""
RATES: Final = {US: 2000.0, FAST: 400.0, HTTP: 100.0}
"""Viewers a second that join in the first ramp: what each client takes with room to spare."""


class Bench:
    """The servers, and what was measured against them so far."""

    def __init__(self, servers: Servers, seconds: int, folder: Path) -> None:
        self.servers, self.seconds = servers, seconds
        self.all: list[Measured] = []
        self._folders = (folder / str(number) for number in count())

    def work(self, client: str, levels: tuple[int, ...], *, rate: float = 0.0, kind: str = "http", **rest: Any) -> Work:
        """What a client is to do against one kind of server; ``rest`` are further fields of `Work`."""
        secure = {} if kind.startswith("http") and kind != "https" else {"ca_file": self.servers.ca_file}
        rate = rate or RATES.get(client, RATES[FAST])
        fields = {
            "client": client,
            "origins": self.servers.origins(kind, levels[-1]),
            "stairs": Stairs(levels=levels, rate=rate, hold=self.seconds),
            "out": str(next(self._folders)),
            **secure,
            **rest,
        }
        return Work.model_validate(fields)

    def run(self, work: Work, climb: Climb | None = None, verdict: str | None = None) -> list[Measured]:
        """One climb; ``verdict`` instead of held or not held."""
        measured = (climb or CLIMBS[work.client])(work, self.servers)
        for one in measured:
            print(row(one, verdict), flush=True)
        self.all += measured
        return measured

    def once(self, work: Work, climb: Climb | None = None, verdict: str | None = None) -> Measured:
        """A climb of one step."""
        for number in range(ATTEMPTS):
            again = work.model_copy(update={"out": f"{work.out}-{number}"})
            if measured := self.run(again, climb, verdict):
                return measured[0]
        raise RuntimeError(f"{work.client}: no figure in {ATTEMPTS} attempts")


@contextmanager
def benching(name: str, seconds: int) -> Iterator[Bench]:
    """A bench, if this machine can be measured on."""
    if why := missing():
        sys.exit(f"{name}: {why}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(f"{name}: ended early"))  # so that nginx and clients end too
    with serving() as servers, tempfile.TemporaryDirectory(prefix="surgecast-bench-") as folder:
        yield Bench(servers, seconds, Path(folder))
