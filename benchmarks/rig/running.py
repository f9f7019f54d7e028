"""Starts a client and sees to it that nothing of it is left."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from benchmarks.rig.machine import CLIENT_CORE, tree
from benchmarks.rig.work import Work

MASTER_PORT: Final = "9190"
"""Where Locust's workers meet their master."""
GRACE: Final = 1.0
"""Seconds that the servers get to close what the client left open."""


def core_of(work: Work) -> str:
    """The core or cores of the client."""
    return work.core or str(CLIENT_CORE)


@contextmanager
def started(command: list[str], work: Work) -> Iterator[subprocess.Popen[bytes]]:
    """Run a client for a while; it finds its work by the environment, and is killed with all of its processes."""
    place = work.write()
    ports = {"LOCUST_MASTER_NODE_PORT": MASTER_PORT, "LOCUST_MASTER_BIND_PORT": MASTER_PORT}
    environment = {**os.environ, **ports, "BENCHMARK_WORK": str(place)}
    with (work.folder / "client.stdout").open("wb") as out, (work.folder / "client.stderr").open("wb") as err:
        process = subprocess.Popen(
            command, env=environment, stdin=subprocess.DEVNULL, stdout=out, stderr=err, start_new_session=True
        )
    try:
        yield process
    finally:
        end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """Kill a client that we started, and the processes that it started."""
    family = tree(process.pid)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 10
    while any(member.is_running() and member.status() != "zombie" for member in family[1:]):
        if time.monotonic() > deadline:
            raise RuntimeError(f"processes of the client are left: {family}")
        time.sleep(0.05)
    time.sleep(GRACE)
