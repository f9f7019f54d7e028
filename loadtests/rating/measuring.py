"""Makes the climb: starts sinks and one worker under Locust, watches them, and reads the run that comes of it."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Final, NamedTuple

from loadtests.errors import CannotMeasure, SurgecastError
from loadtests.rating.certificate import write_chain
from loadtests.rating.fit import Second
from loadtests.rating.sample import PERIOD, Between, Sampler
from loadtests.rating.staircase import Climb, Staircase
from loadtests.results import LINE, Generator, Window
from loadtests.run import RUN_FILE
from loadtests.scenario import Scenario

HOST: Final = "sink.surgecast.test"
"""Name of the sinks. ``.test`` is reserved (RFC 6761): no such name exists outside."""
ADDRESSES: Final = 4
"""Loopback addresses of the sinks: connecting to one of them is quick for some 14,000 connections only."""
TAIL: Final = 65_536
"""Bytes at the end of a run that hold its last seconds."""
SLACK: Final = 20.0
"""Seconds beyond the climb that Locust may take to start and to stop."""
LIGHT: Final = 20_000
"""Bytes of a light segment: what the density benchmark serves."""
HEAVY: Final = 250_000
BUDGET: Final = 600e6
"""Bytes per second of heavy segments: 5 Gbit/s, of which loopback carries several times as much."""
BUDGET_SECURE: Final = 120e6
"""The same over TLS, which a core decrypts at some 6 Gbit/s."""

WAITING_LIMIT: Final = 0.10
"""Share of a second that the generator may wait for a core that somebody else has."""
STEAL_LIMIT: Final = 0.05
"""Cores that the hypervisor may take."""
OTHERS_LIMIT: Final = 0.25
"""Share of all cores that others may use, where the system does not tell who waited."""


class Climbed(NamedTuple):
    """What a climb brought."""

    stairs: Staircase
    pace: float
    seconds: tuple[Second, ...]
    sinks: int
    secure: bool


class Wish(NamedTuple):
    """How to climb."""

    stairs: Staircase
    pace: float
    sinks: int
    secure: bool


def climb(scenario: Scenario, wish: Wish) -> Climbed:
    """Measure this machine; CannotMeasure when the climb brought nothing that can be read."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as stack:
        folder = Path(name)
        ca_file = str(write_chain(folder, HOST)) if wish.secure else ""
        listeners = [stack.enter_context(listener) for listener in listen()]
        chain = str(folder / "chain.pem") if wish.secure else ""
        sinks = [stack.enter_context(_sink(listeners[k :: wish.sinks], wish, chain)) for k in range(wish.sinks)]
        port = listeners[0].getsockname()[1]
        plan = Climb(
            scenario=scenario,
            url=f"{'https' if wish.secure else 'http'}://{HOST}:{port}/master.m3u8",
            resolve=(f"{HOST}:{port}:{','.join(one.getsockname()[0] for one in listeners)}",),
            ca_file=ca_file,
            stairs=wish.stairs,
            out=str(folder / "run"),
        )
        sampler = _generate(plan, folder, [sink.pid for sink in sinks])
        seconds = read_seconds(folder / "run" / RUN_FILE, wish.stairs, sampler)
    return Climbed(wish.stairs, wish.pace, seconds, len(sinks), wish.secure)


def listen() -> list[socket.socket]:
    """Listening sockets of one port on as many loopback addresses as there are, up to `ADDRESSES`; one at least."""
    first = socket.create_server(("127.0.0.1", 0), backlog=4096)
    found = [first]
    for number in range(2, ADDRESSES + 1):
        try:
            found.append(socket.create_server((f"127.0.0.{number}", first.getsockname()[1]), backlog=4096))
        except OSError:
            break  # taken, or no such address (macOS)
    return found


@contextmanager
def _sink(listeners: Sequence[socket.socket], wish: Wish, chain: str) -> Iterator[subprocess.Popen[bytes]]:
    fds = [listener.fileno() for listener in listeners]
    words = {
        "--fds": ",".join(map(str, fds)),
        "--parent": os.getpid(),
        "--pace": wish.pace,
        "--light": LIGHT,
        "--heavy": HEAVY,
        "--budget": (BUDGET_SECURE if wish.secure else BUDGET) / wish.sinks,
    }
    command = [sys.executable, "-m", "loadtests.rating.sink", *(str(word) for pair in words.items() for word in pair)]
    command += ["--chain", chain] if chain else []
    with subprocess.Popen(command, pass_fds=fds, stdin=subprocess.DEVNULL) as process:  # noqa: S603 - our own words
        try:
            yield process
        finally:
            process.terminate()


def _generate(plan: Climb, folder: Path, sinks: Sequence[int]) -> Sampler:
    """Run Locust to the end of the climb, sampling the machine; its log is in the message when it leaves no run."""
    file, log = folder / "climb.json", folder / "locust.log"
    file.write_text(plan.model_dump_json(), encoding="utf-8")
    locustfile = str(resources.files("loadtests") / "wiring" / "rated.py")
    command = [sys.executable, "-m", "locust", "-f", locustfile, "--headless", "--only-summary", "--climb", str(file)]
    deadline, run = time.monotonic() + plan.stairs.duration + SLACK, Path(plan.out) / RUN_FILE
    last = int(plan.stairs.read_until) - 1
    with log.open("wb") as output, subprocess.Popen(command, stdout=output, stderr=output) as child:  # noqa: S603
        sampler = Sampler(child.pid, sinks)
        try:
            while child.poll() is None and time.monotonic() < deadline and not has_second(run, last):
                sampler.take()
                time.sleep(PERIOD)
        finally:
            child.kill()
    if not run.is_file() or not run.stat().st_size:
        said = log.read_text(encoding="utf-8", errors="replace").strip()
        raise SurgecastError("the measuring process left no run", hint=said[-600:] or "it said nothing")
    return sampler


def has_second(run: Path, at: int) -> bool:
    """Whether the run has that second, or its footer; what Locust does from then on is of no interest."""
    try:
        with run.open("rb") as file:
            file.seek(-min(TAIL, run.stat().st_size), os.SEEK_END)
            end = file.read()
    except OSError:
        return False
    return f'{{"line":"generator","at":{at},'.encode() in end or b'{"line":"footer"' in end


def read_seconds(file: Path, stairs: Staircase, sampler: Sampler) -> tuple[Second, ...]:
    """The seconds of a climb but for the first, in which Locust still starts; CannotMeasure when there are none."""
    first, *rest = (line for line in file.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n"))
    epoch = datetime.fromisoformat(json.loads(first)["started_at"]).timestamp()
    windows: dict[int, list[Window]] = defaultdict(list)
    health: dict[int, Generator] = {}
    for line in map(LINE.validate_json, rest):
        if isinstance(line, Window):
            windows[line.at].append(line)
        elif isinstance(line, Generator):
            health[line.at] = line
    seconds = tuple(
        _second(at, windows[at], health[at], stairs, between)
        for at in sorted(health)
        if 1 <= at < stairs.read_until and (between := sampler.second(epoch + at)) is not None
    )
    if not seconds:
        raise CannotMeasure("the climb brought no whole second", hint="stop other work on this machine, then try again")
    return seconds


def _second(at: int, windows: list[Window], line: Generator, stairs: Staircase, between: Between) -> Second:
    kinds = [sums for window in windows for sums in window.requests.values()]
    errors = sum(sums.failed for sums in kinds)
    return Second(
        at=at,
        step=stairs.step_of(at),
        viewers=line.viewers,
        joins=sum(window.players.joins for window in windows),
        requests=sum(sums.count for sums in kinds),
        errors=errors,
        bytes=sum(sums.bytes + sums.head_bytes for sums in kinds),
        sockets=line.sockets,
        cpu=line.cpu,
        lag=line.lag,
        sink=between.sink,
        others=between.others,
        disturbed=why_disturbed(between, line, errors),
        memory=between.memory,
    )


def why_disturbed(between: Between, line: Generator, errors: int) -> str:
    """Why a second does not show what the generator can do, as the key of a sentence; empty when it does."""
    if between.waiting > WAITING_LIMIT:
        return "waiting"
    if between.steal > STEAL_LIMIT:
        return "steal"
    if not sys.platform.startswith("linux") and between.others > OTHERS_LIMIT * (os.cpu_count() or 1):
        return "others"
    if errors or line.dropped or line.faults:
        return "errors"
    return ""
